//! Processes that a run measures: those that were named, or else those of this machine that listen at the URLs.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::client::target;
use crate::error::RunError;
use crate::measure::listening::{ServerProcess, listeners};

/// The processes to measure, and what makes their figures doubtful.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    pub(crate) processes: Vec<ServerProcess>,
    /// Whether the tester found them by itself: they were not promised to be there, nor to stay.
    pub(crate) is_found: bool,
    /// In words; for the report.
    pub(crate) doubts: Vec<String>,
}

impl Watch {
    /// Finds out what to measure, and says so if it was not named. `pids` were named, and of `scraped` more servers
    /// what they publish is read.
    pub(crate) fn find(server_urls: &[String], pids: &[u32], scraped: usize) -> Result<Self, RunError> {
        let mut urls = HashMap::<SocketAddr, &str>::new();
        for url in server_urls {
            urls.insert(target::locate(url)?.address, url);
        }
        let mut found = Vec::new();
        let mut is_known_for_all = true;
        for (address, url) in &urls {
            let processes = listeners(*address)?;
            is_known_for_all &= !processes.is_empty();
            found.extend(processes.into_iter().map(|process| (process, *url)));
        }
        found.sort_unstable();
        found.dedup_by(|one, other| one.0 == other.0);
        if pids.is_empty() && scraped == 0 {
            for (process, url) in &found {
                eprintln!("measuring process {process}, which listens at {url}");
            }
            let processes: Vec<_> = found.into_iter().map(|(process, _)| process).collect();
            let doubts = match is_known_for_all || processes.is_empty() {
                true => Vec::new(),
                false => vec![
                    "no process was found for some of the URLs: the server's figures are without it"
                        .to_owned(),
                ],
            };
            return Ok(Self { processes, is_found: true, doubts });
        }
        let processes = pids.iter().copied().map(ServerProcess::of).collect();
        let missing: Vec<_> = found.iter().filter(|(found, _)| !pids.contains(&found.pid)).collect();
        let count = pids.len() + scraped;
        let mut doubts = Vec::new();
        // One process may serve several URLs, and one that is not watched may be a balancer in front of those that are.
        if count < urls.len() && !(is_known_for_all && missing.is_empty()) {
            let missing: Vec<_> =
                missing.iter().map(|(process, url)| format!("process {process} at {url}")).collect();
            let missing = match missing.is_empty() {
                true => String::new(),
                false => format!(", such as {}", missing.join(", ")),
            };
            let doubt = format!(
                "{} URLs and {count} --server-pid or --server-metrics: the server's figures are without those that are \
                 not named{missing}",
                urls.len()
            );
            eprintln!("warning: {doubt}");
            doubts.push(doubt);
        }
        Ok(Self { processes, is_found: false, doubts })
    }
}
