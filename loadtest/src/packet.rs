//! Engine.IO 4 and Socket.IO 5 packets as they travel in WebSocket text messages. Pure; borrows what it was given.
//!
//! Only the default namespace, only text: what the tester sends asks for nothing else, so anything else is a fault
//! of the server.

/// One packet, by the protocols' own names (`socket.io/docs/v4/engine-io-protocol` and `.../socket-io-protocol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Engine.IO `0`: the session is open.
    Open(&'a [u8]),
    /// Engine.IO `1`: the session ends.
    Close,
    /// Engine.IO `2`: a heartbeat, to be answered by [`Packet::Pong`] with the same content.
    Ping(&'a [u8]),
    /// Engine.IO `3`: the answer to a heartbeat.
    Pong,
    /// Engine.IO `6`: nothing.
    Noop,
    /// Socket.IO `40`: connected to the namespace.
    Connect(&'a [u8]),
    /// Socket.IO `41`: disconnected from the namespace.
    Disconnect,
    /// Socket.IO `42`: an event.
    Event {
        /// The id under which the sender wants an acknowledgement.
        ack: Option<u64>,
        /// The JSON array of the event's name and arguments.
        data: &'a [u8],
    },
    /// Socket.IO `43`: an acknowledgement.
    Ack {
        /// The id given with the event.
        id: u64,
        /// The JSON array of arguments.
        data: &'a [u8],
    },
    /// Socket.IO `44`: the namespace refused the connection.
    ConnectError(&'a [u8]),
}

/// A text message that is no packet the tester can have asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("peer sent a packet that does not belong here: {0:?}")]
pub struct PacketError(String);

impl PacketError {
    /// The error for this text, shortened.
    pub(crate) fn new(text: &[u8]) -> Self {
        Self(String::from_utf8_lossy(&text[..text.len().min(80)]).into_owned())
    }
}

/// Reads the packet in one text message.
pub fn parse_packet(text: &[u8]) -> Result<Packet<'_>, PacketError> {
    let unknown = || PacketError::new(text);
    Ok(match text {
        [b'4', b'2', rest @ ..] => {
            let (ack, data) = split_id(rest);
            if data.first() != Some(&b'[') {
                return Err(unknown());
            }
            Packet::Event { ack, data }
        }
        [b'4', b'3', rest @ ..] => match split_id(rest) {
            (Some(id), data) => Packet::Ack { id, data },
            (None, _) => return Err(unknown()),
        },
        [b'4', b'0', b'/', ..] => return Err(unknown()),
        [b'4', b'0', rest @ ..] => Packet::Connect(rest),
        [b'4', b'1'] => Packet::Disconnect,
        [b'4', b'4', rest @ ..] => Packet::ConnectError(rest),
        [b'0', rest @ ..] => Packet::Open(rest),
        [b'1'] => Packet::Close,
        [b'2', rest @ ..] => Packet::Ping(rest),
        [b'3', ..] => Packet::Pong,
        [b'6'] => Packet::Noop,
        _ => return Err(unknown()),
    })
}

/// Splits the decimal acknowledgement id off the front; ids that do not fit are treated as absent.
fn split_id(text: &[u8]) -> (Option<u64>, &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > 19 {
        return (None, text);
    }
    let id = text[..digits].iter().fold(0, |id: u64, digit| id * 10 + u64::from(digit - b'0'));
    (Some(id), &text[digits..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_is_read() {
        let cases: [(&[u8], Packet<'_>); 11] = [
            (b"0{\"sid\":\"x\"}", Packet::Open(b"{\"sid\":\"x\"}")),
            (b"1", Packet::Close),
            (b"2", Packet::Ping(b"")),
            (b"2probe", Packet::Ping(b"probe")),
            (b"3", Packet::Pong),
            (b"6", Packet::Noop),
            (b"40{}", Packet::Connect(b"{}")),
            (b"41", Packet::Disconnect),
            (b"42[\"msg\"]", Packet::Event { ack: None, data: b"[\"msg\"]" }),
            (b"4312[1]", Packet::Ack { id: 12, data: b"[1]" }),
            (b"44{\"message\":\"no\"}", Packet::ConnectError(b"{\"message\":\"no\"}")),
        ];
        for (text, packet) in cases {
            assert_eq!(parse_packet(text), Ok(packet));
        }
        assert_eq!(parse_packet(b"427[]"), Ok(Packet::Event { ack: Some(7), data: b"[]" }));
    }

    #[test]
    fn what_was_not_asked_for_is_an_error() {
        for text in [&b""[..], b"4", b"5", b"42", b"42/admin,[]", b"40/admin,{}", b"43[]", b"451-[]", b"9"] {
            assert!(parse_packet(text).is_err(), "{:?}", String::from_utf8_lossy(text));
        }
    }
}
