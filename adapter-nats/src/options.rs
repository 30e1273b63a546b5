//! The options of the bus, and the faults of a configuration.
//!
//! Plain data: nothing here opens a file or a connection.

use std::fmt;
use std::path::PathBuf;

use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The control line of NATS has 4096 bytes, and a subject needs room for what follows the prefix.
const PREFIX_BYTES_MAX: usize = 256;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Which NATS servers to use, how to log in, and the bounds of everything that waits.
///
/// `Debug` shows no secret. `Serialize` shows all of them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NatsOptions {
    /// Where NATS listens, such as `nats://10.0.0.1:4222` or `tls://nats.example.com`. With several the bus uses any
    /// one that answers, and those that this one knows of. User and password may stand in the address (escaped as
    /// URLs are), or a token alone, if they are the same in all. Default: `nats://127.0.0.1:4222`.
    pub servers: Vec<String>,
    /// Beginning of every subject: words of letters, digits, `-` and `_`, with dots in between. All nodes of a
    /// cluster use the same, and clusters that share a NATS use different ones. Default: `fanfare`.
    pub prefix: String,

    /// The name to log in with, together with `password`. Default: none.
    pub user: Option<String>,
    /// The password of `user`. Default: none.
    pub password: Option<String>,
    /// A token to log in with. Default: none.
    pub token: Option<String>,
    /// The seed of a user nkey (`SU…`) to log in with. Default: none.
    pub nkey_seed: Option<String>,
    /// A file with such a seed, read once at the start. Default: none.
    pub nkey_seed_file: Option<PathBuf>,
    /// A `.creds` file with JWT and seed, read once at the start. Default: none.
    pub credentials_file: Option<PathBuf>,

    /// Whether to refuse a server that offers no TLS. TLS is used anyway when the server asks for it or the address
    /// begins with `tls://`. Default: `false`.
    pub tls_required: bool,
    /// Whether TLS begins before the server says its first word, as its `handshake_first` wants. Default: `false`.
    pub tls_first: bool,
    /// Certificates (PEM) of the authorities that may vouch for a server. Default: those of the operating system.
    pub tls_ca_file: Option<PathBuf>,
    /// The certificate (PEM) that this node shows, for servers that verify clients. Needs `tls_key_file`. Default:
    /// none.
    pub tls_cert_file: Option<PathBuf>,
    /// The key (PEM) of `tls_cert_file`. Default: none.
    pub tls_key_file: Option<PathBuf>,

    /// Bytes that may wait to be published, while NATS is away or slow. What exceeds it is dropped and counted.
    /// Default: 67108864 (64 MiB).
    pub queue_bytes_max: usize,
    /// Milliseconds that an envelope may wait to be published; then it is dropped and counted, since what is that old
    /// surprises more than it helps. A few hundred that the client library already holds when the connection breaks may
    /// get older. Default: 5000.
    pub queue_age_max_ms: u64,
    /// Milliseconds that what waits is held after a reconnection, new messages behind old ones, until the other nodes are
    /// back too: what is published before a node has subscribed again is lost to it. What is about to be too old, or
    /// fills half of `queue_bytes_max`, is not held. 0 holds nothing. Default: 3000.
    pub hold_max_ms: u64,
    /// Bytes of the largest envelope; larger ones are refused when they are published, and when they come. What exceeds
    /// the server's `max_payload` travels in parts. All nodes of a cluster use the same. Default: 16777216 (16 MiB).
    pub envelope_bytes_max: usize,
    /// Bytes that may wait for a node that reads too slowly. What exceeds it is thrown away and counted as lost.
    /// Default: 67108864 (64 MiB).
    pub inbox_bytes_max: usize,
    /// Messages of one subject that may arrive in one go. More are thrown away and counted as lost. It bounds messages,
    /// not bytes: they are moved on to where `inbox_bytes_max` bounds them before more is read. Default: 65536.
    pub subscription_capacity: usize,
    /// Milliseconds that a subject nobody wants to hear any more is still subscribed to, so that a room that empties
    /// and fills does not concern the whole cluster. Default: 30000.
    pub unsubscribe_delay_ms: u64,
    /// Milliseconds that an awaited join waits at most until every NATS server with nodes is known to route the room here.
    /// Beyond it the join is acknowledged all the same, and counted in `fanfare_bus_unsynced_total`. While there is no
    /// connection the time counts from the start of the node or the loss of the connection, so that nobody waits for a
    /// NATS that is away for longer. Default: 5000.
    pub sync_timeout_ms: u64,

    /// Milliseconds between two pings of a silent server. After two without an answer the connection counts as
    /// broken, so a dead server is noticed after three intervals. Default: 5000.
    pub ping_interval_ms: u64,
    /// Milliseconds that a server has to answer a new connection, TLS and login included. Default: 5000.
    pub connection_timeout_ms: u64,
    /// The longest pause before another attempt to connect, in milliseconds. Pauses grow from 100 ms and are drawn at
    /// random, so that the nodes of a dead server do not all come to the next one at once. Default: 2000.
    pub reconnect_delay_max_ms: u64,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            servers: vec!["nats://127.0.0.1:4222".into()],
            prefix: "fanfare".into(),
            user: None,
            password: None,
            token: None,
            nkey_seed: None,
            nkey_seed_file: None,
            credentials_file: None,
            tls_required: false,
            tls_first: false,
            tls_ca_file: None,
            tls_cert_file: None,
            tls_key_file: None,
            queue_bytes_max: 64 * 1024 * 1024,
            queue_age_max_ms: 5000,
            hold_max_ms: 3000,
            envelope_bytes_max: 16 * 1024 * 1024,
            inbox_bytes_max: 64 * 1024 * 1024,
            subscription_capacity: 65_536,
            unsubscribe_delay_ms: 30_000,
            sync_timeout_ms: 5000,
            ping_interval_ms: 5000,
            connection_timeout_ms: 5000,
            reconnect_delay_max_ms: 2000,
        }
    }
}

/// Everything that is wrong with the options, each as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionFaults(pub Vec<String>);

impl fmt::Display for OptionFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl std::error::Error for OptionFaults {}

impl NatsOptions {
    /// Everything that cannot be right, each as a sentence. Files are not looked at:
    /// [`NatsBus::new`](crate::NatsBus::new) reads them.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        self.find_faults_of_servers(&mut faults);
        self.find_faults_of_login(&mut faults);
        self.find_faults_of_bounds(&mut faults);
        faults
    }

    fn find_faults_of_servers(&self, faults: &mut Vec<String>) {
        if self.servers.is_empty() {
            faults.push("`servers` names no server.".into());
        }
        for (number, server) in self.servers.iter().enumerate() {
            // The address is not repeated, since it may hold a password.
            match server.parse::<ServerAddr>() {
                Err(error) => faults.push(format!("`servers[{number}]` is not an address: {error}.")),
                Ok(address) if address.is_websocket() => {
                    faults.push(format!(
                        "`servers[{number}]` is a WebSocket address; use `nats://` or `tls://`."
                    ));
                }
                Ok(address) if address.host().is_empty() => {
                    faults.push(format!("`servers[{number}]` names no host."));
                }
                Ok(_) => {}
            }
        }
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if !self.prefix.split('.').all(is_word) || self.prefix.len() > PREFIX_BYTES_MAX {
            faults.push(format!(
                "`prefix` must be words of letters, digits, `-` and `_` with dots in between, of at most \
                 {PREFIX_BYTES_MAX} bytes, and not `{}`.",
                self.prefix.escape_default()
            ));
        }
    }

    fn find_faults_of_login(&self, faults: &mut Vec<String>) {
        let logins = self.logins_in_servers();
        let ways = [
            ("`user`", self.user.is_some()),
            ("`token`", self.token.is_some()),
            ("`nkey_seed`", self.nkey_seed.is_some()),
            ("`nkey_seed_file`", self.nkey_seed_file.is_some()),
            ("`credentials_file`", self.credentials_file.is_some()),
            ("a user in `servers`", !logins.is_empty()),
        ];
        let ways: Vec<_> = ways.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect();
        if ways.len() > 1 {
            faults.push(format!(
                "Only one way to log in to NATS can be used, and there are {}.",
                ways.join(" and ")
            ));
        }
        if logins.iter().any(|login| *login != logins[0]) {
            faults.push("The users and passwords in `servers` must all be the same.".into());
        }
        if self.password.is_some() && self.user.is_none() {
            faults.push("`password` is of no use without `user`.".into());
        }
        if self.tls_cert_file.is_some() != self.tls_key_file.is_some() {
            faults.push("`tls_cert_file` and `tls_key_file` must be set together.".into());
        }
    }

    fn find_faults_of_bounds(&self, faults: &mut Vec<String>) {
        let bounds = [
            ("queue_age_max_ms", self.queue_age_max_ms, 1..=DAY_MS),
            ("hold_max_ms", self.hold_max_ms, 0..=DAY_MS),
            ("envelope_bytes_max", self.envelope_bytes_max as u64, 1024..=u64::from(u32::MAX)),
            ("subscription_capacity", self.subscription_capacity as u64, 1..=1 << 24),
            ("unsubscribe_delay_ms", self.unsubscribe_delay_ms, 0..=DAY_MS),
            ("sync_timeout_ms", self.sync_timeout_ms, 1..=DAY_MS),
            ("ping_interval_ms", self.ping_interval_ms, 10..=DAY_MS),
            ("connection_timeout_ms", self.connection_timeout_ms, 1..=DAY_MS),
            ("reconnect_delay_max_ms", self.reconnect_delay_max_ms, 1..=DAY_MS),
        ];
        for (name, value, bounds) in bounds {
            if !bounds.contains(&value) {
                let (min, max) = bounds.into_inner();
                faults.push(format!("`{name}` must be from {min} to {max}, and is {value}."));
            }
        }
        for (name, value) in
            [("queue_bytes_max", self.queue_bytes_max), ("inbox_bytes_max", self.inbox_bytes_max)]
        {
            // Else the largest envelope could never pass.
            if value < self.envelope_bytes_max.saturating_mul(2) {
                faults.push(format!("`{name}` must be at least twice `envelope_bytes_max`, and is {value}."));
            }
        }
    }

    /// Users and passwords that stand in addresses; a user without a password is a token, as for all clients of NATS.
    pub(crate) fn logins_in_servers(&self) -> Vec<(String, Option<String>)> {
        let addresses = self.servers.iter().filter_map(|server| server.parse::<ServerAddr>().ok());
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        addresses
            .filter_map(|address| Some((decode(address.username()?), address.password().map(decode))))
            .collect()
    }
}

impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hide = |secret: &Option<String>| secret.as_ref().map(|_| "***");
        let servers: Vec<_> = self.servers.iter().map(|server| without_login(server)).collect();
        f.debug_struct("NatsOptions")
            .field("servers", &servers)
            .field("prefix", &self.prefix)
            .field("user", &self.user)
            .field("password", &hide(&self.password))
            .field("token", &hide(&self.token))
            .field("nkey_seed", &hide(&self.nkey_seed))
            .field("nkey_seed_file", &self.nkey_seed_file)
            .field("credentials_file", &self.credentials_file)
            .field("tls_required", &self.tls_required)
            .field("tls_first", &self.tls_first)
            .field("tls_ca_file", &self.tls_ca_file)
            .field("tls_cert_file", &self.tls_cert_file)
            .field("tls_key_file", &self.tls_key_file)
            .field("queue_bytes_max", &self.queue_bytes_max)
            .field("queue_age_max_ms", &self.queue_age_max_ms)
            .field("hold_max_ms", &self.hold_max_ms)
            .field("envelope_bytes_max", &self.envelope_bytes_max)
            .field("inbox_bytes_max", &self.inbox_bytes_max)
            .field("subscription_capacity", &self.subscription_capacity)
            .field("unsubscribe_delay_ms", &self.unsubscribe_delay_ms)
            .field("sync_timeout_ms", &self.sync_timeout_ms)
            .field("ping_interval_ms", &self.ping_interval_ms)
            .field("connection_timeout_ms", &self.connection_timeout_ms)
            .field("reconnect_delay_max_ms", &self.reconnect_delay_max_ms)
            .finish()
    }
}

/// An address as it may be shown.
fn without_login(server: &str) -> String {
    match (server.split_once("://"), server.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://{place}"),
        (None, Some((_, place))) => place.to_owned(),
        (_, None) => server.to_owned(),
    }
}

#[cfg(test)]
mod tests;
