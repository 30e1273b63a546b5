//! Engine.IO 4 and Socket.IO 5 packets as they travel in WebSocket text messages. Pure; borrows what it was given.
//!
//! Only one namespace, and one attachment at most: what the tester sends asks for nothing else, so anything else is a
//! fault of the server.

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
    /// Socket.IO `451-`: an event whose placeholder stands for the binary message that follows.
    BinaryEvent {
        /// As in [`Packet::Event`].
        ack: Option<u64>,
        /// As in [`Packet::Event`].
        data: &'a [u8],
    },
    /// Socket.IO `461-`: an acknowledgement whose placeholder stands for the binary message that follows.
    BinaryAck {
        /// As in [`Packet::Ack`].
        id: u64,
        /// As in [`Packet::Ack`].
        data: &'a [u8],
    },
    /// Socket.IO `44`: the namespace refused the connection.
    ConnectError(&'a [u8]),
}

/// Text message that is not a packet the tester can have asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("peer sent a packet that does not belong here: {0:?}")]
pub struct PacketError(String);

impl PacketError {
    /// The error for this text, shortened.
    pub(crate) fn new(text: &[u8]) -> Self {
        Self(String::from_utf8_lossy(&text[..text.len().min(80)]).into_owned())
    }
}

/// Reads the packet in one text message. `namespace` is what stands before the data of its packets: nothing for the
/// default namespace, `/name,` for another; packets of all others are errors.
pub fn parse_packet<'a>(text: &'a [u8], namespace: &[u8]) -> Result<Packet<'a>, PacketError> {
    read(text, namespace).ok_or_else(|| PacketError::new(text))
}

fn read<'a>(text: &'a [u8], namespace: &[u8]) -> Option<Packet<'a>> {
    let own = |rest: &'a [u8]| rest.strip_prefix(namespace).filter(|rest| rest.first() != Some(&b'/'));
    let array = |rest: &'a [u8]| own(rest).map(split_id).filter(|(_, data)| data.first() == Some(&b'['));
    Some(match text {
        [b'4', b'2', rest @ ..] => {
            let (ack, data) = array(rest)?;
            Packet::Event { ack, data }
        }
        [b'4', b'3', rest @ ..] => {
            let (id, data) = array(rest)?;
            Packet::Ack { id: id?, data }
        }
        [b'4', b'5', b'1', b'-', rest @ ..] => {
            let (ack, data) = array(rest)?;
            Packet::BinaryEvent { ack, data }
        }
        [b'4', b'6', b'1', b'-', rest @ ..] => {
            let (id, data) = array(rest)?;
            Packet::BinaryAck { id: id?, data }
        }
        [b'4', b'0', rest @ ..] => Packet::Connect(own(rest)?),
        [b'4', b'1', rest @ ..] if own(rest)?.is_empty() => Packet::Disconnect,
        [b'4', b'4', rest @ ..] => Packet::ConnectError(own(rest)?),
        [b'0', rest @ ..] => Packet::Open(rest),
        [b'1'] => Packet::Close,
        [b'2', rest @ ..] => Packet::Ping(rest),
        [b'3', ..] => Packet::Pong,
        [b'6'] => Packet::Noop,
        _ => return None,
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
        let cases: [(&[u8], Packet<'_>); 13] = [
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
            (b"451-[{}]", Packet::BinaryEvent { ack: None, data: b"[{}]" }),
            (b"461-7[{}]", Packet::BinaryAck { id: 7, data: b"[{}]" }),
            (b"44{\"message\":\"no\"}", Packet::ConnectError(b"{\"message\":\"no\"}")),
        ];
        for (text, packet) in cases {
            assert_eq!(parse_packet(text, b""), Ok(packet));
        }
        assert_eq!(parse_packet(b"427[]", b""), Ok(Packet::Event { ack: Some(7), data: b"[]" }));
    }

    #[test]
    fn what_was_not_asked_for_is_an_error() {
        for text in [&b""[..], b"4", b"5", b"42", b"42/admin,[]", b"40/admin,{}", b"43[]", b"452-[]", b"9"] {
            assert!(parse_packet(text, b"").is_err(), "{:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn only_packets_of_the_own_namespace_are_read() {
        let own = b"/admin,";
        assert_eq!(parse_packet(b"40/admin,{}", own), Ok(Packet::Connect(b"{}")));
        assert_eq!(parse_packet(b"41/admin,", own), Ok(Packet::Disconnect));
        assert_eq!(parse_packet(b"42/admin,7[]", own), Ok(Packet::Event { ack: Some(7), data: b"[]" }));
        assert!(parse_packet(b"42[]", own).is_err() && parse_packet(b"42/other,[]", own).is_err());
    }
}
