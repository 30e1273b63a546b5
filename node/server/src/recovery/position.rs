//! Positions in the log of a place, and the text that clients know them by.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const BITS: u32 = 48;
const BYTES: usize = BITS as usize / 8;
/// Characters of the text.
const TEXT_LEN: usize = 8;

/// A position in the log of one place. Clients are told it as an offset of eight characters.
///
/// Logs begin at random positions, so that a position of one log is not taken for one of another: a client may come with
/// the offset of an earlier session, or of the place that its session was at before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// Start of a new log, with room for 2^47 packets after it.
    pub fn random() -> Self {
        Self(rand::random::<u64>() >> (u64::BITS - BITS + 1))
    }

    /// A position by its number, for tests.
    #[cfg(test)]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// The position after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Reads an offset; `None` if the text cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 8];
        if text.len() != TEXT_LEN {
            return None;
        }
        URL_SAFE_NO_PAD.decode_slice(text, &mut bytes[8 - BYTES..]).ok()?;
        Some(Self(u64::from_be_bytes(bytes)))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0.to_be_bytes()[8 - BYTES..]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_offset_has_eight_characters_and_reads_as_its_position(number in 0u64..1 << BITS) {
            let text = Position(number).to_string();
            prop_assert_eq!(text.len(), TEXT_LEN);
            prop_assert_eq!(Position::parse(&text), Some(Position(number)));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,12}") {
            if let Some(position) = Position::parse(&text) {
                prop_assert_eq!(position.to_string(), text);
            }
        }
    }

    #[test]
    fn a_log_begins_where_there_is_room_after_it() {
        assert!((0..1_000).all(|_| Position::random().0 < 1 << (BITS - 1)));
    }

    #[test]
    fn what_is_no_offset_is_refused() {
        for text in ["", "AAAAAAA", "AAAAAAAAA", "AAAAAAA=", "AAAAAAA+", "äAAAAAA"] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }
}
