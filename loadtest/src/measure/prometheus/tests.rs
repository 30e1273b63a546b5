use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;

const METRICS: &str = "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 12.5\n\
                       process_resident_memory_bytes{node=\"a b\"} 1.048576e+06 1700000000\n\
                       process_resident_memory_bytes_max 1\n";

/// Scrapes a server that answers with this head; what it read, and what the scraper got.
fn answer(head: &'static str, token: Option<&str>) -> (String, io::Result<ProcessMetrics>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("bound");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("accepts");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a request");
            request.push(byte[0]);
        }
        write!(stream, "{head}\r\n\r\n{METRICS}").expect("writes");
        String::from_utf8(request).expect("text").to_ascii_lowercase()
    });
    let url: MetricsUrl = format!("http://{address}/metrics").parse().expect("valid");
    let token: Option<MetricsToken> = token.map(|token| token.parse().expect("valid"));
    let scraper = Scraper::new(url, Trust::Machine, token.as_ref()).expect("needs no certificate");
    assert!(scraper.is_here());
    let found = scraper.scrape();
    (server.join().expect("serves"), found)
}

#[test]
fn processor_time_and_memory_are_read_from_an_answer() {
    let expected = ProcessMetrics { cpu: Duration::from_millis(12_500), resident_kib: 1024 };
    let (request, found) = answer("HTTP/1.1 200 OK\r\ncontent-type: text/plain", None);
    assert_eq!(found.expect("answered"), expected);
    assert!(request.starts_with("get /metrics http/1.1\r\n"), "{request}");
    assert!(!request.contains("authorization"), "{request}");
}

#[test]
fn a_token_is_sent_and_never_shown() {
    let (request, found) = answer("HTTP/1.1 200 OK", Some("s3cret"));
    assert!(found.is_ok() && request.contains("\r\nauthorization: bearer s3cret\r\n"), "{request}");
    let token: MetricsToken = "s3cret".parse().expect("valid");
    assert!(!format!("{token:?}").contains("s3cret"));
    assert!("a b".parse::<MetricsToken>().is_err() && "a\r\nb: c".parse::<MetricsToken>().is_err());
}

#[test]
fn an_answer_that_is_not_200_is_an_error() {
    for (head, reason) in [
        ("HTTP/1.1 404 Not Found", "the server answered 404"),
        ("HTTP/1.1 401 Unauthorized", "the server answered 401: give --server-metrics-token"),
        ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/", "the server answered 302"),
    ] {
        let error = answer(head, Some("s3cret")).1.expect_err("refused").to_string();
        assert!(error.ends_with(reason), "{error}");
    }
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(parse("process_cpu_seconds_total 1\n"), Err("process_resident_memory_bytes"));
}

#[test]
fn only_http_and_https_are_taken() {
    assert!("https://127.0.0.1:1/metrics".parse::<MetricsUrl>().is_ok());
    for nonsense in ["ftp://127.0.0.1:1/metrics", "127.0.0.1:1", "http://user:password@127.0.0.1/metrics"] {
        assert!(nonsense.parse::<MetricsUrl>().is_err(), "{nonsense}");
    }
}
