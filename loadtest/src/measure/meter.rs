//! Meter of what servers, tester and all other processes used between two moments.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::RunError;
use crate::measure::listening::ServerProcess;
use crate::measure::process::{self, CpuReading};
use crate::measure::prometheus::{ProcessMetrics, Scraper};
use crate::measure::watch::Watch;

/// Above this share of a core the tester may have been the limit.
const TESTER_CORES_MAX: f64 = 0.9;
/// Above this many cores used by others, figures are not to be trusted.
const OTHER_CORES_MAX: f64 = 0.2;

/// Reads the processes that concern a run: servers on this machine, servers that publish what they use, the tester.
#[derive(Debug)]
pub(crate) struct Meter {
    watch: Arc<Watch>,
    scrapers: Vec<Scraper>,
}

/// State of all meters at one moment.
#[derive(Debug)]
pub(crate) struct Reading {
    at: Instant,
    watch: Arc<Watch>,
    /// `None` if one that the tester found has ended.
    servers: Option<Vec<CpuReading>>,
    /// Each with whether it is on this machine.
    scrapes: Vec<(ProcessMetrics, bool)>,
    tester: CpuReading,
    machine_busy: Duration,
}

/// Resources used between two readings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Usage {
    /// Wall-clock seconds between the readings.
    pub seconds: f64,
    /// Processor seconds of all servers; `None` when none was named.
    pub server_cpu_seconds: Option<f64>,
    /// Cores the servers kept busy.
    pub server_cores: Option<f64>,
    /// Cores the tester kept busy; it has one thread.
    pub tester_cores: f64,
    /// Cores that all other processes of the machine kept busy (including unnamed servers).
    pub other_cores: f64,
    /// The processes of servers on this machine that were measured.
    #[serde(default)]
    pub processes: Vec<ServerProcess>,
    /// Reasons why the figures of the servers may be incomplete, in words.
    #[serde(default)]
    pub doubts: Vec<String>,
}

impl Meter {
    /// A meter for these processes and for servers that publish what they use. Fails if one of them cannot be read.
    pub(crate) fn new(watch: Watch, scrapers: Vec<Scraper>) -> Result<Self, RunError> {
        let meter = Self { watch: Arc::new(watch), scrapers };
        meter.read()?;
        Ok(meter)
    }

    /// Reads all meters now.
    pub(crate) fn read(&self) -> io::Result<Reading> {
        let servers = self.watch.processes.iter().map(|process| CpuReading::of(process.pid));
        Ok(Reading {
            at: Instant::now(),
            watch: Arc::clone(&self.watch),
            servers: self.unless_ended(servers.collect())?,
            scrapes: self
                .scrapers
                .iter()
                .map(|scraper| Ok((scraper.scrape()?, scraper.is_here())))
                .collect::<io::Result<_>>()?,
            tester: CpuReading::of(std::process::id())?,
            machine_busy: process::machine_busy()?,
        })
    }

    /// Resident memory of all servers together, in KiB; `None` when none was named.
    pub(crate) fn server_resident_kib(&self) -> io::Result<Option<u64>> {
        let processes = &self.watch.processes;
        if processes.is_empty() && self.scrapers.is_empty() {
            return Ok(None);
        }
        let processes = processes.iter().map(|process| process::resident_kib(process.pid));
        let Some(processes) = self.unless_ended(processes.sum::<io::Result<u64>>())? else { return Ok(None) };
        let scrapes = self.scrapers.iter().map(|scraper| Ok(scraper.scrape()?.resident_kib));
        Ok(Some(processes + scrapes.sum::<io::Result<u64>>()?))
    }

    /// Passes on what was read of the processes; `None` if one has ended that the tester had found by itself.
    fn unless_ended<T>(&self, read: io::Result<T>) -> io::Result<Option<T>> {
        match read {
            Err(_) if self.watch.is_found => Ok(None),
            read => read.map(Some),
        }
    }
}

impl Reading {
    /// Returns what was used since an `earlier` reading of the same meter.
    pub(crate) fn since(&self, earlier: &Self) -> Usage {
        let seconds = (self.at - earlier.at).as_secs_f64();
        let mut doubts = self.watch.doubts.clone();
        let processes = match (&self.servers, &earlier.servers) {
            (Some(now), Some(then)) => now.iter().zip(then).map(|(now, then)| now.since(then)).sum(),
            _ => {
                doubts
                    .push("a process of a server has ended: its processor time was not measured".to_owned());
                Duration::ZERO
            }
        };
        let is_complete = self.servers.is_some() && earlier.servers.is_some();
        let published = |is_here: bool| -> Duration {
            let pairs = self.scrapes.iter().zip(&earlier.scrapes);
            let pairs = pairs.filter(|(now, _)| now.1 == is_here);
            pairs.map(|((now, _), (then, _))| now.cpu.saturating_sub(then.cpu)).sum()
        };
        let here = processes + published(true);
        let servers = here + published(false);
        let tester = self.tester.since(&earlier.tester);
        let machine = self.machine_busy.saturating_sub(earlier.machine_busy);
        let is_measured = is_complete && !(self.watch.processes.is_empty() && self.scrapes.is_empty());
        Usage {
            seconds,
            server_cpu_seconds: is_measured.then_some(servers.as_secs_f64()),
            server_cores: is_measured.then_some(servers.as_secs_f64() / seconds),
            tester_cores: tester.as_secs_f64() / seconds,
            other_cores: machine.saturating_sub(here + tester).as_secs_f64() / seconds,
            processes: self.watch.processes.clone(),
            doubts,
        }
    }
}

impl Usage {
    /// Adds what another tester saw in the same time. Each tester has its own core, so that the busiest one decides
    /// whether the testers were the limit.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.seconds = self.seconds.max(other.seconds);
        self.tester_cores = self.tester_cores.max(other.tester_cores);
        self.other_cores = self.other_cores.max(other.other_cores);
    }

    /// Reasons to doubt the figures, in words.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.doubts.clone();
        if self.tester_cores > TESTER_CORES_MAX {
            warnings.push(format!(
                "the tester used {:.2} of its one core: rates and latencies are its limit, not the server's",
                self.tester_cores
            ));
        }
        if self.server_cpu_seconds.is_none() && self.processes.is_empty() {
            warnings.push(
                "no process of this machine was found for the URLs, and no --server-pid or --server-metrics given: the \
                 server's processor time was not measured"
                    .to_owned(),
            );
        } else if self.server_cpu_seconds.is_some() && self.other_cores > OTHER_CORES_MAX {
            warnings.push(format!(
                "other processes used {:.2} cores: measure on a quiet machine",
                self.other_cores
            ));
        }
        warnings
    }
}
