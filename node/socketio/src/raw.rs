//! One argument as it arrived.

mod skeleton;

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use serde::de::DeserializeSeed;
use serde::ser::{Error, Serialize, Serializer};
use serde_json::value::RawValue;

use self::skeleton::Node;
use super::placeholder;
use super::value::{Reader, Value};

/// An argument that nobody has parsed: a slice of the packet, cheap to clone.
///
/// Serialises as what it is, so that it can be emitted again. The JSON is then written verbatim, except for the parts
/// that lead to its attachments: keys may be escaped in another way there, and space is left out.
///
/// A client can make serialising fail: by an attachment more than 127 levels deep, or by one beside a key that is not
/// Unicode (half of a surrogate pair).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    json: ByteString,
    /// Present only if there may be a placeholder in `json`.
    attachments: Option<Arc<[Bytes]>>,
}

impl Raw {
    pub(super) fn new(json: ByteString, attachments: Option<Arc<[Bytes]>>) -> Self {
        let attachments = attachments.filter(|_| may_hold_placeholder(&json));
        Raw { json, attachments }
    }

    /// The JSON text. Where there were bytes it holds placeholders.
    pub fn as_json(&self) -> &ByteString {
        &self.json
    }

    /// The argument as a tree, with the bytes in their places and not copied.
    ///
    /// # Errors
    ///
    /// The client nested it more than 127 levels deep, or used a number beyond a double.
    pub fn to_value(&self) -> Result<Value, serde_json::Error> {
        let attachments = self.attachments.as_deref().unwrap_or_default();
        Reader { attachments }.deserialize(&mut serde_json::Deserializer::from_str(&self.json))
    }

    /// Whether serde_json can read the text without knowing of attachments.
    pub(super) fn is_plain(&self) -> bool {
        self.attachments.is_none()
    }
}

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.attachments {
            None => {
                serde_json::from_str::<&RawValue>(&self.json).map_err(S::Error::custom)?.serialize(serializer)
            }
            Some(attachments) => {
                let node = Node::of(&self.json, attachments.len()).map_err(S::Error::custom)?;
                node.with(&self.json, attachments).serialize(serializer)
            }
        }
    }
}

/// False only if there is certainly none: a key can also be written with escapes.
fn may_hold_placeholder(json: &str) -> bool {
    json.contains("_placeholder") || json.contains('\\')
}

#[cfg(test)]
mod tests;
