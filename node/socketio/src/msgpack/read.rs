//! msgpack to JSON text and attachments, without a tree in between and without recursion.
//!
//! A length that the message announces reserves nothing.

use std::io::Write as _;

use bytes::Bytes;
use rmp::Marker;
use smallvec::SmallVec;

use super::date;
use crate::decode::{DecodeError, keep};

/// Arrays and maps around a value: the packet, its data, and as many as serde_json reads in one argument.
const LEVELS_MAX: usize = 2 + 127;

/// Extensions of this type are those of `notepack.io`.
const NOTEPACK: i8 = 0;

/// The largest integer up to which doubles hold every integer.
const SAFE_INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// Reads a message from its beginning.
pub(super) struct Reader<'a> {
    message: &'a Bytes,
    at: usize,
    /// The values read, one after the other.
    pub(super) json: Vec<u8>,
    /// The bytes in them.
    pub(super) attachments: Vec<Bytes>,
    attachments_max: usize,
}

/// Outcome of reading one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// Its text was appended.
    Value,
    /// JavaScript's `undefined`; nothing was appended.
    Undefined,
}

/// The beginning of a value.
enum Start {
    Whole(Read),
    Array(u32),
    Map(u32),
}

/// An array or map that is being read.
struct Open {
    is_map: bool,
    /// Members that are to come.
    left: u32,
    has_members: bool,
    /// Where the text of the current member begins, with the comma before it.
    member: usize,
}

fn malformed(reason: &'static str) -> DecodeError {
    DecodeError::Malformed(reason.into())
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a Bytes, attachments_max: usize) -> Self {
        Reader { message, at: 0, json: Vec::new(), attachments: Vec::new(), attachments_max }
    }

    /// Whether every byte was read.
    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.message.len()
    }

    /// Reads the length of a map.
    pub(super) fn map(&mut self) -> Result<u32, DecodeError> {
        match self.start()? {
            Start::Map(length) => Ok(length),
            _ => Err(malformed("a packet is a map")),
        }
    }

    /// Reads one value, the arrays and maps in it included, and appends its JSON text.
    pub(super) fn value(&mut self) -> Result<Read, DecodeError> {
        let mut open: SmallVec<[Open; 8]> = SmallVec::new();
        loop {
            if let Some(parent) = open.last_mut() {
                if parent.left == 0 {
                    self.json.push(if parent.is_map { b'}' } else { b']' });
                    open.pop();
                    if open.is_empty() {
                        return Ok(Read::Value);
                    }
                    continue;
                }
                self.begin_member(parent)?;
            }
            let (is_map, left) = match self.start()? {
                Start::Array(length) => (false, length),
                Start::Map(length) => (true, length),
                Start::Whole(read) => match open.last_mut() {
                    None => return Ok(read),
                    Some(parent) => {
                        self.end_member(parent, read);
                        continue;
                    }
                },
            };
            // One level is the packet itself.
            if open.len() + 1 == LEVELS_MAX {
                return Err(malformed("nested more than 127 levels deep"));
            }
            if let Some(parent) = open.last_mut() {
                parent.has_members = true;
            }
            self.json.push(if is_map { b'{' } else { b'[' });
            open.push(Open { is_map, left, has_members: false, member: 0 });
        }
    }

    /// Writes what stands before a value, and reads its key if it has one.
    fn begin_member(&mut self, parent: &mut Open) -> Result<(), DecodeError> {
        parent.left -= 1;
        parent.member = self.json.len();
        if parent.has_members {
            self.json.push(b',');
        }
        if parent.is_map {
            self.key()?;
            self.json.push(b':');
        }
        Ok(())
    }

    fn end_member(&mut self, parent: &mut Open, read: Read) {
        match read {
            Read::Undefined if parent.is_map => return self.json.truncate(parent.member),
            Read::Undefined => self.json.extend_from_slice(b"null"),
            Read::Value => {}
        }
        parent.has_members = true;
    }

    /// Keys are strings in JavaScript, so an integer counts as its digits.
    fn key(&mut self) -> Result<(), DecodeError> {
        let start = self.json.len();
        match self.start()? {
            Start::Whole(Read::Value) => {}
            _ => return Err(malformed("a key of a map must be a string or an integer")),
        }
        match self.json.get(start) {
            Some(b'"') => Ok(()),
            Some(b'-' | b'0'..=b'9') => {
                self.json.insert(start, b'"');
                self.json.push(b'"');
                Ok(())
            }
            _ => Err(malformed("a key of a map must be a string or an integer")),
        }
    }

    /// Reads a value that is not an array or map whole, and of those the length.
    fn start(&mut self) -> Result<Start, DecodeError> {
        let marker = Marker::from_u8(self.number::<1>()?[0]);
        match marker {
            Marker::FixArray(length) => Ok(Start::Array(u32::from(length))),
            Marker::Array16 => self.unsigned(Marker::U16).map(Start::Array),
            Marker::Array32 => self.unsigned(Marker::U32).map(Start::Array),
            Marker::FixMap(length) => Ok(Start::Map(u32::from(length))),
            Marker::Map16 => self.unsigned(Marker::U16).map(Start::Map),
            Marker::Map32 => self.unsigned(Marker::U32).map(Start::Map),
            scalar => self.scalar(scalar).map(Start::Whole),
        }
    }

    fn scalar(&mut self, marker: Marker) -> Result<Read, DecodeError> {
        match marker {
            Marker::Null => self.json.extend_from_slice(b"null"),
            Marker::True => self.json.extend_from_slice(b"true"),
            Marker::False => self.json.extend_from_slice(b"false"),
            Marker::FixPos(number) => self.display(number),
            Marker::FixNeg(number) => self.display(number),
            Marker::U8 | Marker::U16 | Marker::U32 => {
                let number = self.unsigned(marker)?;
                self.display(number);
            }
            Marker::U64 => {
                let number = u64::from_be_bytes(self.number()?);
                self.display(number);
            }
            Marker::I8 => self.integer(|[byte]: [u8; 1]| i64::from(byte as i8))?,
            Marker::I16 => self.integer(|bytes| i64::from(i16::from_be_bytes(bytes)))?,
            Marker::I32 => self.integer(|bytes| i64::from(i32::from_be_bytes(bytes)))?,
            Marker::I64 => self.integer(i64::from_be_bytes)?,
            Marker::F32 => {
                let number = f32::from_be_bytes(self.number()?);
                self.double(f64::from(number));
            }
            Marker::F64 => {
                let number = f64::from_be_bytes(self.number()?);
                self.double(number);
            }
            Marker::FixStr(length) => self.string(u32::from(length))?,
            Marker::Str8 => self.sized(Marker::U8, Self::string)?,
            Marker::Str16 => self.sized(Marker::U16, Self::string)?,
            Marker::Str32 => self.sized(Marker::U32, Self::string)?,
            Marker::Bin8 => self.sized(Marker::U8, Self::bytes)?,
            Marker::Bin16 => self.sized(Marker::U16, Self::bytes)?,
            Marker::Bin32 => self.sized(Marker::U32, Self::bytes)?,
            Marker::Ext8 => self.sized(Marker::U8, Self::extension)?,
            Marker::Ext16 => self.sized(Marker::U16, Self::extension)?,
            Marker::Ext32 => self.sized(Marker::U32, Self::extension)?,
            Marker::FixExt1 | Marker::FixExt8 if self.peek() == Some(NOTEPACK as u8) => {
                return self.notepack(marker);
            }
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            _ => return Err(malformed("it holds the byte c1, which means nothing in msgpack")),
        }
        Ok(Read::Value)
    }

    /// `undefined`, or a `Date`.
    fn notepack(&mut self, marker: Marker) -> Result<Read, DecodeError> {
        self.at += 1;
        if marker == Marker::FixExt1 {
            self.take(1)?;
            return Ok(Read::Undefined);
        }
        let milliseconds = i64::from_be_bytes(self.number()?);
        date::push_json(&mut self.json, milliseconds);
        Ok(Read::Value)
    }

    fn extension(&mut self, length: u32) -> Result<(), DecodeError> {
        let [kind] = self.number()?;
        let kind = kind as i8;
        if kind == NOTEPACK {
            return self.bytes(length);
        }
        self.json.push(b'[');
        self.display(kind);
        self.json.push(b',');
        self.bytes(length)?;
        self.json.push(b']');
        Ok(())
    }

    /// Node reads what is not UTF-8 as U+FFFD, and its clients write half of a surrogate pair in other ways than that.
    fn string(&mut self, length: u32) -> Result<(), DecodeError> {
        let bytes = self.take(length as usize)?;
        let text = String::from_utf8_lossy(bytes);
        serde_json::to_writer(&mut self.json, &*text).map_err(DecodeError::malformed)
    }

    fn bytes(&mut self, length: u32) -> Result<(), DecodeError> {
        let bytes = self.take(length as usize)?;
        if self.attachments.len() == self.attachments_max {
            return Err(DecodeError::TooManyAttachments(self.attachments_max));
        }
        self.json.extend_from_slice(b"{\"_placeholder\":true,\"num\":");
        self.display(self.attachments.len());
        self.json.push(b'}');
        self.attachments.push(keep(self.message.slice_ref(bytes)));
        Ok(())
    }

    /// JSON has no number for infinity; JavaScript writes `null`.
    fn double(&mut self, number: f64) {
        if !number.is_finite() {
            self.json.extend_from_slice(b"null");
        } else if number.fract() == 0.0 && number.abs() <= SAFE_INTEGER_MAX {
            self.display(number as i64);
        } else {
            self.display(serde_json::Number::from_f64(number).unwrap_or_else(|| 0.into()));
        }
    }

    fn integer<const N: usize>(&mut self, read: impl Fn([u8; N]) -> i64) -> Result<(), DecodeError> {
        let number = read(self.number()?);
        self.display(number);
        Ok(())
    }

    fn display(&mut self, number: impl std::fmt::Display) {
        write!(self.json, "{number}").expect("writing to memory cannot fail");
    }

    /// Reads a length, which is written as this number is, and then what has it.
    fn sized(
        &mut self,
        length: Marker,
        read: fn(&mut Self, u32) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let length = self.unsigned(length)?;
        read(self, length)
    }

    /// Reads a number of at most 32 bits.
    fn unsigned(&mut self, marker: Marker) -> Result<u32, DecodeError> {
        Ok(match marker {
            Marker::U8 => u32::from(self.number::<1>()?[0]),
            Marker::U16 => u32::from(u16::from_be_bytes(self.number()?)),
            _ => u32::from_be_bytes(self.number()?),
        })
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (number, _) =
            self.message[self.at..].split_first_chunk().ok_or(malformed("it ends too early"))?;
        self.at += N;
        Ok(*number)
    }

    fn peek(&self) -> Option<u8> {
        self.message.get(self.at).copied()
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(length).ok_or(malformed("it ends too early"))?;
        let taken = self.message.get(self.at..end).ok_or(malformed("it ends too early"))?;
        self.at = end;
        Ok(taken)
    }
}
