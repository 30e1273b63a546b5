//! Cuts the answer to a question into replies, by bytes: one large client must not cost the others their answers.

use fanfare_proto::prost::Message;
use fanfare_proto::wire;

use super::response::Local;

/// Bytes of one reply, unless a single socket or room has more.
const REPLY_BYTES: usize = 256 * 1024;

/// Bytes of a reply beside its sockets or rooms, at most.
const HEAD_BYTES: usize = 64;

/// Bytes that a socket or room takes in a reply beside itself, at most: the number of the field and the length.
const FIELD_BYTES: usize = 6;

/// An answer in pieces.
#[derive(Debug)]
pub struct Pieces {
    /// One at least.
    replies: Vec<wire::Reply>,
    /// Sockets or rooms that are too large for any reply.
    left_out: u64,
}

impl Pieces {
    /// Collects the answers of the reactors, for a bus that carries envelopes of `bytes_max`.
    pub async fn of<T, W: Message>(
        mut local: Local<Vec<T>>,
        bytes_max: usize,
        to_wire: impl Fn(T) -> W,
        add: impl Fn(&mut wire::Reply, W),
    ) -> Self {
        let (mut replies, mut left_out) = (Vec::new(), 0);
        let bytes_max = bytes_max.saturating_sub(HEAD_BYTES);
        let (mut reply, mut bytes) = (wire::Reply::default(), 0);
        while let Some(items) = local.recv().await {
            for item in items.into_iter().map(&to_wire) {
                let item_bytes = item.encoded_len() + FIELD_BYTES;
                if item_bytes > bytes_max {
                    left_out += 1;
                    continue;
                }
                if bytes > 0 && bytes + item_bytes > REPLY_BYTES.min(bytes_max) {
                    replies.push(std::mem::take(&mut reply));
                    bytes = 0;
                }
                add(&mut reply, item);
                bytes += item_bytes;
            }
        }
        replies.push(reply);
        Self { replies, left_out }
    }

    /// An answer that is a number alone.
    pub fn count(count: u64) -> Self {
        Self { replies: vec![wire::Reply { count, ..Default::default() }], left_out: 0 }
    }

    /// Number of sockets or rooms that are too large for the bus.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The replies to a request. They are numbered, and the last one tells the number of items left out, so that the
    /// asker knows whether it has everything.
    pub fn replies(self, request: u64) -> impl Iterator<Item = wire::Reply> {
        let (last, left_out) = (self.replies.len() as u32, self.left_out);
        (1..).zip(self.replies).map(move |(piece, reply)| {
            let more = piece < last;
            let left_out = if more { 0 } else { left_out };
            wire::Reply { request, piece, more, left_out, ..reply }
        })
    }
}

#[cfg(test)]
mod tests;
