//! Pages that may open a WebSocket. A browser sends the cookies of a service along with it, whatever page asks for it,
//! and asks no server first, as it does before a page of another origin reads the answer to a request.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderValue};

use crate::options::Cors;

/// The origins from which WebSockets may be opened.
pub struct Origins {
    /// `None` = any.
    allowed: Option<Box<[HeaderValue]>>,
}

impl Origins {
    /// Those that CORS lists. `Options::faults` has refused whatever could not be converted here.
    pub fn new(cors: Option<&Cors>) -> Self {
        let cors = cors.filter(|cors| cors.websocket && !cors.origins.iter().any(|origin| origin == "*"));
        let headers = |origins: &[String]| {
            origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok()).collect()
        };
        Self { allowed: cors.map(|cors| headers(&cors.origins)) }
    }

    /// Whether a request for a WebSocket is let in: from an origin of the list, from a page of the host that it asks, or
    /// without any origin, from a program that is not a browser.
    pub(super) fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(allowed) = &self.allowed else { return true };
        let mut origins = headers.get_all(ORIGIN).iter();
        origins.all(|origin| allowed.contains(origin) || is_of_host(origin, headers.get(HOST)))
    }
}

/// Whether a page of that origin came from that host. By what scheme is not known where a proxy ends TLS.
fn is_of_host(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let (Ok(origin), Some(host)) = (origin.to_str(), host) else { return false };
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    authority.is_some_and(|authority| authority.as_bytes().eq_ignore_ascii_case(host.as_bytes()))
}

#[cfg(test)]
mod tests;
