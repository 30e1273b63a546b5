//! A socket as other nodes see it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fanfare_proto::wire;

use crate::ids::{Room, SocketId};
use crate::socket::{Handshake, SocketCore};

/// Description of a socket for other nodes.
#[derive(Clone, Debug)]
pub struct SocketInfo {
    /// Id of the socket.
    pub id: SocketId,
    /// The rooms it is in, its own one first.
    pub rooms: Vec<Room>,
    /// Data of the socket that the application shared, as JSON.
    pub data: Option<Box<str>>,
    /// The request that opened its connection.
    pub handshake: Handshake,
    /// The payload it connected with, a JSON object.
    pub auth: Option<Box<str>>,
}

impl SocketInfo {
    /// Describes a socket of this node; `None` if it is disconnected.
    pub fn of(socket: &SocketCore) -> Option<Self> {
        socket.is_connected().then(|| Self {
            id: socket.id,
            rooms: socket.rooms(),
            data: socket.shared_data(),
            handshake: socket.link.handshake.clone(),
            auth: socket.auth.clone(),
        })
    }

    /// For the bus.
    pub fn to_wire(&self) -> wire::RemoteSocket {
        let since = self.handshake.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        wire::RemoteSocket {
            id: self.id.to_string(),
            rooms: self.rooms.iter().map(ToString::to_string).collect(),
            data: self.data.as_deref().unwrap_or_default().to_owned(),
            address: self.handshake.address.to_string(),
            connected_at_ms: since.as_millis() as u64,
            url: self.handshake.url.to_string(),
            secure: self.handshake.is_secure(),
            headers: self.handshake.head().to_owned(),
            auth: self.auth.as_deref().unwrap_or_default().to_owned(),
        }
    }

    /// Decodes the form of the bus; `None` if it is invalid.
    pub fn from_wire(socket: wire::RemoteSocket) -> Option<Self> {
        let text = |text: String| (!text.is_empty()).then(|| text.into_boxed_str());
        let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let time: SystemTime = UNIX_EPOCH.checked_add(Duration::from_millis(socket.connected_at_ms))?;
        Some(Self {
            id: SocketId::parse(&socket.id)?,
            rooms: socket.rooms.into_iter().map(Room::from).collect(),
            data: text(socket.data),
            handshake: Handshake::restored(
                socket.address.parse().unwrap_or(nowhere),
                time,
                socket.url,
                socket.secure,
                socket.headers,
            ),
            auth: text(socket.auth),
        })
    }
}
