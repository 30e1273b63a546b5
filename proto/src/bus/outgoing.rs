//! The sending half that all buses share: numbers envelopes, and cuts those that are larger than a frame.

mod subjects;

use std::sync::Arc;

use prost::Message;
use prost::bytes::{Bytes, BytesMut};

use crate::bus::Identity;
use crate::wire;
use crate::wire::envelope::Body;
use crate::wire::envelope::VERSION;
use crate::wire::subject::Subject;
use subjects::Subjects;

/// Room for the header of a frame, and for what makes it a part.
pub(crate) const HEADER_BYTES: usize = 128;

/// Numbers for everything one instance publishes. Numbers are given in the order of publication: the caller holds one
/// lock while it numbers an envelope and queues it.
#[derive(Debug)]
pub struct Outgoing {
    identity: Identity,
    sequence: u64,
    subjects: Subjects,
}

/// The header of one copy of an envelope.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// The subject's [path](Subject::path).
    pub path: Arc<str>,
    header: wire::Envelope,
}

/// One message of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The subject's [path](Subject::path).
    pub path: Arc<str>,
    /// An encoded `Envelope`.
    pub bytes: Bytes,
}

impl Outgoing {
    /// Nothing was published yet.
    pub fn new(identity: Identity) -> Self {
        Self { identity, sequence: 0, subjects: Subjects::new() }
    }

    /// Numbers an envelope that goes to these subjects.
    pub fn number(&mut self, subjects: &[Subject]) -> Vec<Numbered> {
        self.sequence += 1;
        subjects.iter().map(|subject| self.number_one(subject, subjects.len() as u32)).collect()
    }

    fn number_one(&mut self, subject: &Subject, copies: u32) -> Numbered {
        let sent = self.subjects.count(subject, self.sequence);
        let header = wire::Envelope {
            version: VERSION,
            node: self.identity.node.to_string(),
            instance: self.identity.instance,
            sequence: self.sequence,
            subject_sequence: sent.last,
            subject_start: sent.start,
            copies: if copies == 1 { 0 } else { copies },
            part: None,
            body: None,
        };
        Numbered { path: sent.path.clone(), header }
    }

    /// A header without numbers, for what is in no order with the rest.
    pub fn unnumbered(&self, subject: &Subject) -> Numbered {
        let Identity { node, instance } = &self.identity;
        let header = wire::Envelope {
            version: VERSION,
            node: node.to_string(),
            instance: *instance,
            ..Default::default()
        };
        Numbered { path: subject.path().into(), header }
    }

    /// The number of the last envelope.
    #[cfg(test)]
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Completes a heartbeat: how far this instance has come on its subjects. Any other body stays as it is.
    pub fn complete(&mut self, body: &mut Body) {
        let Body::Heartbeat(heartbeat) = body else { return };
        (heartbeat.tails, heartbeat.tails_complete) = self.subjects.tails(self.sequence + 1);
    }
}

/// Encodes a body, once for all its copies.
pub fn encode(body: &Body) -> Bytes {
    let mut bytes = BytesMut::with_capacity(body.encoded_len());
    body.encode(&mut bytes);
    bytes.freeze()
}

impl Numbered {
    /// The frames of this copy, each of at most `frame_bytes_max` bytes (at least 1 KiB is assumed).
    pub fn frames(&self, body: &Bytes, frame_bytes_max: usize) -> Vec<Frame> {
        let room = frame_bytes_max.max(1024) - HEADER_BYTES;
        if body.len() <= room {
            // A protobuf message is the sequence of its fields: the header's, then the body's.
            let mut bytes = BytesMut::with_capacity(self.header.encoded_len() + body.len());
            self.header.encode(&mut bytes).expect("there is room for it");
            bytes.extend_from_slice(body);
            return vec![Frame { path: self.path.clone(), bytes: bytes.freeze() }];
        }
        let count = body.len().div_ceil(room);
        let part = |index: usize| {
            let data = body.slice(index * room..body.len().min((index + 1) * room));
            let part =
                wire::Part { index: index as u32, count: count as u32, total_bytes: body.len() as u64, data };
            let envelope = wire::Envelope { part: Some(part), ..self.header.clone() };
            Frame { path: self.path.clone(), bytes: envelope.encode_to_vec().into() }
        };
        (0..count).map(part).collect()
    }
}

#[cfg(test)]
mod tests;
