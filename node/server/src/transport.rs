//! WebSocket engines: what carries frames over a TCP stream. Today there is one.

mod subprotocol;
mod tungstenite;

pub use tungstenite::{Plain, handshake_response};
