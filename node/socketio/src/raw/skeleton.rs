//! The part of an argument that leads to its attachments. The rest of its text stays as it is.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use serde::ser::{Error, Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::placeholder;
use crate::json::end_of_token;

/// Arrays and objects around an attachment that are written anew, since writing recurses. What holds no attachment
/// may be nested as deeply as it likes.
const LEVELS_MAX: usize = 127;

/// An attachment lies deeper than [`LEVELS_MAX`].
#[derive(Debug, thiserror::Error)]
#[error("the client nested an attachment more than {LEVELS_MAX} levels deep")]
pub(super) struct TooDeep;

/// A value, and where it stands in the text.
pub(super) struct Node {
    range: Range<usize>,
    kind: Kind,
}

enum Kind {
    /// Text without an attachment.
    Text,
    /// The attachment with this index.
    Attachment(usize),
    /// An array with an attachment in it.
    Array(Vec<Node>),
    /// An object with an attachment in it: its keys, quoted as they came, and values.
    Object(Vec<(Range<usize>, Node)>),
}

/// An array or object whose end was not seen yet.
struct Open {
    start: usize,
    is_object: bool,
    /// The key of the value that comes next.
    key: Option<Range<usize>>,
    /// Members seen so far; in an array the keys are empty.
    members: Vec<(Range<usize>, Node)>,
    /// Levels between here and the deepest attachment seen.
    levels: usize,
}

impl Node {
    /// The skeleton of a value. The text must be valid JSON, with valid placeholders only.
    pub(super) fn of(json: &str, attachments: usize) -> Result<Node, TooDeep> {
        let text = json.as_bytes();
        let mut open: Vec<Open> = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let start = at;
            at = end_of_token(text, at);
            let (node, levels) = match text[start] {
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => continue,
                bracket @ (b'{' | b'[') => {
                    let is_object = bracket == b'{';
                    open.push(Open { start, is_object, key: None, members: Vec::new(), levels: 0 });
                    continue;
                }
                b'}' | b']' => match open.pop() {
                    Some(closed) => closed.close(json, at, attachments)?,
                    None => break,
                },
                _ => (Node { range: start..at, kind: Kind::Text }, 0),
            };
            match open.last_mut() {
                Some(parent) => parent.take(node, levels),
                None => return Ok(node),
            }
        }
        Ok(Node { range: 0..json.len(), kind: Kind::Text })
    }

    /// The value with attachments in it, to be serialised.
    pub(super) fn with<'a>(&'a self, json: &'a str, attachments: &'a [Bytes]) -> impl Serialize + 'a {
        Written { node: self, json, attachments }
    }
}

impl Open {
    fn take(&mut self, node: Node, levels: usize) {
        if self.is_object && self.key.is_none() {
            self.key = Some(node.range);
            return;
        }
        self.levels = self.levels.max(levels);
        self.members.push((self.key.take().unwrap_or_default(), node));
    }

    /// The finished value, and how many levels down its deepest attachment is.
    fn close(self, json: &str, end: usize, attachments: usize) -> Result<(Node, usize), TooDeep> {
        let range = self.start..end;
        let text = |range: &Range<usize>| &json[range.clone()];
        let members = self.members.iter().map(|(key, value)| (text(key), text(&value.range)));
        if self.is_object
            && let Some(index) = placeholder::of_members(members, attachments)
        {
            return Ok((Node { range, kind: Kind::Attachment(index) }, 1));
        }
        let kind = match self.levels {
            0 => Kind::Text,
            LEVELS_MAX.. => return Err(TooDeep),
            _ if self.is_object => Kind::Object(self.members),
            _ => Kind::Array(self.members.into_iter().map(|(_, element)| element).collect()),
        };
        let levels = if self.levels == 0 { 0 } else { self.levels + 1 };
        Ok((Node { range, kind }, levels))
    }
}

#[derive(Clone, Copy)]
struct Written<'a> {
    node: &'a Node,
    json: &'a str,
    attachments: &'a [Bytes],
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.node.kind {
            Kind::Text => {
                let text = &self.json[self.node.range.clone()];
                serde_json::from_str::<&RawValue>(text).map_err(S::Error::custom)?.serialize(serializer)
            }
            Kind::Attachment(index) => serializer.serialize_bytes(&self.attachments[*index]),
            Kind::Array(elements) => {
                serializer.collect_seq(elements.iter().map(|node| Written { node, ..*self }))
            }
            Kind::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, node) in members {
                    let key: Cow<'_, str> =
                        serde_json::from_str(&self.json[key.clone()]).map_err(S::Error::custom)?;
                    map.serialize_entry(&key, &Written { node, ..*self })?;
                }
                map.end()
            }
        }
    }
}
