//! The format of Socket.IO packets.

use std::sync::Arc;

use fanfare_socketio::{MsgpackParser, Parser};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Format of the packets between clients and server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PacketFormat {
    /// That of `socket.io-parser`, which clients have unless told otherwise: JSON, and bytes as attachments.
    #[default]
    Default,
    /// That of `socket.io-msgpack-parser`.
    Msgpack,
}

impl PacketFormat {
    /// The parser of the format; `None` for the default, which needs none.
    pub(crate) fn parser(self) -> Option<Arc<dyn Parser>> {
        match self {
            PacketFormat::Default => None,
            PacketFormat::Msgpack => Some(Arc::new(MsgpackParser)),
        }
    }
}
