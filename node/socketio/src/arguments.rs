//! The arguments of an event or an ack, kept as text until somebody wants them as values.

mod deserialize;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use serde::de::{self, DeserializeOwned};
use serde::ser::{Serialize, SerializeTuple, Serializer};
use smallvec::SmallVec;

use super::decode::{self, DecodeError};
use super::placeholder;
use super::raw::Raw;

/// Where each argument begins and ends in the text of its packet. Few events have more than four.
pub(super) type Ranges = SmallVec<[(u32, u32); 4]>;

/// Arguments of an event or an acknowledgement: everything after the name. Valid JSON; cheap to clone.
///
/// Serialises as a tuple, so that it can be emitted again.
#[derive(Clone, Default)]
pub struct Arguments {
    /// The packet that the arguments are a part of.
    text: ByteString,
    /// Where they stand in it.
    ranges: Ranges,
    /// The attachments that the placeholders stand for; `None` in a packet without attachments.
    attachments: Option<Arc<[Bytes]>>,
}

/// Arguments that do not fit the type they are read as. The client's doing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// Fewer arguments than needed.
    #[error("the client sent no argument {position}")]
    Missing {
        /// Which one, counted from 1.
        position: usize,
    },
    /// One that does not fit.
    #[error("argument {position} of the client does not fit: {source}")]
    Mismatch {
        /// Which one, counted from 1.
        position: usize,
        /// The error of the JSON parser.
        source: serde_json::Error,
    },
    /// Each fits, but not all together.
    #[error("the arguments of the client do not fit: {0}")]
    Together(String),
}

impl Arguments {
    /// Arguments without attachments, from the text of a JSON array.
    pub fn from_json(array: &str) -> Result<Self, DecodeError> {
        Self::from_json_with(array, Vec::new())
    }

    /// Arguments from the text of a JSON array with placeholders, and their attachments.
    pub fn from_json_with(array: &str, attachments: Vec<Bytes>) -> Result<Self, DecodeError> {
        let text = ByteString::from(array);
        let (_, ranges) = decode::elements(&text, &text, false)?;
        if !attachments.is_empty() && !placeholder::all_valid(&text, attachments.len()) {
            return Err(DecodeError::InvalidPlaceholder);
        }
        Ok(Self::new(text, ranges).with_attachments(attachments))
    }

    /// `ranges` are those of valid JSON values in `text`.
    pub(super) fn new(text: ByteString, ranges: Ranges) -> Self {
        Arguments { text, ranges, attachments: None }
    }

    pub(super) fn with_attachments(mut self, attachments: Vec<Bytes>) -> Self {
        self.attachments = (!attachments.is_empty()).then(|| attachments.into());
        self
    }

    /// Number of arguments.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The argument at `index`, counted from 0.
    pub fn raw(&self, index: usize) -> Option<Raw> {
        let json = self.json(index)?;
        Some(Raw::new(self.text.slice_ref(json), self.attachments.clone()))
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Raw> + '_ {
        (0..self.len()).filter_map(|index| self.raw(index))
    }

    /// Reads the arguments as a `T`, by the mirror of the rule for emits: a tuple is the
    /// arguments in order, `()` reads none, anything else is the first argument.
    ///
    /// An argument that is not there reads as `null`, so that it may be an `Option`; more arguments than
    /// wanted are ignored. Bytes read as `Bytes`, `serde_bytes::ByteBuf` and [`Value`](super::Value).
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, ArgumentError> {
        T::deserialize(deserialize::Spread::new(self))
    }

    fn json(&self, index: usize) -> Option<&str> {
        let (start, end) = *self.ranges.get(index)?;
        self.text.get(start as usize..end as usize)
    }
}

impl Serialize for Arguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.len())?;
        for argument in self.iter() {
            tuple.serialize_element(&argument)?;
        }
        tuple.end()
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter().map(|argument| argument.as_json().clone())).finish()
    }
}

impl de::Error for ArgumentError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        ArgumentError::Together(message.to_string())
    }
}

#[cfg(test)]
mod tests;
