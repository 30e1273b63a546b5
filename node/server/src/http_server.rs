//! HTTP: the listener, the threads that serve its connections, the answers of each path, and the way into other servers.

mod activity;
mod allow_request;
mod body_limit;
mod client_files;
mod compression;
mod descriptors;
mod drain;
#[cfg(feature = "fault-injection")]
mod echo;
mod endpoint;
mod entrance;
mod generate_id;
mod handshake;
mod handshake_request;
mod hooks;
mod host;
mod http_layers;
mod idle;
mod layers;
mod listener;
mod listeners;
mod mount;
mod origins;
mod preamble;
mod proxies;
pub mod proxy_protocol;
mod reactor;
mod response;
mod service;
mod shortage;
mod stream;
mod tls;
mod upgrade;
mod written;

pub use allow_request::{AllowRequest, HandshakeRefusal};
pub use client_files::ClientFiles;
pub use compression::Compression;
pub use drain::Drained;
#[cfg(feature = "fault-injection")]
pub use echo::echo_websockets;
pub use entrance::EncryptedConnection;
pub use generate_id::GenerateId;
pub use handshake_request::HandshakeRequest;
pub use hooks::{ConnectionError, Hooks};
pub use http_layers::{HttpBody, HttpLayers, HttpNext};
pub use idle::IdleConnections;
pub use listener::{ServeError, Server};
pub use listeners::Listener;
pub use mount::{AnswerBody, MountLayer, MountService, Mounted};
pub use origins::Origins;
pub use proxies::TrustedProxies;
pub use response::Cut;
pub use service::{Fallback, HttpService};
pub use tls::TlsError;
