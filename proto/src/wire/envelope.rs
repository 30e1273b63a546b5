//! An envelope that was checked, and what is wrong with one that was not.

use std::sync::Arc;

use prost::Message;
use prost::bytes::Bytes;

use crate::wire;

pub use super::schema::envelope::Body;

/// The version of the schema.
pub const VERSION: u32 = 1;

/// Attachments in one packet: clients take no more.
pub const ATTACHMENTS_MAX: usize = 10;

/// The greatest number that any sender reaches, and that all languages can hold exactly: a million a second take 285
/// years.
const SEQUENCE_MAX: u64 = 1 << 53;

/// The name of a node, in bytes.
const NODE_BYTES_MAX: usize = 32;

/// A message of one node, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The name of the node; empty if the sender is not a node.
    pub node: Arc<str>,
    /// This run of the sender.
    pub instance: u64,
    /// The message.
    pub body: Body,
}

/// Reasons for refusing a frame. All of these are the sender's fault, but for `Version` and `Unknown`: a newer release
/// may well say what this one does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The bytes are not a protobuf message of this schema.
    #[error("a frame is not an envelope: {0}")]
    Malformed(String),
    /// The frame is of another version.
    #[error("an envelope has version {0}, and this node speaks version {VERSION}")]
    Version(u32),
    /// The body is of a kind that this version does not know, or missing.
    #[error("an envelope has no body of a known kind")]
    Unknown,
    /// A field has a value that cannot be.
    #[error("an envelope is invalid: {0}")]
    Invalid(&'static str),
    /// Larger than the bus carries, once it is put together.
    #[error("an envelope has {0} bytes, which is more than the bus carries")]
    TooLarge(u64),
}

impl EnvelopeError {
    /// Whether a newer release may say this in good faith.
    pub fn is_from_the_future(&self) -> bool {
        match self {
            Self::Version(version) => *version > VERSION,
            Self::Unknown => true,
            Self::Malformed(_) | Self::Invalid(_) | Self::TooLarge(_) => false,
        }
    }
}

/// Content of a frame.
#[derive(Debug)]
pub(crate) enum Content {
    Whole(Body),
    Part(wire::Part),
}

/// Reads a frame. Sender and numbers are checked; the content is not, so that the number of an
/// envelope counts whatever else is wrong with it. See [`content`].
pub(crate) fn decode(frame: Bytes) -> Result<wire::Envelope, EnvelopeError> {
    // The version is looked at first: the rest of a newer one may be of any shape.
    let envelope = wire::Envelope::decode(frame.clone()).map_err(|error| match version_of(frame) {
        Some(version) if version != VERSION => EnvelopeError::Version(version),
        _ => EnvelopeError::Malformed(error.to_string()),
    })?;
    if envelope.version != VERSION {
        return Err(EnvelopeError::Version(envelope.version));
    }
    if envelope.node.len() > NODE_BYTES_MAX {
        return Err(EnvelopeError::Invalid("the name of the node is too long"));
    }
    // It stands in logs and on pages.
    if !envelope.node.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(EnvelopeError::Invalid("the name of the node has other characters than printable ASCII"));
    }
    if envelope.instance == 0 && envelope.sequence != 0 {
        return Err(EnvelopeError::Invalid("it is numbered, and its sender has no instance"));
    }
    if (envelope.sequence == 0) != (envelope.subject_sequence == 0) {
        return Err(EnvelopeError::Invalid("one of its two numbers is missing"));
    }
    if envelope.sequence > SEQUENCE_MAX {
        return Err(EnvelopeError::Invalid("its sequence is higher than its sender can have reached"));
    }
    let starts_before = envelope.subject_start < envelope.subject_sequence || envelope.subject_start == 0;
    if envelope.subject_sequence > envelope.sequence || !starts_before {
        return Err(EnvelopeError::Invalid("its numbers contradict each other"));
    }
    Ok(envelope)
}

/// Returns the checked content of an envelope.
pub(crate) fn content(part: Option<wire::Part>, body: Option<Body>) -> Result<Content, EnvelopeError> {
    match (part, body) {
        (Some(part), None) => check_part(&part).map(|()| Content::Part(part)),
        (None, Some(body)) => check(&body).map(|()| Content::Whole(body)),
        (None, None) => Err(EnvelopeError::Unknown),
        (Some(_), Some(_)) => Err(EnvelopeError::Invalid("it has both a part and a body")),
    }
}

/// Reads the body of an envelope that came in parts.
pub(crate) fn decode_body(bytes: Bytes) -> Result<Body, EnvelopeError> {
    let envelope =
        wire::Envelope::decode(bytes).map_err(|error| EnvelopeError::Malformed(error.to_string()))?;
    let body = envelope.body.ok_or(EnvelopeError::Unknown)?;
    check(&body)?;
    Ok(body)
}

/// The version, if the frame begins like an envelope.
fn version_of(frame: Bytes) -> Option<u32> {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Head {
        #[prost(uint32, tag = "1")]
        version: u32,
    }
    match frame.first() {
        // The tag of field 1 as a number; what follows the version need not be readable.
        Some(0x08) => {
            let end = frame.iter().skip(1).position(|byte| byte & 0x80 == 0)? + 2;
            Head::decode(frame.slice(..end)).ok().map(|head| head.version)
        }
        _ => None,
    }
}

fn check_part(part: &wire::Part) -> Result<(), EnvelopeError> {
    if part.count < 2 || part.index >= part.count {
        return Err(EnvelopeError::Invalid("its part has an impossible index or count"));
    }
    let bytes = part.data.len() as u64;
    if bytes == 0 || bytes > part.total_bytes || u64::from(part.count) > part.total_bytes {
        return Err(EnvelopeError::Invalid("its part has an impossible size"));
    }
    Ok(())
}

/// Checks what a receiver relies on.
fn check(body: &Body) -> Result<(), EnvelopeError> {
    match body {
        Body::Broadcast(broadcast) => {
            let target = check_target(broadcast.target.as_ref())?;
            check_packet(&target.namespace, &broadcast.packet, broadcast.attachments.len())
        }
        Body::Membership(membership) => {
            check_target(membership.target.as_ref())?;
            membership.change.is_some().then_some(()).ok_or(EnvelopeError::Unknown)
        }
        Body::Request(request) => {
            use wire::request::Question::{Count, Fetch, Rooms};
            let Some(Fetch(target) | Count(target) | Rooms(target)) = &request.question else {
                return Err(EnvelopeError::Unknown);
            };
            check_target(Some(target)).map(|_| ())
        }
        Body::ServerEvent(event) => check_namespace(&event.namespace),
        Body::BroadcastAnswers(_)
        | Body::Reply(_)
        | Body::Heartbeat(_)
        | Body::Goodbye(_)
        | Body::RollCall(_) => Ok(()),
    }
}

fn check_target(target: Option<&wire::Target>) -> Result<&wire::Target, EnvelopeError> {
    let target = target.ok_or(EnvelopeError::Invalid("it has no target"))?;
    check_namespace(&target.namespace)?;
    Ok(target)
}

fn check_namespace(namespace: &str) -> Result<(), EnvelopeError> {
    let valid = namespace.starts_with('/');
    valid.then_some(()).ok_or(EnvelopeError::Invalid("the name of its namespace does not begin with a slash"))
}

/// `42[<namespace>,][…` or `45<attachments>-[<namespace>,][…`: an event of that namespace that asks for no
/// acknowledgement.
fn check_packet(namespace: &str, packet: &str, attachments: usize) -> Result<(), EnvelopeError> {
    if attachments > ATTACHMENTS_MAX {
        return Err(EnvelopeError::Invalid("it has more attachments than clients take"));
    }
    let rest = match attachments {
        0 => packet.strip_prefix("42"),
        _ => packet.strip_prefix("45").and_then(|rest| rest.strip_prefix(&format!("{attachments}-"))),
    };
    let rest = match (rest, namespace) {
        (Some(rest), "/") => Some(rest),
        (Some(rest), namespace) => rest.strip_prefix(namespace).and_then(|rest| rest.strip_prefix(',')),
        (None, _) => None,
    };
    // U+001E would end the message in the answer to a poll. JSON never has it as it is.
    let is_event = rest.is_some_and(|rest| rest.starts_with("[\"") && rest.ends_with(']'))
        && !packet.as_bytes().contains(&0x1e);
    is_event
        .then_some(())
        .ok_or(EnvelopeError::Invalid("the packet of a broadcast is not an event of its namespace"))
}

#[cfg(test)]
mod tests;
