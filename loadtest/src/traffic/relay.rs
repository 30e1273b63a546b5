//! Relay contract: messages as the server understands them, and found again in its answers. Pure.

use std::io::Write;

use crate::client::packet::Packet;

/// Event that carries a message to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// `"emit", room, payload`: every member of the room, the sender included, receives `"msg", payload`.
    Room,
    /// `"broadcast", payload`: every client receives `"msg", payload`.
    Broadcast,
    /// `"echo", payload`: the acknowledgement brings the payload back. Its id is the sequence number.
    Echo,
}

/// Placeholder in a packet for a payload that travels as a binary attachment.
const PLACEHOLDER: &[u8] = b"{\"_placeholder\":true,\"num\":0}";

/// Payload found in an answer, and what stood around it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) payload: &'a [u8],
    /// The acknowledgement id, of an acknowledgement.
    pub(crate) ack: Option<u64>,
    /// Offset from which the server would recover the session, if it offers that.
    pub(crate) offset: Option<&'a [u8]>,
}

/// Text of packets for one namespace.
#[derive(Debug, Clone)]
pub(crate) struct Relay {
    pub(crate) call: Call,
    /// Empty, or `/name,`.
    pub(crate) namespace: Vec<u8>,
    /// Whether payloads travel as binary attachments.
    pub(crate) is_binary: bool,
    /// Prefix of room names: those of different testers at one server must differ.
    pub(crate) prefix: String,
}

impl Relay {
    /// Whether members must join before they receive anything.
    pub(crate) fn has_rooms(&self) -> bool {
        self.call == Call::Room
    }

    /// Joins or leaves a room, to be acknowledged.
    pub(crate) fn write_move(&self, verb: &str, room: u32, text: &mut Vec<u8>) {
        text.extend_from_slice(b"42");
        text.extend_from_slice(&self.namespace);
        write!(text, "0[\"{verb}\",\"{}room-{room}\"]", self.prefix).expect("a vector takes everything");
    }

    /// A message. If payloads are binary, its attachment is the payload.
    pub(crate) fn write_message(&self, room: u32, sequence: u64, payload: &[u8], text: &mut Vec<u8>) {
        text.extend_from_slice(if self.is_binary { b"451-" } else { b"42" });
        text.extend_from_slice(&self.namespace);
        match self.call {
            Call::Room => write!(text, "[\"emit\",\"{}room-{room}\",", self.prefix),
            Call::Broadcast => write!(text, "[\"broadcast\","),
            Call::Echo => write!(text, "{sequence}[\"echo\","),
        }
        .expect("a vector takes everything");
        if self.is_binary {
            text.extend_from_slice(PLACEHOLDER);
        } else {
            text.push(b'"');
            text.extend_from_slice(payload);
            text.push(b'"');
        }
        text.push(b']');
    }

    /// Finds the payload of `size` bytes in an answer; `None` if it is not as agreed.
    pub(crate) fn find<'a>(
        &self,
        packet: Packet<'a>,
        attachment: Option<&'a [u8]>,
        size: usize,
    ) -> Option<Found<'a>> {
        let (data, ack) = match (self.call, packet) {
            (Call::Echo, Packet::Ack { id, data } | Packet::BinaryAck { id, data }) => {
                (data.strip_prefix(b"[")?, Some(id))
            }
            (
                Call::Room | Call::Broadcast,
                Packet::Event { ack: None, data } | Packet::BinaryEvent { ack: None, data },
            ) => (data.strip_prefix(b"[\"msg\",")?, None),
            _ => return None,
        };
        let (payload, rest) = match (self.is_binary, attachment) {
            (false, None) => {
                let (payload, rest) = data.strip_prefix(b"\"")?.split_at_checked(size)?;
                (payload, rest.strip_prefix(b"\"")?)
            }
            (true, Some(attachment)) => (attachment, data.strip_prefix(PLACEHOLDER)?),
            _ => return None,
        };
        let offset = match rest {
            b"]" => None,
            // Servers that can recover a connection append an offset to every event.
            rest => Some(rest.strip_prefix(b",\"")?.strip_suffix(b"\"]")?),
        };
        Some(Found { payload, ack, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::packet::parse_packet;

    fn relay(call: Call, is_binary: bool) -> Relay {
        Relay { call, namespace: b"/n,".to_vec(), is_binary, prefix: "w1-".to_owned() }
    }

    fn message(relay: &Relay) -> String {
        let mut text = Vec::new();
        relay.write_message(3, 7, b"xyz", &mut text);
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn messages_are_worded_as_the_contract_says() {
        assert_eq!(message(&relay(Call::Room, false)), r#"42/n,["emit","w1-room-3","xyz"]"#);
        assert_eq!(
            message(&relay(Call::Broadcast, true)),
            r#"451-/n,["broadcast",{"_placeholder":true,"num":0}]"#
        );
        assert_eq!(message(&relay(Call::Echo, false)), r#"42/n,7["echo","xyz"]"#);
    }

    #[test]
    fn payloads_are_found_with_and_without_an_offset() {
        let room = relay(Call::Room, false);
        for (text, offset) in
            [(&br#"42/n,["msg","xyz"]"#[..], None), (br#"42/n,["msg","xyz","o1"]"#, Some(&b"o1"[..]))]
        {
            let packet = parse_packet(text, b"/n,").expect("valid");
            assert_eq!(room.find(packet, None, 3), Some(Found { payload: b"xyz", ack: None, offset }));
            assert_eq!(room.find(packet, None, 2), None, "of another size");
        }
        let echo = relay(Call::Echo, true);
        let packet = parse_packet(br#"461-/n,7[{"_placeholder":true,"num":0}]"#, b"/n,").expect("valid");
        let found = Found { payload: b"xyz", ack: Some(7), offset: None };
        assert_eq!(echo.find(packet, Some(b"xyz"), 3), Some(found));
    }
}
