//! The open packet: the server's side of the handshake.

use bytestring::ByteString;
use serde::Serialize;

/// Data of the handshake: what the client learns about its session.
#[derive(Debug, Clone, Copy)]
pub struct Open<'a> {
    /// The session id, a bearer secret.
    pub sid: &'a str,
    /// Whether the client may move to WebSocket. False for a session that begins on WebSocket, and where
    /// upgrades are switched off.
    pub upgrade_to_websocket: bool,
    /// Interval between two pings, of the server or, in protocol 3, of the client, in milliseconds.
    pub ping_interval_ms: u64,
    /// Time that the other side has to answer a ping, in milliseconds.
    pub ping_timeout_ms: u64,
    /// The greatest request body or WebSocket message that the server takes, in bytes. The client splits its
    /// polling payloads by it. `None` in protocol 3, which does not know it.
    pub max_payload: Option<usize>,
}

/// The packet with its type character: `0{"sid":…,"upgrades":[…],"pingInterval":…,"pingTimeout":…,
/// "maxPayload":…}`, keys in the order of the official server.
pub fn packet(open: &Open<'_>) -> ByteString {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Handshake<'a> {
        sid: &'a str,
        upgrades: &'a [&'a str],
        ping_interval: u64,
        ping_timeout: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        max_payload: Option<usize>,
    }
    let handshake = Handshake {
        sid: open.sid,
        upgrades: if open.upgrade_to_websocket { &["websocket"] } else { &[] },
        ping_interval: open.ping_interval_ms,
        ping_timeout: open.ping_timeout_ms,
        max_payload: open.max_payload,
    };
    let json = serde_json::to_string(&handshake).expect("numbers and strings are always JSON");
    format!("0{json}").into()
}

#[cfg(test)]
mod tests;
