//! Metrics of a server's own process, as it publishes them for Prometheus: processor time and resident memory.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Uri, header};
use rustls::crypto::ring;
use serde::{Serialize, Serializer};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::client::tls::{Trust, certificates};
use crate::error::RunError;

/// Longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longer answers are refused.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Page where a server publishes its metrics.
#[derive(Debug, Clone)]
pub struct MetricsUrl(Uri);

/// A bearer token, as the header that carries it; never shown.
#[derive(Clone)]
pub struct MetricsToken(HeaderValue);

/// Metrics of a process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessMetrics {
    /// The processor time of the process since it began; servers count it in steps of 10 ms.
    pub(crate) cpu: Duration,
    pub(crate) resident_kib: u64,
}

/// Reads the metrics of one server.
#[derive(Debug)]
pub(crate) struct Scraper {
    url: MetricsUrl,
    agent: Agent,
    token: Option<MetricsToken>,
}

impl Scraper {
    /// Connects to nothing yet. Fails if `trust` cannot be loaded.
    pub(crate) fn new(
        url: MetricsUrl,
        trust: Trust<'_>,
        token: Option<&MetricsToken>,
    ) -> Result<Self, RunError> {
        let agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            // A redirect would carry the token elsewhere; a proxy would see it.
            .max_redirects(0)
            .proxy(None)
            .max_idle_connections(0)
            .http_status_as_error(false)
            .tls_config(url.tls(trust)?)
            .build()
            .new_agent();
        Ok(Self { url, agent, token: token.cloned() })
    }

    /// Whether the server is on this machine, as far as its address tells.
    pub(crate) fn is_here(&self) -> bool {
        let host = self.url.0.host();
        host.is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]")
    }

    /// Asks for the metrics now.
    pub(crate) fn scrape(&self) -> io::Result<ProcessMetrics> {
        let fault = |reason: String| io::Error::other(format!("{}: {reason}", self.url));
        let mut request = self.agent.get(&self.url.0).header(header::ACCEPT, "text/plain");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, &token.0);
        }
        let mut answer = request.call().map_err(|error| fault(error.to_string()))?;
        match answer.status().as_u16() {
            200 => {}
            status @ (401 | 403) => {
                return Err(fault(format!("the server answered {status}: give --server-metrics-token")));
            }
            status => return Err(fault(format!("the server answered {status}"))),
        }
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let body = body.map_err(|error| fault(error.to_string()))?;
        parse(&body).map_err(|name| fault(format!("there is no {name}")))
    }
}

impl MetricsUrl {
    fn tls(&self, trust: Trust<'_>) -> Result<TlsConfig, RunError> {
        let builder =
            TlsConfig::builder().unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()));
        let roots: Vec<Certificate<'static>> = match self.0.scheme_str() {
            Some("https") => {
                certificates(trust)?.iter().map(|root| Certificate::from_der(root).to_owned()).collect()
            }
            _ => Vec::new(),
        };
        Ok(builder
            .root_certs(RootCerts::new_with_certs(&roots))
            .disable_verification(matches!(trust, Trust::All))
            .build())
    }
}

impl FromStr for MetricsToken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("must be visible ASCII without spaces".to_owned());
        }
        let mut header =
            HeaderValue::from_str(&format!("Bearer {text}")).map_err(|error| error.to_string())?;
        header.set_sensitive(true);
        Ok(Self(header))
    }
}

impl fmt::Debug for MetricsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsToken")
    }
}

impl FromStr for MetricsUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
        match (uri.scheme_str(), uri.authority()) {
            (Some("http" | "https"), Some(authority)) if !authority.as_str().contains('@') => Ok(Self(uri)),
            _ => Err("must be http://HOST[:PORT][/PATH], or the same with https".to_owned()),
        }
    }
}

impl fmt::Display for MetricsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for MetricsUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The two metrics of the text format; the error is the name of the one that is missing.
fn parse(text: &str) -> Result<ProcessMetrics, &'static str> {
    let value = |name: &'static str| {
        let is_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        // The value stands behind the labels, and a time may stand behind the value.
        let number = |line: &str| -> Option<f64> {
            let rest = line.rsplit_once('}').map_or(&line[name.len()..], |(_, rest)| rest);
            rest.split_whitespace()
                .next()?
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite() && *value >= 0.0)
        };
        let values: Vec<f64> = text.lines().filter(is_it).filter_map(number).collect();
        if values.is_empty() { Err(name) } else { Ok(values.iter().sum::<f64>()) }
    };
    let (seconds, bytes) = (value("process_cpu_seconds_total")?, value("process_resident_memory_bytes")?);
    Ok(ProcessMetrics { cpu: Duration::from_secs_f64(seconds), resident_kib: (bytes / 1024.0) as u64 })
}

#[cfg(test)]
mod tests;
