//! Packets that another process encoded, perhaps wrongly.

use super::decode::Decoder;
use super::encode::Encoded;
use super::packet::{MAX_ATTACHMENTS, Packet};

/// Whether clients of that namespace would take this as an event that asks for no acknowledgement.
pub fn is_event_of(encoded: &Encoded, namespace: &str) -> bool {
    let Some(text) = encoded.text.strip_prefix('4') else { return false };
    let mut decoder = Decoder::new(MAX_ATTACHMENTS);
    let mut decoded = decoder.text(text.into());
    for attachment in &encoded.attachments {
        decoded = match decoded {
            Ok(None) => decoder.binary(attachment.clone()),
            _ => return false,
        };
    }
    let is_it = |packet: &Packet| matches!(packet, Packet::Event { id: None, name: Some(_), .. });
    decoded.is_ok_and(|packet| packet.is_some_and(|packet| is_it(&packet) && packet.namespace() == namespace))
}

#[cfg(test)]
mod tests;
