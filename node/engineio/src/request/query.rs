//! The query of an Engine.IO request, read as `URLSearchParams` reads it: it refuses nothing.

use std::borrow::Cow;

use crate::error::HandshakeError;

/// The parameters that matter. An empty value counts as a missing one; of two, the last counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// `transport`: what the client asks for.
    pub transport: Option<String>,
    /// `EIO`: the protocol version.
    pub eio: Option<String>,
    /// `sid`: the session, absent in a handshake.
    pub sid: Option<String>,
    /// `b64`: the client cannot receive binary frames; any value but the empty one switches it on.
    pub b64: bool,
}

impl Query {
    /// Reads the part of the URL after `?`. Never fails: what cannot be decoded is replaced, and the checks
    /// that follow refuse it.
    pub fn parse(raw_query: &str) -> Query {
        let mut query = Query::default();
        for pair in raw_query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let text = || Some(decode(value).into_owned()).filter(|text| !text.is_empty());
            match decode(name).as_ref() {
                "transport" => query.transport = text(),
                "EIO" => query.eio = text(),
                "sid" => query.sid = text(),
                "b64" => query.b64 = !value.is_empty(),
                _ => {}
            }
        }
        query
    }

    /// The last check of a handshake, after the application's own.
    pub fn check_version(&self) -> Result<(), HandshakeError> {
        if self.is_version_4() { Ok(()) } else { Err(HandshakeError::UnsupportedProtocolVersion) }
    }

    /// A missing or other `EIO` counts as protocol 3 (engine.io `computeProtocolRevision`).
    pub(super) fn is_version_4(&self) -> bool {
        self.eio.as_deref() == Some("4")
    }
}

/// Decodes `application/x-www-form-urlencoded` text; a `%` without two hexadecimal digits stands for itself.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        rest = others;
        bytes.push(match (first, others) {
            (b'+', _) => b' ',
            (b'%', [high, low, tail @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = tail;
                    high * 16 + low
                }
                _ => b'%',
            },
            _ => first,
        });
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests;
