//! The header of the PROXY protocol, version 2, with which a proxy tells whose connection it passes on. Pure: bytes in,
//! meaning out.
//!
//! Sections are those of HAProxy's `proxy-protocol.txt`, 2020/03/05.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes of the longest header that is read: as many as travel in one segment of every network (section 2).
pub const HEADER_BYTES_MAX: usize = 536;
/// Bytes before the addresses.
pub const START_BYTES: usize = 16;

/// The first twelve bytes (section 2.2), which no other protocol begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The beginning of a header of version 1, which is text.
const VERSION_1: &[u8] = b"PROXY ";
/// Type of the addition that tells about TLS (section 2.2.6).
const TYPE_SSL: u8 = 0x20;
/// The client came over TLS, as the first byte of that addition says.
const CLIENT_SSL: u8 = 0x01;

/// Statement of a proxy about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// The connection is the proxy's own, such as a check of its health.
    Local,
    /// The connection is passed on.
    Proxied {
        /// Address of the client; `None` if the proxy does not know, or if it is no address of the internet.
        client: Option<SocketAddr>,
        /// Whether the client's connection to the proxy is encrypted.
        is_secure: bool,
    },
}

/// The state of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The header is not complete. It has this number of bytes at least, and bytes behind them may belong to others.
    NeedsBytes(usize),
    /// The header is complete.
    Complete(Header),
}

/// The proxy's fault: something that is not a header of version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Another protocol.
    #[error("the connection does not begin with a header of the PROXY protocol")]
    NoHeader,
    /// The textual header.
    #[error(
        "the header is of version 1 of the PROXY protocol, and must be of version 2 (HAProxy: send-proxy-v2)"
    )]
    Version1,
    /// Neither version.
    #[error("the header is of version {0} of the PROXY protocol, and must be of version 2")]
    VersionUnknown(u8),
    /// Neither LOCAL nor PROXY.
    #[error("the header has the unknown command {0}")]
    CommandUnknown(u8),
    /// A family of addresses, or a transport, that the protocol does not have.
    #[error("the header has the unknown family and transport {0:#04x}")]
    FamilyUnknown(u8),
    /// Over the bound.
    #[error("the header has {0} bytes, and may have 536")]
    TooLong(usize),
    /// Lengths inside the header that do not fit its own.
    #[error("the header is shorter than the parts in it")]
    TooShort,
}

/// Reads a header from the first bytes of a connection.
///
/// # Errors
/// As soon as the bytes cannot be the beginning of a header.
pub fn parse(bytes: &[u8]) -> Result<Progress, HeaderError> {
    if !begins_alike(bytes, SIGNATURE) {
        return match begins_alike(bytes, VERSION_1) {
            true if bytes.len() < VERSION_1.len() => Ok(Progress::NeedsBytes(VERSION_1.len())),
            true => Err(HeaderError::Version1),
            false => Err(HeaderError::NoHeader),
        };
    }
    let Some((start, rest)) = bytes.split_at_checked(START_BYTES) else {
        return Ok(Progress::NeedsBytes(START_BYTES));
    };
    let [version_and_command, family, high, low] = [start[12], start[13], start[14], start[15]];
    if version_and_command >> 4 != 2 {
        return Err(HeaderError::VersionUnknown(version_and_command >> 4));
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if START_BYTES + length > HEADER_BYTES_MAX {
        return Err(HeaderError::TooLong(START_BYTES + length));
    }
    let Some(body) = rest.get(..length) else { return Ok(Progress::NeedsBytes(START_BYTES + length)) };
    match version_and_command & 0xf {
        // Whatever else stands there is to be ignored.
        0 => Ok(Progress::Complete(Header::Local)),
        1 => proxied(family, body).map(Progress::Complete),
        command => Err(HeaderError::CommandUnknown(command)),
    }
}

/// Whether one of them is the beginning of the other.
fn begins_alike(bytes: &[u8], expected: &[u8]) -> bool {
    bytes.iter().zip(expected).all(|(one, other)| one == other)
}

fn proxied(family: u8, body: &[u8]) -> Result<Header, HeaderError> {
    let (client, additions) = match (family >> 4, family & 0xf) {
        (0, 0..=2) => (None, body),
        // Each address is followed by that of the receiver; the ports stand behind both.
        (1, 0..=2) => {
            let (block, additions) = body.split_first_chunk::<12>().ok_or(HeaderError::TooShort)?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *block;
            (Some((Ipv4Addr::new(a, b, c, d).into(), [high, low])), additions)
        }
        (2, 0..=2) => {
            let (block, additions) = body.split_first_chunk::<36>().ok_or(HeaderError::TooShort)?;
            let (ip, _) = block.split_first_chunk::<16>().ok_or(HeaderError::TooShort)?;
            // An address of IPv4 in the clothes of IPv6 counts as what it is.
            (Some((Ipv6Addr::from(*ip).to_canonical(), [block[32], block[33]])), additions)
        }
        (3, 0..=2) => (None, body.get(216..).ok_or(HeaderError::TooShort)?),
        _ => return Err(HeaderError::FamilyUnknown(family)),
    };
    let client = client.map(|(ip, port)| SocketAddr::new(ip, u16::from_be_bytes(port)));
    Ok(Header::Proxied { client, is_secure: is_secure(additions)? })
}

/// Walks through the additions: a type, a length and a value each.
fn is_secure(mut additions: &[u8]) -> Result<bool, HeaderError> {
    let mut is_secure = false;
    while let Some((head, rest)) = additions.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([head[1], head[2]]));
        let (value, rest) = rest.split_at_checked(length).ok_or(HeaderError::TooShort)?;
        if head[0] == TYPE_SSL {
            is_secure = value.first().ok_or(HeaderError::TooShort)? & CLIENT_SSL != 0;
        }
        additions = rest;
    }
    if additions.is_empty() { Ok(is_secure) } else { Err(HeaderError::TooShort) }
}

#[cfg(test)]
mod tests;
