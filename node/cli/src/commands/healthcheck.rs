//! `fanfare healthcheck`: asks a node whether it is well, for a container's health check and for scripts.
//!
//! One GET of HTTP/1.0 over a plain connection: no runtime, no client library, and never longer than it may take.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use figment::value::Dict;
use http::Uri;

use crate::config::Config;

/// Bytes of an answer that are read: reasons are short.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[derive(Args)]
pub struct Arguments {
    /// Configuration file (TOML) of the node: the command asks its `ops_listen`, or the address in FANFARE_OPS_LISTEN.
    #[arg(long, env = "FANFARE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to ask instead, such as http://127.0.0.1:9464.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Ask whether the node answers at all (/healthz), and not whether it wants clients (/readyz).
    #[arg(long)]
    live: bool,
    /// A token, if the node asks operators for one.
    #[arg(long, env = "FANFARE_OPS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
    /// Time that the answer may take.
    #[arg(long, value_name = "TIME", default_value = "3s")]
    timeout: humantime::Duration,
}

/// Prints that the node is well; an error says why it is not, or that it could not be asked.
pub fn run(arguments: Arguments) -> Result<(), String> {
    let patience: Duration = arguments.timeout.into();
    let deadline = Instant::now() + patience;
    let (authority, token) = match &arguments.url {
        Some(url) => (authority_of(url)?, None),
        None => {
            let config = Config::load(arguments.config.as_deref(), Dict::new());
            let config = config.map_err(|faults| faults.to_string())?;
            (config.ops_listen.reachable(), config.ops_token)
        }
    };
    let token = arguments.token.or(token);
    let path = if arguments.live { "/healthz" } else { "/readyz" };
    let failed = |error: std::io::Error| format!("no answer from http://{authority}{path}: {error}");
    let mut stream = connect(&authority, deadline).map_err(failed)?;
    let answer = get(&mut stream, &authority, path, token.as_deref(), deadline).map_err(failed)?;
    let (status, body) = parse(&answer)
        .ok_or_else(|| format!("http://{authority}{path} answered with something that is not HTTP"))?;
    if status == 200 {
        println!("{}", body.trim());
        return Ok(());
    }
    Err(format!("http://{authority}{path} answered {status}:\n{}", body.trim()))
}

/// Host and port of an address.
fn authority_of(url: &str) -> Result<String, String> {
    let uri: Uri = url.parse().map_err(|error| format!("--url {url}: {error}"))?;
    let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(format!("--url {url}: it must look like http://127.0.0.1:9464"));
    };
    Ok(format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)))
}

fn connect(authority: &str, deadline: Instant) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::other("the name has no address");
    for address in authority.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, time_left(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn get(
    stream: &mut TcpStream,
    authority: &str,
    path: &str,
    token: Option<&str>,
    deadline: Instant,
) -> std::io::Result<Vec<u8>> {
    let token = token.map(|token| format!("authorization: Bearer {}\r\n", token.trim())).unwrap_or_default();
    stream.set_write_timeout(Some(time_left(deadline)?))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nhost: {authority}\r\n{token}\r\n").as_bytes())?;
    let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
    while answer.len() < ANSWER_BYTES_MAX {
        stream.set_read_timeout(Some(time_left(deadline)?))?;
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&chunk[..read]),
            // What a socket says when its time is over.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Err(too_late()),
            Err(error) => return Err(error),
        }
    }
    Ok(answer)
}

fn time_left(deadline: Instant) -> std::io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(too_late()) } else { Ok(left) }
}

fn too_late() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "timed out")
}

/// The status and the body of an answer.
fn parse(answer: &[u8]) -> Option<(u16, String)> {
    let answer = String::from_utf8_lossy(answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
