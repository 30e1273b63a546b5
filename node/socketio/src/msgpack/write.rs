//! JSON text to msgpack, without a tree in between and without recursion.
//!
//! msgpack says the length of an array or map before its members, so the text is read twice: the first time counts
//! the members of each, the second time writes.

use bytes::Bytes;
use rmp::encode::{self, ByteBuf, ValueWriteError};

use crate::json::end_of_token;
use crate::placeholder::{Slot, index};

/// The largest integer up to which doubles hold every integer.
const SAFE_INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// Reason why JSON text has no form in msgpack.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// Not valid JSON, which nobody who uses the encoder can cause.
    #[error("the data of the packet are not JSON")]
    NotJson,
    /// A text, array, map or attachment of more than 2^32 - 1.
    #[error("msgpack has no lengths of 2^32 and more")]
    TooLong,
}

impl<E: encode::RmpWriteErr> From<ValueWriteError<E>> for WriteError {
    /// Never called: writing to memory cannot fail.
    fn from(_: ValueWriteError<E>) -> Self {
        WriteError::TooLong
    }
}

/// An array or object of the text, in the order of their beginnings.
enum Shape {
    Array(u32),
    Object(u32),
    /// An object that stands for an attachment, and where it ends.
    Attachment {
        index: usize,
        end: usize,
    },
}

/// An array or object whose end was not seen yet.
struct Open {
    /// Its place in the list of shapes.
    shape: usize,
    is_object: bool,
    /// Values seen, keys included.
    count: u32,
    /// Meaning of the next value of an object, if it is not a key.
    slot: Option<Slot>,
    is_placeholder: bool,
    num: Option<usize>,
}

/// Writes one JSON value; the placeholders in it become the bytes that they stand for.
pub(super) fn json(out: &mut ByteBuf, text: &str, attachments: &[Bytes]) -> Result<(), WriteError> {
    let mut shapes = shapes(text, attachments.len())?.into_iter();
    let mut at = 0;
    while let Some(&byte) = text.as_bytes().get(at) {
        let start = at;
        at = end_of_token(text.as_bytes(), at);
        match byte {
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' | b'}' | b']' => {}
            b'{' | b'[' => match shapes.next().ok_or(WriteError::NotJson)? {
                Shape::Array(count) => drop(encode::write_array_len(out, count)?),
                Shape::Object(count) => drop(encode::write_map_len(out, count)?),
                Shape::Attachment { index, end } => {
                    bin(out, attachments.get(index).ok_or(WriteError::NotJson)?)?;
                    at = end;
                }
            },
            _ => scalar(out, text.get(start..at).ok_or(WriteError::NotJson)?)?,
        }
    }
    Ok(())
}

/// Counts the members of each array and object, and finds the placeholders.
fn shapes(text: &str, attachments: usize) -> Result<Vec<Shape>, WriteError> {
    let bytes = text.as_bytes();
    let mut shapes = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut values = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at = end_of_token(bytes, at);
        if matches!(byte, b',' | b':' | b' ' | b'\t' | b'\n' | b'\r') {
            continue;
        }
        if matches!(byte, b'}' | b']') {
            let closed = open.pop().filter(|closed| closed.is_object == (byte == b'}'));
            closed.ok_or(WriteError::NotJson)?.close(&mut shapes, at)?;
            continue;
        }
        match open.last_mut() {
            Some(parent) => parent.member(&bytes[start..at], attachments)?,
            None => values += 1,
        }
        if matches!(byte, b'{' | b'[') {
            let is_object = byte == b'{';
            let shape = shapes.len();
            open.push(Open { shape, is_object, count: 0, slot: None, is_placeholder: false, num: None });
            shapes.push(Shape::Array(0));
        }
    }
    if open.is_empty() && values == 1 { Ok(shapes) } else { Err(WriteError::NotJson) }
}

impl Open {
    /// Notes a value, or the bracket that one begins with, or a key.
    fn member(&mut self, token: &[u8], attachments: usize) -> Result<(), WriteError> {
        self.count = self.count.checked_add(1).ok_or(WriteError::TooLong)?;
        if !self.is_object {
            return Ok(());
        }
        match self.slot.take() {
            None if token.first() == Some(&b'"') => self.slot = Some(Slot::of(token)),
            None => return Err(WriteError::NotJson),
            Some(Slot::Placeholder) => self.is_placeholder = token == b"true",
            Some(Slot::Num) => {
                let num = std::str::from_utf8(token).ok().and_then(|token| token.parse().ok());
                self.num = num.and_then(|num| index(num, attachments));
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn close(self, shapes: &mut Vec<Shape>, end: usize) -> Result<(), WriteError> {
        let shape = match self.num.filter(|_| self.is_placeholder) {
            _ if self.slot.is_some() => return Err(WriteError::NotJson),
            Some(index) => {
                shapes.truncate(self.shape + 1);
                Shape::Attachment { index, end }
            }
            None if self.is_object => Shape::Object(self.count / 2),
            None => Shape::Array(self.count),
        };
        shapes[self.shape] = shape;
        Ok(())
    }
}

/// A key or a value that is not an array or object.
fn scalar(out: &mut ByteBuf, token: &str) -> Result<(), WriteError> {
    match token {
        "null" => encode::write_nil(out).map_err(|_| WriteError::TooLong),
        "true" | "false" => encode::write_bool(out, token == "true").map_err(|_| WriteError::TooLong),
        _ if token.starts_with('"') => string(out, token),
        _ => number(out, token),
    }
}

/// A string with its quotes. Half of a surrogate pair, which UTF-8 cannot carry, becomes U+FFFD as in Node.
fn string(out: &mut ByteBuf, token: &str) -> Result<(), WriteError> {
    let inner = token.get(1..token.len().saturating_sub(1)).ok_or(WriteError::NotJson)?;
    if !inner.contains('\\') {
        return text(out, inner);
    }
    let unescaped: Bytes = serde_json::from_str(token).map_err(|_| WriteError::NotJson)?;
    text(out, &String::from_utf8_lossy(&unescaped))
}

/// Text as a string.
pub(super) fn text(out: &mut ByteBuf, text: &str) -> Result<(), WriteError> {
    u32::try_from(text.len()).map_err(|_| WriteError::TooLong)?;
    Ok(encode::write_str(out, text)?)
}

fn bin(out: &mut ByteBuf, bytes: &[u8]) -> Result<(), WriteError> {
    u32::try_from(bytes.len()).map_err(|_| WriteError::TooLong)?;
    Ok(encode::write_bin(out, bytes)?)
}

fn number(out: &mut ByteBuf, token: &str) -> Result<(), WriteError> {
    if let Ok(number) = token.parse::<u64>() {
        encode::write_uint(out, number)?;
    } else if let Some(number) = token.parse::<i64>().ok().filter(|number| *number != 0) {
        encode::write_sint(out, number)?;
    } else {
        let number = token.parse::<f64>().map_err(|_| WriteError::NotJson)?;
        let is_negative_zero = number == 0.0 && number.is_sign_negative();
        if number.fract() == 0.0 && number.abs() <= SAFE_INTEGER_MAX && !is_negative_zero {
            encode::write_sint(out, number as i64)?;
        } else {
            encode::write_f64(out, number)?;
        }
    }
    Ok(())
}
