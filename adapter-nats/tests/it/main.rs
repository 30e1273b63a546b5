//! The bus against real NATS servers.

mod conformance;
mod server;
