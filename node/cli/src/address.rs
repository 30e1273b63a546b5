//! Addresses to listen on, as people write them: an address or a name with a port, or a port alone.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// An address to listen on; a name in it is resolved when the node starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// IPv6 addresses in brackets.
    host: String,
    port: u16,
}

impl Address {
    /// A port that this machine alone reaches.
    pub fn of_this_machine(port: u16) -> Self {
        Self { host: Ipv4Addr::LOCALHOST.to_string(), port }
    }

    /// The addresses to try, in this order.
    pub fn resolve(&self) -> Result<Vec<SocketAddr>, String> {
        let found = self.to_string().to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        match found {
            Ok(addresses) if !addresses.is_empty() => Ok(addresses),
            Ok(_) => Err(format!("cannot listen on {self}: the name {} has no address", self.host)),
            Err(error) => Err(format!("cannot listen on {self}: {error}")),
        }
    }

    /// The same for connections from this machine.
    pub fn reachable(&self) -> String {
        let address = self.to_string();
        address.parse().map_or(address, |address: SocketAddr| reachable(address).to_string())
    }

    /// An error of listening, with what to do about it; `flag` moves the address.
    pub fn failure(&self, error: &io::Error, flag: &str) -> String {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => format!("; another process listens there: stop it, or use {flag}"),
            io::ErrorKind::AddrNotAvailable => "; this machine does not have that address".into(),
            io::ErrorKind::PermissionDenied => "; ports below 1024 are for root".into(),
            _ => String::new(),
        };
        format!("cannot listen on {self}: {error}{advice}")
    }
}

/// An address to connect to, of one that is listened on: all addresses of a machine include those of its loopback.
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = text.trim().rsplit_once(':').unwrap_or(("", text.trim()));
        let port = port.parse().map_err(|_| wrong(&format!("{text:?}")))?;
        if host.is_empty() {
            return Ok(Self::of_this_machine(port));
        }
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = match inner {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)),
        };
        if is_host { Ok(Self { host: host.to_owned(), port }) } else { Err(wrong(&format!("{text:?}"))) }
    }
}

fn wrong(found: &str) -> String {
    format!(
        "{found} is not an address to listen on: write ADDRESS:PORT, NAME:PORT or, for this machine alone, PORT, such \
         as 0.0.0.0:3000, [::]:3000, localhost:3000 or 3000"
    )
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Reads a text, or the number that a port alone is in a file and in a variable.
struct Written;

impl Visitor<'_> for Written {
    type Value = Address;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address such as \"127.0.0.1:3000\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Address, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Address, E> {
        let port = u16::try_from(number).map_err(|_| E::custom(wrong(&number.to_string())))?;
        Ok(Address::of_this_machine(port))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Address, E> {
        u64::try_from(number)
            .map_err(|_| E::custom(wrong(&number.to_string())))
            .and_then(|number| self.visit_u64(number))
    }

    fn visit_u128<E: de::Error>(self, number: u128) -> Result<Address, E> {
        self.visit_u64(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

impl JsonSchema for Address {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_of_this_machine_and_names_stay_names() {
        for (written, meant) in [
            ("3000", "127.0.0.1:3000"),
            (":3000", "127.0.0.1:3000"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("localhost:3777", "localhost:3777"),
            ("[::1]:3000", "[::1]:3000"),
            ("my-host_1.example:65535", "my-host_1.example:65535"),
        ] {
            assert_eq!(written.parse().map(|address: Address| address.to_string()), Ok(meant.to_owned()));
        }
        for nonsense in
            ["", ":", "nowhere", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "-1", "::1:3000", "[::1]"]
        {
            let error = nonsense.parse::<Address>().expect_err(nonsense);
            assert!(error.starts_with(&format!("{nonsense:?} is not an address")), "{error}");
        }
        for nonsense in ["http://127.0.0.1:3000", "[localhost]:1", "a b:1", "*:3000"] {
            assert!(nonsense.parse::<Address>().is_err(), "{nonsense}");
        }
    }

    #[test]
    fn whoever_listens_everywhere_is_reached_on_this_machine() {
        let reachable = |address: &str| address.parse::<Address>().map(|address| address.reachable());
        assert_eq!(reachable("0.0.0.0:9464"), Ok("127.0.0.1:9464".into()));
        assert_eq!(reachable("[::]:9464"), Ok("[::1]:9464".into()));
        assert_eq!(reachable("10.0.0.1:9464"), Ok("10.0.0.1:9464".into()));
        assert_eq!(reachable("localhost:9464"), Ok("localhost:9464".into()));
    }
}
