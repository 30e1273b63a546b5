//! RFC 6455 framing for both roles: a frame parser that works in place, and a writer.
//!
//! Pure: no I/O and no allocation but for the buffer written to. Strict where the RFC says MUST, because the tester is
//! also a second opinion on the server. Extensions are never negotiated, so any reserved bit is an error.

use std::ops::Range;

/// Type of a frame (RFC 6455 section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A further part of a fragmented message.
    Continuation = 0x0,
    /// UTF-8 text, or its first part.
    Text = 0x1,
    /// Bytes, or their first part.
    Binary = 0x2,
    /// The peer wants to end the connection.
    Close = 0x8,
    /// The peer asks for a pong with the same payload.
    Ping = 0x9,
    /// The answer to a ping.
    Pong = 0xA,
}

impl Opcode {
    fn from_bits(bits: u8) -> Result<Self, FrameError> {
        Ok(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            other => return Err(FrameError::ReservedOpcode(other)),
        })
    }

    fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// One complete frame, described by its place in the parsed bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Whether this is the last frame of its message.
    pub is_final: bool,
    /// Type of the frame.
    pub opcode: Opcode,
    /// The masking key. The payload is still masked with it: see [`apply_mask`].
    pub mask: Option<[u8; 4]>,
    /// Range of the payload; the frame ends where it ends.
    pub payload: Range<usize>,
}

/// The peer broke RFC 6455.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A reserved bit without an extension (section 5.2).
    #[error("peer set a reserved bit without a negotiated extension")]
    ReservedBit,
    /// An opcode that the RFC leaves undefined (section 5.2).
    #[error("peer used the reserved opcode {0:#x}")]
    ReservedOpcode(u8),
    /// A length not in its shortest form, or over 63 bits (section 5.2).
    #[error("peer encoded a payload length in a form that is not allowed")]
    BadLength,
    /// A control frame that is fragmented or over 125 bytes (section 5.5).
    #[error("peer sent a control frame that is fragmented or too long")]
    BadControl,
    /// A server masked, or a client did not (section 5.1).
    #[error("peer masked a frame it must not mask, or left one unmasked")]
    BadMasking,
    /// A continuation without a beginning, or a beginning inside a message (section 5.4).
    #[error("peer sent the parts of a message out of place")]
    BadFragment,
    /// A frame larger than this side is willing to hold.
    #[error("peer sent a frame of more than {0} bytes")]
    TooLarge(usize),
}

/// Finds the frame at the start of `bytes`; `None` while it is incomplete.
pub fn parse_frame(bytes: &[u8]) -> Result<Option<Frame>, FrameError> {
    let &[first, second, ..] = bytes else { return Ok(None) };
    if first & 0x70 != 0 {
        return Err(FrameError::ReservedBit);
    }
    let opcode = Opcode::from_bits(first & 0x0F)?;
    let is_final = first & 0x80 != 0;
    if opcode.is_control() && (!is_final || second & 0x7F > 125) {
        return Err(FrameError::BadControl);
    }
    let (length, after_length) = match second & 0x7F {
        126 => match bytes.get(2..4) {
            Some(field) => (u64::from(u16::from_be_bytes([field[0], field[1]])), 4),
            None => return Ok(None),
        },
        127 => match bytes.get(2..10).and_then(|field| field.try_into().ok()) {
            Some(field) => (u64::from_be_bytes(field), 10),
            None => return Ok(None),
        },
        short => (u64::from(short), 2),
    };
    let is_shortest = match after_length {
        2 => true,
        4 => length > 125,
        _ => length > 0xFFFF && length >> 63 == 0,
    };
    if !is_shortest {
        return Err(FrameError::BadLength);
    }
    let is_masked = second & 0x80 != 0;
    let start: usize = after_length + if is_masked { 4 } else { 0 };
    let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length));
    let end = end.ok_or(FrameError::BadLength)?;
    if bytes.len() < end {
        return Ok(None);
    }
    let mask = is_masked.then(|| [bytes[start - 4], bytes[start - 3], bytes[start - 2], bytes[start - 1]]);
    Ok(Some(Frame { is_final, opcode, mask, payload: start..end }))
}

/// Appends a final frame with this payload. A client must give a `mask`, a server must not (RFC 6455 section 5.1).
pub fn push_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>) {
    let mask_bit = if mask.is_some() { 0x80 } else { 0 };
    out.push(0x80 | opcode as u8);
    match payload.len() {
        length @ 0..=125 => out.push(mask_bit | length as u8),
        length @ 126..=0xFFFF => {
            out.push(mask_bit | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(mask_bit | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    if let Some(key) = mask {
        out.extend_from_slice(&key);
    }
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = mask {
        apply_mask(&mut out[start..], key);
    }
}

/// Masks or unmasks `payload` in place; the operation is its own inverse (RFC 6455 section 5.3).
pub fn apply_mask(payload: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut words = payload.chunks_exact_mut(8);
    for word in &mut words {
        let masked = u64::from_ne_bytes(word.try_into().expect("chunks of eight")) ^ wide;
        word.copy_from_slice(&masked.to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
}

/// A cheap source of masking keys (xorshift64). Not unpredictable as RFC 6455 section 10.3 asks of browsers: there
/// is no hostile script between this tester and its keys.
#[derive(Debug, Clone)]
pub struct MaskKeys(u64);

impl MaskKeys {
    /// Keys from this seed; equal seeds give equal keys.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next key.
    pub fn next_key(&mut self) -> [u8; 4] {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) as u32).to_ne_bytes()
    }
}

#[cfg(test)]
mod tests;
