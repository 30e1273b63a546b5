//! Where clients connect: addresses and Unix sockets, one or several, as people write them.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use fanfare::Listener;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::address::Address;

/// Flag that chooses these places.
const FLAG: &str = "--listen";
/// Beginning of a Unix socket.
const UNIX: &str = "unix:";

/// One place to listen at, or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen(Vec<Place>);

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Address(Address),
    Unix(PathBuf),
}

/// The same, with the addresses behind its name.
pub enum Resolved {
    /// The addresses to try, in this order.
    Address(Address, Vec<SocketAddr>),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Listen {
    /// Resolves names.
    pub fn resolve(&self) -> Result<Vec<Resolved>, String> {
        let resolve = |place: &Place| match place {
            Place::Address(address) => Ok(Resolved::Address(address.clone(), address.resolve()?)),
            Place::Unix(path) => Ok(Resolved::Unix(path.clone())),
        };
        self.0.iter().map(resolve).collect()
    }
}

impl Resolved {
    /// Starts to listen. An error says what to do about it.
    pub fn bind(&self) -> Result<Listener, String> {
        match self {
            Self::Address(address, found) => {
                Listener::bind(found.as_slice()).map_err(|error| address.failure(&error, FLAG))
            }
            Self::Unix(path) => Listener::unix(path).map_err(|error| {
                let advice = match error.kind() {
                    io::ErrorKind::AddrInUse => {
                        "; a process listens there, or it is a file: remove it, or use another path"
                    }
                    io::ErrorKind::NotFound => "; there is no such folder",
                    _ => "",
                };
                format!("cannot listen on {UNIX}{}: {error}{advice}", path.display())
            }),
        }
    }

    /// Whether this machine alone reaches it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Address(_, found) => found.iter().all(|address| address.ip().is_loopback()),
            Self::Unix(_) => true,
        }
    }
}

impl From<Address> for Listen {
    fn from(address: Address) -> Self {
        Self(vec![Place::Address(address)])
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().strip_prefix(UNIX) {
            Some("") => Err(format!("{text:?} names no path: write {UNIX}/run/fanfare.sock")),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Address),
        }
    }
}

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [place] => serializer.collect_str(place),
            places => serializer.collect_seq(places.iter().map(ToString::to_string)),
        }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Reads one place or a list. A number is a port, as a single address may be.
struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Listen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address such as \"127.0.0.1:3000\", \"unix:/run/fanfare.sock\", or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Listen, E> {
        text.parse().map(|place| Listen(vec![place])).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Listen, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Listen, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u128<E: de::Error>(self, number: u128) -> Result<Listen, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Listen, A::Error> {
        let mut places = Vec::new();
        while let Some(Listen(one)) = list.next_element()? {
            places.extend(one);
        }
        if places.is_empty() {
            return Err(de::Error::custom("the list is empty: no client could connect"));
        }
        Ok(Listen(places))
    }
}

impl JsonSchema for Listen {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Listen".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer", "array"], "items": { "type": ["string", "integer"] } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(written: serde_json::Value) -> Result<serde_json::Value, String> {
        let listen: Listen = serde_json::from_value(written).map_err(|error| error.to_string())?;
        serde_json::to_value(listen).map_err(|error| error.to_string())
    }

    #[test]
    fn one_place_and_several_are_read_and_written() {
        let several = serde_json::json!(["0.0.0.0:3000", "[::1]:3001", "unix:/run/fanfare.sock"]);
        assert_eq!(read(several.clone()), Ok(several));
        assert_eq!(read("unix:relative.sock".into()), Ok("unix:relative.sock".into()));
        assert_eq!(read(3000.into()), Ok("127.0.0.1:3000".into()));
        assert_eq!(read(serde_json::json!([3000])), Ok("127.0.0.1:3000".into()));
        for nonsense in [serde_json::json!([]), "unix:".into(), serde_json::json!(["nowhere"]), 70_000.into()]
        {
            read(nonsense.clone()).expect_err(&nonsense.to_string());
        }
    }
}
