//! What a server tells Prometheus about its own process: processor time and resident memory.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use http::Uri;
use serde::{Serialize, Serializer};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longer answers are cut off.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Where a server publishes its metrics.
#[derive(Debug, Clone)]
pub struct MetricsUrl(Uri);

/// What it published at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessMetrics {
    /// The processor time of the process since it began; servers count it in steps of 10 ms.
    pub(crate) cpu: Duration,
    pub(crate) resident_kib: u64,
}

impl MetricsUrl {
    /// Whether the server is on this machine, as far as its address tells.
    pub(crate) fn is_here(&self) -> bool {
        self.0.host().is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]")
    }

    /// Asks for the metrics now.
    pub(crate) fn scrape(&self) -> io::Result<ProcessMetrics> {
        let fault = |reason: String| io::Error::other(format!("{self}: {reason}"));
        let answer = self.get().map_err(|error| fault(error.to_string()))?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| fault("no HTTP answer".to_owned()))?;
        let status = head.split(' ').nth(1).unwrap_or("nothing");
        if status != "200" {
            return Err(fault(format!("the server answered {status}")));
        }
        parse(body).map_err(|name| fault(format!("there is no {name}")))
    }

    /// HTTP/1.0, so that the body ends with the connection and comes in one piece.
    fn get(&self) -> io::Result<String> {
        let (host, port) = (self.0.host().unwrap_or_default(), self.0.port_u16().unwrap_or(80));
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let address = (name, port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let path = self.0.path_and_query().map_or("/", |path| path.as_str());
        let request = format!("GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nAccept: text/plain\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

impl FromStr for MetricsUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
        match (uri.scheme_str(), uri.host()) {
            (Some("http"), Some(_)) => Ok(Self(uri)),
            _ => Err("must be http://HOST[:PORT][/PATH]".to_owned()),
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
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const METRICS: &str = "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 12.5\n\
                           process_resident_memory_bytes{node=\"a b\"} 1.048576e+06 1700000000\n\
                           process_resident_memory_bytes_max 1\n";

    fn answer(head: &'static str) -> io::Result<ProcessMetrics> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = listener.local_addr().expect("bound");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accepts");
            let mut request = [0; 1024];
            let length = stream.read(&mut request).expect("reads");
            write!(stream, "{head}\r\n\r\n{METRICS}").expect("writes");
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let url: MetricsUrl = format!("http://{address}/metrics").parse().expect("valid");
        let found = url.scrape();
        assert!(url.is_here());
        assert!(server.join().expect("serves").starts_with("GET /metrics HTTP/1.0\r\n"));
        found
    }

    #[test]
    fn processor_time_and_memory_are_read_from_an_answer() {
        let expected = ProcessMetrics { cpu: Duration::from_millis(12_500), resident_kib: 1024 };
        assert_eq!(answer("HTTP/1.1 200 OK\r\ncontent-type: text/plain").expect("answered"), expected);
    }

    #[test]
    fn an_answer_that_is_not_200_is_an_error() {
        let error = answer("HTTP/1.1 404 Not Found").expect_err("refused").to_string();
        assert!(error.ends_with("the server answered 404"), "{error}");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(parse("process_cpu_seconds_total 1\n"), Err("process_resident_memory_bytes"));
    }

    #[test]
    fn only_plain_http_is_taken() {
        assert!("https://127.0.0.1:1/metrics".parse::<MetricsUrl>().is_err());
        assert!("127.0.0.1:1".parse::<MetricsUrl>().is_err());
    }
}
