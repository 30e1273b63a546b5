//! Stamps in payloads, by which a receiver accounts for a message: its publisher, as which of its
//! messages, and when. Fixed-width decimal digits, so that it needs no escaping in JSON and no searching.
//!
//! `PPPPPPSSSSSSSSSSNNNNNNNNNNNNNNNN`: publisher (6), sequence (10), send time in nanoseconds since the tester
//! started (16); then filler up to the payload size that was asked for.

/// The bytes a stamp takes: the smallest payload.
pub(crate) const STAMP_BYTES: usize = 32;
/// The first publisher number that does not fit a stamp.
pub(crate) const PUBLISHERS_MAX: usize = 1_000_000;
const SEQUENCES: u64 = 10_000_000_000;
const FILLER: u8 = b'x';

/// The account of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Number of the publisher.
    pub(crate) publisher: u32,
    /// Position among the publisher's messages, from 0.
    pub(crate) sequence: u64,
    /// Time at which it was handed to the operating system, in nanoseconds since the tester started.
    pub(crate) sent_ns: u64,
}

impl Stamp {
    /// Writes the stamp over the first [`STAMP_BYTES`] of `payload`.
    pub(crate) fn write(&self, payload: &mut [u8]) {
        debug_assert!((self.publisher as usize) < PUBLISHERS_MAX && self.sequence < SEQUENCES);
        write_digits(&mut payload[..16], u64::from(self.publisher) * SEQUENCES + self.sequence);
        write_digits(&mut payload[16..STAMP_BYTES], self.sent_ns);
    }

    /// Reads a stamp from the front of `payload`; `None` if there is none.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (first, second) = (payload.first_chunk::<16>()?, payload.get(16..)?.first_chunk::<16>()?);
        let (number, sent_ns) = (read_digits(first)?, read_digits(second)?);
        Some(Self { publisher: (number / SEQUENCES) as u32, sequence: number % SEQUENCES, sent_ns })
    }
}

/// A payload of this size with room for a stamp at its front and filler behind.
pub(crate) fn blank_payload(size: usize) -> Vec<u8> {
    vec![FILLER; size]
}

fn write_digits(field: &mut [u8], mut value: u64) {
    for byte in field.iter_mut().rev() {
        *byte = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

fn read_digits(field: &[u8; 16]) -> Option<u64> {
    let (high, low) = field.split_at(8);
    let high = read_eight_digits(high.try_into().ok()?)?;
    Some(high * 100_000_000 + read_eight_digits(low.try_into().ok()?)?)
}

/// Eight ASCII digits at once: pairs, then fours, then all eight, in the lanes of one word. This runs twice for
/// each number of each delivery, where a loop over digits was a tenth of the tester's own time.
fn read_eight_digits(digits: [u8; 8]) -> Option<u64> {
    let word = u64::from_le_bytes(digits);
    let is_digits = (word & 0xF0F0_F0F0_F0F0_F0F0) == 0x3030_3030_3030_3030
        && ((word + 0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0) == 0x3030_3030_3030_3030;
    if !is_digits {
        return None;
    }
    let pairs = (word & 0x0F0F_0F0F_0F0F_0F0F).wrapping_mul(10 * 256 + 1) >> 8;
    let fours = (pairs & 0x00FF_00FF_00FF_00FF).wrapping_mul(100 * 65_536 + 1) >> 16;
    Some((fours & 0x0000_FFFF_0000_FFFF).wrapping_mul(10_000 * (1 << 32) + 1) >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_back() {
        let mut payload = blank_payload(64);
        for (publisher, sequence, sent_ns) in [
            (0, 0, 0),
            (999_999, 9_999_999_999, 9_999_999_999_999_999),
            (12, 345, 67_890),
            (1, 99_999_999, 100_000_000),
        ] {
            let stamp = Stamp { publisher, sequence, sent_ns };
            stamp.write(&mut payload);
            assert_eq!(Stamp::read(&payload), Some(stamp));
        }
        assert_eq!(payload[..STAMP_BYTES], *b"00000100999999990000000100000000");
        assert!(payload[STAMP_BYTES..].iter().all(|byte| *byte == FILLER));
    }

    #[test]
    fn anything_but_digits_is_no_stamp() {
        let mut payload = blank_payload(STAMP_BYTES);
        Stamp { publisher: 1, sequence: 2, sent_ns: 3 }.write(&mut payload);
        for index in 0..STAMP_BYTES {
            for wrong in [b'/', b':', b' ', b'x', 0, 0x80, 0xB0, 0xFF] {
                let mut spoiled = payload.clone();
                spoiled[index] = wrong;
                assert_eq!(Stamp::read(&spoiled), None, "byte {index} = {wrong:#x}");
            }
        }
        assert_eq!(Stamp::read(&payload[..STAMP_BYTES - 1]), None);
    }
}
