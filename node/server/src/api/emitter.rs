//! Emits into a running cluster from a program that is not a node of it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fanfare_proto::wire::envelope::Body;
use fanfare_proto::{Bus, ROOM_BUCKETS, wire};
use serde::Serialize;
use smallvec::SmallVec;

use super::emit::check_bytes;
use super::error::EmitError;
use super::rooms::IntoRooms;
use crate::cluster::inbound::{Change, ClusterThread, NotReached};
use crate::cluster::outbound::{ClusterLink, TooLarge, target};
use crate::ids::Room;
use crate::options::ClusterOptions;
use fanfare_socketio::{Encoded, encode};

/// Interval at which the state of the bus is checked.
const LOOK: Duration = Duration::from_millis(10);

/// Handle to emit into a cluster without receiving anything: for a worker, a cron job, a back office. Cheap to clone.
#[derive(Clone)]
pub struct Emitter {
    thread: Arc<ClusterThread>,
}

impl Emitter {
    /// Joins the bus, on a thread of its own. Events emitted before the bus is reached wait for it, within its bounds.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn new(bus: impl Bus) -> io::Result<Self> {
        Self::with_room_buckets(bus, ROOM_BUCKETS)
    }

    /// The same for a cluster whose nodes have another number of `room_buckets`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_room_buckets(bus: impl Bus, room_buckets: u32) -> io::Result<Self> {
        let options = ClusterOptions { room_buckets, ..ClusterOptions::default() };
        let thread = ClusterThread::start(Box::new(bus), None, options)?;
        Ok(Self { thread: Arc::new(thread) })
    }

    /// Waits until the bus is reached.
    ///
    /// # Errors
    /// If it is not within `patience`.
    pub async fn connected(&self, patience: Duration) -> Result<(), NotReached> {
        let start = Instant::now();
        while !self.thread.link().is_connected() {
            if start.elapsed() > patience {
                return Err(NotReached);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Everybody in a namespace; a missing leading `/` is added.
    pub fn of(&self, namespace: &str) -> Emission {
        let namespace =
            if namespace.starts_with('/') { namespace.to_owned() } else { format!("/{namespace}") };
        Emission {
            link: self.thread.link().clone(),
            namespace: namespace.into(),
            rooms: SmallVec::new(),
            except: SmallVec::new(),
            volatile: false,
            uncompressed: false,
            binary: true,
        }
    }

    /// Everybody in these rooms of the main namespace.
    pub fn to(&self, rooms: impl IntoRooms) -> Emission {
        self.of("/").to(rooms)
    }

    /// Everybody in the main namespace but those in these rooms.
    pub fn except(&self, rooms: impl IntoRooms) -> Emission {
        self.of("/").except(rooms)
    }

    /// Sends an event to everybody in the main namespace.
    ///
    /// # Errors
    /// If it cannot be encoded, or is larger than the bus carries.
    pub fn emit(&self, event: &str, arguments: impl Serialize) -> Result<(), EmitError> {
        self.of("/").emit(event, arguments)
    }

    /// Publishes the waiting events for at most `patience`, and leaves the bus.
    pub async fn close(&self, patience: Duration) {
        self.thread.close(patience).await;
    }
}

/// Receivers of an event, and how it travels. Every method returns a new value.
#[derive(Clone)]
#[must_use = "an operator does nothing until something is sent"]
pub struct Emission {
    link: Arc<ClusterLink>,
    namespace: Arc<str>,
    rooms: SmallVec<[Room; 2]>,
    except: SmallVec<[Room; 2]>,
    volatile: bool,
    uncompressed: bool,
    binary: bool,
}

impl Emission {
    /// Those in these rooms, too.
    pub fn to(&self, rooms: impl IntoRooms) -> Self {
        let mut next = self.clone();
        next.rooms.extend(rooms.into_rooms());
        next
    }

    /// Not those in these rooms.
    pub fn except(&self, rooms: impl IntoRooms) -> Self {
        let mut next = self.clone();
        next.except.extend(rooms.into_rooms());
        next
    }

    /// The packet may be lost: it is dropped for a client that is not ready to take it at once.
    pub fn volatile(&self) -> Self {
        Self { volatile: true, ..self.clone() }
    }

    /// Whether a polling answer that carries the packet may be compressed. Default true.
    pub fn compress(&self, compress: bool) -> Self {
        Self { uncompressed: !compress, ..self.clone() }
    }

    /// `false` promises that the arguments contain no bytes: an emit that does fails with
    /// [`EmitError::UnexpectedBytes`]. Default true.
    pub fn binary(&self, binary: bool) -> Self {
        Self { binary, ..self.clone() }
    }

    /// Sends an event with its arguments: a tuple is several, `()` none, anything else is one.
    ///
    /// # Errors
    /// If it cannot be encoded, or is larger than the bus carries.
    pub fn emit(&self, event: &str, arguments: impl Serialize) -> Result<(), EmitError> {
        self.emit_encoded(check_bytes(self.binary, encode::event(&self.namespace, None, event, &arguments))?)
    }

    fn emit_encoded(&self, encoded: Encoded) -> Result<(), EmitError> {
        let body = Body::Broadcast(wire::Broadcast {
            target: Some(self.target()),
            volatile: self.volatile,
            uncompressed: self.uncompressed,
            packet: encoded.text.to_string(),
            attachments: encoded.attachments,
            ..wire::Broadcast::default()
        });
        self.link.check_size(&body)?;
        self.link.say(&self.link.route(&self.namespace, &self.rooms), body);
        Ok(())
    }

    /// Makes all selected sockets join rooms.
    ///
    /// # Errors
    /// If it is more than the bus carries.
    pub fn sockets_join(&self, rooms: impl IntoRooms) -> Result<(), EmitError> {
        Ok(self.change(Change::Join(rooms.into_rooms().into_vec()))?)
    }

    /// Makes all selected sockets leave rooms.
    ///
    /// # Errors
    /// If it is more than the bus carries.
    pub fn sockets_leave(&self, rooms: impl IntoRooms) -> Result<(), EmitError> {
        Ok(self.change(Change::Leave(rooms.into_rooms().into_vec()))?)
    }

    /// Disconnects all selected sockets from the namespace; with `whole_connection` from all.
    ///
    /// # Errors
    /// If it is more than the bus carries.
    pub fn disconnect_sockets(&self, whole_connection: bool) -> Result<(), EmitError> {
        Ok(self.change(Change::Disconnect { whole_connection })?)
    }

    fn change(&self, change: Change) -> Result<(), TooLarge> {
        let change = Some(change.to_wire());
        let body = Body::Membership(wire::Membership { target: Some(self.target()), request: 0, change });
        self.link.check_size(&body)?;
        self.link.say_to_namespace(&self.namespace, body);
        Ok(())
    }

    /// Sends an event to all servers that serve the namespace.
    ///
    /// # Errors
    /// If it cannot be encoded, or is larger than the bus carries.
    pub fn server_side_emit(&self, event: &str, arguments: impl Serialize) -> Result<(), EmitError> {
        let Encoded { text, attachments } = encode::array(&arguments)?;
        let body = Body::ServerEvent(wire::ServerEvent {
            namespace: self.namespace.to_string(),
            event: event.to_owned(),
            arguments: text.to_string(),
            attachments,
            request: 0,
        });
        self.link.check_size(&body)?;
        self.link.say_to_namespace(&self.namespace, body);
        Ok(())
    }

    fn target(&self) -> wire::Target {
        target(&self.namespace, &self.rooms, &self.except)
    }
}
