//! The `Host` header of a request. HTTP/1.1 wants exactly one: proxies and servers that take different ones of two for
//! true can be played against each other.

use std::net::Ipv6Addr;

use http::header::HOST;
use http::{HeaderMap, Version};

/// Whether a request names its host as RFC 9112, section 3.2 demands.
pub(super) fn is_valid(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version < Version::HTTP_11,
        (Some(host), None) => host.to_str().is_ok_and(is_host),
        (Some(_), Some(_)) => false,
    }
}

/// `uri-host [ ":" port ]` of RFC 9110, section 7.2. A name may be empty: a client then knows none.
fn is_host(text: &str) -> bool {
    let (is_named, port) = match text.strip_prefix('[').map(|literal| literal.split_once(']')) {
        Some(Some((address, port))) => (address.parse::<Ipv6Addr>().is_ok(), port),
        Some(None) => (false, ""),
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (name.bytes().all(is_of_name), port)
        }
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    is_named && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// Whether a byte may be part of a `reg-name` of RFC 3986, section 3.2.2.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests;
