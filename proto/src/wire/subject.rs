//! Addresses of envelopes, to which nodes subscribe.

use std::fmt::Write;
use std::sync::Arc;

/// Number of buckets that rooms are hashed into unless configured. All nodes of a cluster must agree.
pub const ROOM_BUCKETS: u32 = 1024;

/// A namespace whose token would be longer is named by a hash. Receivers go by the name in the body.
const TOKEN_BYTES_MAX: usize = 64;

/// An address on the bus.
///
/// Rooms share a bounded number of subjects, since a subscription for each room would make every join and leave known
/// to the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// All nodes that serve a namespace.
    Namespace(Arc<str>),
    /// All nodes with members in a room of this bucket of a namespace.
    Bucket(Arc<str>, u32),
    /// One node, by the name that its socket ids begin with.
    Node(Arc<str>),
    /// All nodes.
    Nodes,
}

impl Subject {
    /// The bucket of a room in a namespace.
    pub fn room(namespace: &Arc<str>, room: &str, buckets: u32) -> Self {
        Self::Bucket(namespace.clone(), bucket_of(room, buckets))
    }

    /// The subject as tokens between dots, such as `_.room.17`: safe whatever the namespace is called.
    pub fn path(&self) -> String {
        match self {
            Self::Namespace(namespace) => format!("{}.all", token(namespace)),
            Self::Bucket(namespace, bucket) => format!("{}.room.{bucket}", token(namespace)),
            Self::Node(node) => format!("node.{}", token(node)),
            Self::Nodes => "nodes".into(),
        }
    }
}

/// The bucket of a room: FNV-1a (32 bits) of its UTF-8 bytes, modulo the number of buckets.
pub fn bucket_of(room: &str, buckets: u32) -> u32 {
    let hash =
        room.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % buckets.max(1)
}

/// A name as one token: the leading `/` goes, letters, digits and `-` stay, any other byte is `_` and two hexadecimal
/// digits. `/` alone is `_`; what gets too long is `_h` and its FNV-1a hash of 64 bits.
fn token(name: &str) -> String {
    let name = name.strip_prefix('/').unwrap_or(name);
    let mut token = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            token.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(token, "_{byte:02X}");
        }
        if token.len() > TOKEN_BYTES_MAX {
            return format!("_h{:016x}", hash(name));
        }
    }
    if token.is_empty() { "_".into() } else { token }
}

fn hash(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
