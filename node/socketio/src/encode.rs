//! Packets of the server, as text and attachments.
//!
//! # Arguments
//!
//! A value that serialises as a tuple is several arguments, one for each element: tuples, tuple structs, arrays of a
//! fixed size. `()` and unit structs are no argument. Anything else is one argument, also a `Vec`, a slice,
//! and an `Option`; a newtype counts as what it wraps. The null of `serde_json::Value` says of itself that it
//! is `()` and so is no argument; [`Value::Null`] is one.
//!
//! Bytes that serialise as bytes (`bytes::Bytes`, `serde_bytes`, [`Value::Binary`])
//! travel as attachments, wherever they stand.

mod attachments;
mod spread;

use std::io::Write as _;

use bytes::Bytes;
use bytestring::ByteString;
use serde::Serialize;
use serde_json::value::RawValue;

use self::attachments::Extract;
use self::spread::Spread;
use super::packet::{MAX_ATTACHMENTS, is_reserved};
use super::value::Value;

/// The type of an Engine.IO message.
const MESSAGE: u8 = b'4';

/// Room for a small event without growing, so that most packets are written with one allocation.
const BUFFER_BYTES: usize = 128;

/// An encoded packet, cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The text. It starts with `4`, the type of an Engine.IO message.
    pub text: ByteString,
    /// The binary messages that follow the text at once, with no other message of the connection in between.
    pub attachments: Vec<Bytes>,
}

/// Reason why a packet cannot be sent. All of these are the application's doing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The name is one of those that Socket.IO keeps for itself.
    #[error("the event name {0:?} is reserved")]
    ReservedName(String),
    /// The arguments do not serialise.
    #[error("the arguments cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Clients refuse a packet with so many attachments and close the connection.
    #[error("{0} attachments in one packet, but clients accept at most {MAX_ATTACHMENTS}")]
    TooManyAttachments(usize),
}

/// An event; with `ack` the client answers with that id.
pub fn event(
    namespace: &str,
    ack: Option<u64>,
    event: &str,
    arguments: &(impl Serialize + ?Sized),
) -> Result<Encoded, EncodeError> {
    if is_reserved(event) {
        return Err(EncodeError::ReservedName(event.to_owned()));
    }
    let mut text = header('2', namespace, ack);
    text.push(b'[');
    push_string(&mut text, event);
    with_arguments(text, b',', arguments)
}

/// The answer to the event with this id.
pub fn ack(namespace: &str, id: u64, arguments: &(impl Serialize + ?Sized)) -> Result<Encoded, EncodeError> {
    with_arguments(header('3', namespace, Some(id)), b'[', arguments)
}

/// Arguments alone, as the text of a JSON array.
pub fn array(arguments: &(impl Serialize + ?Sized)) -> Result<Encoded, EncodeError> {
    let mut text = Vec::with_capacity(BUFFER_BYTES);
    let attachments = write_arguments(&mut text, b'[', arguments)?;
    Ok(finish(text, attachments))
}

/// The same event, which clients answer with `id` now. It must be an [`event`] of that namespace without an id.
pub fn with_ack(event: &Encoded, namespace: &str, id: u64) -> Encoded {
    let counted =
        if event.attachments.is_empty() { 0 } else { event.text.find('-').map_or(0, |dash| dash - 1) };
    let prefix = if namespace == "/" { 0 } else { namespace.len() + 1 };
    let (head, rest) = event.text.split_at(2 + counted + prefix);
    Encoded { text: format!("{head}{id}{rest}").into(), attachments: event.attachments.clone() }
}

/// The same event with one more argument, a text. It must be an [`event`] without an id: a client with
/// connection state recovery takes this text for its offset.
pub fn with_text(event: &Encoded, argument: &str) -> Encoded {
    let list = event.text.trim_end();
    let list = list.strip_suffix(']').unwrap_or(list);
    let mut text = Vec::with_capacity(list.len() + argument.len() + 4);
    text.extend_from_slice(list.as_bytes());
    text.push(b',');
    push_string(&mut text, argument);
    text.push(b']');
    finish(text, event.attachments.clone())
}

/// The same event in another namespace. It must be an [`event`] of the main namespace.
pub fn within(event: &Encoded, namespace: &str) -> Encoded {
    if namespace == "/" {
        return event.clone();
    }
    let counted =
        if event.attachments.is_empty() { 0 } else { event.text.find('-').map_or(0, |dash| dash - 1) };
    let (head, rest) = event.text.split_at(2 + counted);
    Encoded { text: format!("{head}{namespace},{rest}").into(), attachments: event.attachments.clone() }
}

/// The answer to a CONNECT that is granted: `{"sid":…}`.
pub fn connect(namespace: &str, sid: &str) -> Encoded {
    let mut text = header('0', namespace, None);
    text.extend_from_slice(b"{\"sid\":");
    push_string(&mut text, sid);
    text.push(b'}');
    finish(text, Vec::new())
}

/// The answer to a CONNECT that is refused: `{"message":…}`, with `data` only if there is any.
pub fn connect_error(namespace: &str, message: &str, data: Option<&RawValue>) -> Encoded {
    let mut text = header('4', namespace, None);
    text.extend_from_slice(b"{\"message\":");
    push_string(&mut text, message);
    if let Some(data) = data {
        text.extend_from_slice(b",\"data\":");
        text.extend_from_slice(data.get().as_bytes());
    }
    text.push(b'}');
    finish(text, Vec::new())
}

/// The answer to a CONNECT that is granted, to a client of Socket.IO 2: without a payload.
pub fn connect_without_id(namespace: &str) -> Encoded {
    finish(header('0', namespace, None), Vec::new())
}

/// The answer to a CONNECT that is refused, to a client of Socket.IO 2: `data` if there is any, or else the message as a
/// string.
pub fn error(namespace: &str, message: &str, data: Option<&RawValue>) -> Encoded {
    let mut text = header('4', namespace, None);
    match data {
        Some(data) => text.extend_from_slice(data.get().as_bytes()),
        None => push_string(&mut text, message),
    }
    finish(text, Vec::new())
}

/// The server ends the client's membership in a namespace.
pub fn disconnect(namespace: &str) -> Encoded {
    finish(header('1', namespace, None), Vec::new())
}

/// `4<type>[<namespace>,][<id>]`; the main namespace goes without saying.
fn header(kind: char, namespace: &str, id: Option<u64>) -> Vec<u8> {
    let mut text = Vec::with_capacity(BUFFER_BYTES + namespace.len());
    text.extend([MESSAGE, kind as u8]);
    if namespace != "/" {
        text.extend_from_slice(namespace.as_bytes());
        text.push(b',');
    }
    if let Some(id) = id {
        write!(text, "{id}").expect("writing to memory cannot fail");
    }
    text
}

fn push_string(text: &mut Vec<u8>, value: &str) {
    serde_json::to_writer(text, value).expect("a string is always JSON, and writing to memory cannot fail");
}

fn finish(text: Vec<u8>, attachments: Vec<Bytes>) -> Encoded {
    let text = ByteString::try_from(text).expect("what is written is UTF-8");
    Encoded { text, attachments }
}

/// One value as JSON text; its bytes become attachments.
pub(super) fn value(value: &Value, attachments: &mut Vec<Bytes>) -> Result<ByteString, serde_json::Error> {
    let mut text = Vec::with_capacity(BUFFER_BYTES);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Extract { attachments }))?;
    Ok(ByteString::try_from(text).expect("what is written is UTF-8"))
}

/// Ends the packet with the arguments; `open` is what stands before the first one.
fn with_arguments(
    mut text: Vec<u8>,
    open: u8,
    arguments: &(impl Serialize + ?Sized),
) -> Result<Encoded, EncodeError> {
    let attachments = write_arguments(&mut text, open, arguments)?;
    if !attachments.is_empty() {
        announce(&mut text, attachments.len());
    }
    Ok(finish(text, attachments))
}

/// Writes the arguments and the bracket that ends them, and returns their attachments.
///
/// A tuple is serialised as it is, and the bracket that it begins with is replaced.
fn write_arguments(
    text: &mut Vec<u8>,
    open: u8,
    arguments: &(impl Serialize + ?Sized),
) -> Result<Vec<Bytes>, EncodeError> {
    let mut attachments = Vec::new();
    let start = text.len();
    let mut write = |text: &mut Vec<u8>| {
        let extract = Extract { attachments: &mut attachments };
        arguments.serialize(&mut serde_json::Serializer::with_formatter(text, extract))
    };
    match Spread::of(arguments) {
        Spread::Nothing if open == b'[' => text.extend_from_slice(b"[]"),
        Spread::Nothing => text.push(b']'),
        Spread::Several => {
            write(text)?;
            text[start] = open;
        }
        Spread::One => {
            text.push(open);
            write(text)?;
            text.push(b']');
        }
    }
    match attachments.len() {
        0..=MAX_ATTACHMENTS => Ok(attachments),
        count => Err(EncodeError::TooManyAttachments(count)),
    }
}

/// Makes the packet a BINARY_EVENT or BINARY_ACK: `42…` becomes `45<count>-…`, `43…` becomes `46<count>-…`.
fn announce(text: &mut Vec<u8>, count: usize) {
    let kind = text[1] + 3;
    text.splice(1..2, format!("{}{count}-", char::from(kind)).into_bytes());
}

#[cfg(test)]
mod tests;
