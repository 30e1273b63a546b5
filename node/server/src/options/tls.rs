//! Options of TLS.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// TLS on the listeners, where no proxy terminates it: clients connect with `https://` and `wss://` alone. Unix sockets stay
/// without. New files are taken without a restart, by new connections; files that cannot be used leave what is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsOptions {
    /// PEM file with the certificate of the server, followed by those of the authorities between it and the root.
    pub certificate: PathBuf,
    /// PEM file with the private key of the certificate, not encrypted.
    pub key: PathBuf,
    /// PEM file with the certificates of authorities that sign those of clients; absent = clients are not asked for one.
    /// Default none.
    pub client_ca: Option<PathBuf>,
    /// Whether clients must have a certificate of `client_ca`. Default `required`.
    pub client_certificates: ClientCertificates,
    /// Milliseconds between two looks whether a file has changed; 0 = never look, and wait for SIGHUP. Default 30,000.
    pub reload_interval_ms: u64,
}

/// Need of a certificate for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// Clients without one are refused.
    Required,
    /// Clients may come without one; one that is not of `client_ca` is refused.
    Allowed,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            client_ca: None,
            client_certificates: ClientCertificates::Required,
            reload_interval_ms: 30_000,
        }
    }
}
