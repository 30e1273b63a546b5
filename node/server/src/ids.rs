//! Names of things: nodes, engine sessions, sockets, rooms.
//!
//! An id is 20 URL-safe characters, as in Socket.IO: 4 name the node, 1 the reactor, 15 are random (90 bits).
//! Clients see an opaque string; the cluster reads from it where the owner lives.

use std::fmt;
use std::sync::Arc;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const ID_LEN: usize = 20;
const TAG_LEN: usize = 4;
const SECRET_LEN: usize = ID_LEN - TAG_LEN - 1;

/// The number of reactors an id can name, and so the most a node can have.
pub const REACTORS_MAX: usize = 64;

/// Tag of the node that made an id: 24 random bits, drawn when the node starts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeTag([u8; TAG_LEN]);

impl NodeTag {
    /// A fresh random tag.
    pub fn random() -> Self {
        Self(random_chars())
    }

    /// Reads the name of a node; `None` if ids cannot begin with it.
    pub fn parse(name: &str) -> Option<Self> {
        let tag: [u8; TAG_LEN] = name.as_bytes().try_into().ok()?;
        tag.iter().all(|&byte| digit(byte).is_some()).then_some(Self(tag))
    }

    /// The tag as its four characters.
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }
}

impl fmt::Debug for NodeTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The 20 characters that both kinds of id consist of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Id([u8; ID_LEN]);

impl Id {
    fn generate(node: NodeTag, reactor: usize) -> Self {
        Self::with(node, reactor, random_chars())
    }

    fn with(node: NodeTag, reactor: usize, secret: [u8; SECRET_LEN]) -> Self {
        let mut id = [0; ID_LEN];
        id[..TAG_LEN].copy_from_slice(&node.0);
        id[TAG_LEN] = ALPHABET[reactor % REACTORS_MAX];
        id[TAG_LEN + 1..].copy_from_slice(&secret);
        Self(id)
    }

    fn parse(text: &str) -> Option<Self> {
        let id: [u8; ID_LEN] = text.as_bytes().try_into().ok()?;
        id.iter().all(|&byte| digit(byte).is_some()).then_some(Self(id))
    }

    fn node(&self) -> NodeTag {
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&self.0[..TAG_LEN]);
        NodeTag(tag)
    }

    fn reactor(&self) -> usize {
        digit(self.0[TAG_LEN]).unwrap_or_default()
    }
}

/// An Engine.IO session. A bearer secret: anybody that knows it can poll the session, so `Debug` shows only its start.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(Id);

impl SessionId {
    /// A fresh id for a session that lives on `reactor` of `node`.
    pub fn generate(node: NodeTag, reactor: usize) -> Self {
        Self(Id::generate(node, reactor))
    }

    /// An id for a session that lives on `reactor` of `node`, with the given 15 characters in place of random ones; `None` if
    /// they are something else.
    pub fn with_secret(node: NodeTag, reactor: usize, secret: &str) -> Option<Self> {
        let secret: [u8; SECRET_LEN] = secret.as_bytes().try_into().ok()?;
        let is_valid = secret.iter().all(|&byte| digit(byte).is_some());
        is_valid.then(|| Self(Id::with(node, reactor, secret)))
    }

    /// Reads an id from a request; `None` if it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        Id::parse(text).map(Self)
    }

    /// The id as the client knows it.
    pub fn as_str(&self) -> &str {
        ascii(&self.0.0)
    }

    /// The reactor that the session lives on.
    pub fn reactor(&self) -> usize {
        self.0.reactor()
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", &self.as_str()[..8])
    }
}

/// A socket: one client in one namespace. Also the name of the room that this socket alone starts in.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketId(Id);

impl SocketId {
    /// A fresh id for a socket that lives on `reactor` of `node`.
    pub fn generate(node: NodeTag, reactor: usize) -> Self {
        Self(Id::generate(node, reactor))
    }

    /// The id of a session, which clients of Engine.IO 3 take for that of their socket. It is a secret no longer then.
    pub fn of_session(session: SessionId) -> Self {
        Self(session.0)
    }

    /// Reads an id; `None` if the text cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        Id::parse(text).map(Self)
    }

    /// The id as the client knows it.
    pub fn as_str(&self) -> &str {
        ascii(&self.0.0)
    }

    /// The node that the socket lives on.
    pub fn node(&self) -> NodeTag {
        self.0.node()
    }

    /// The reactor that the socket lives on.
    pub fn reactor(&self) -> usize {
        self.0.reactor()
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for SocketId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// For ids that clients send: those of sockets of whatever node, which may have gone.
impl<'de> serde::Deserialize<'de> for SocketId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not the id of a socket"))
    }
}

/// The name of a room. Any text is a name; clones share it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Room(Arc<str>);

impl Room {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Room {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Room {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for Room {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<&String> for Room {
    fn from(name: &String) -> Self {
        Self(name.as_str().into())
    }
}

impl From<SocketId> for Room {
    fn from(id: SocketId) -> Self {
        Self(id.as_str().into())
    }
}

impl From<&Room> for Room {
    fn from(room: &Room) -> Self {
        room.clone()
    }
}

impl serde::Serialize for Room {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

fn random_chars<const N: usize>() -> [u8; N] {
    let mut chars = [0; N];
    rand::fill(&mut chars[..]);
    for char in &mut chars {
        *char = ALPHABET[usize::from(*char & 63)];
    }
    chars
}

fn digit(byte: u8) -> Option<usize> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    };
    Some(value.into())
}

/// Every id consists of letters of `ALPHABET`, so this never meets anything but ASCII.
fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests;
