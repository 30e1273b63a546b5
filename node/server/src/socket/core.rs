//! The state of one socket, shared by its actor, its namespace and the handles in users' hands.
//!
//! Packets are pushed and rooms entered only on the reactor that the socket lives on; from other threads the work
//! is sent there in order. Membership in rooms is in `rooms`.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix::Addr;
use parking_lot::{Mutex, MutexGuard};

use super::ack::{AckSender, Acks, PendingAck};
use super::actor::SocketActor;
use super::declared::Handlers;
use super::joined_rooms::JoinedRooms;
use super::link::Link;
use super::message::SocketSnapshot;
use crate::ids::SocketId;
use crate::metrics::Limit;
use crate::namespace::{NamespaceCore, Visit};
use crate::node::ServingState;
use crate::outbox::{Packet, Pushed};
use crate::reason::DisconnectReason;
use crate::room::Overloaded;
use fanfare_socketio::Arguments;

/// Reason why a packet could not be sent to one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The socket is disconnected, or about to be because its client does not read.
    #[error("the socket is disconnected")]
    Disconnected,
    /// The socket's reactor has more to do than its queue holds.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
}

/// Phases of a socket's life; they only move forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Middlewares decide about it: it can be emitted to, and is in no room of the namespace yet.
    Connecting,
    /// Admitted.
    Connected,
    /// The program disconnects the socket; earlier emits of the same thread may still be on their way to it.
    Leaving,
    /// The socket gets nothing more and is in no room. Its handlers have yet to run.
    Left,
    /// The `disconnecting` handlers run; to them the rooms of the socket are those it was in.
    Closing,
    /// The `disconnect` handlers run, or have run.
    Closed,
}

/// End of a socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// When.
    pub at: Instant,
    /// Reason of the end.
    pub reason: DisconnectReason,
    /// More about it, for people.
    pub detail: Option<&'static str>,
    /// Whether it had been admitted: else its handlers know nothing of it.
    pub was_admitted: bool,
}

/// Shared data of a socket that exceeds `shared_data_bytes_max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are more than a socket may share: at most {max}")]
pub struct SharedDataTooLarge {
    /// Bytes of the value, as JSON.
    pub bytes: usize,
    /// The bound.
    pub max: usize,
}

/// State that changes during a socket's life.
#[derive(Default)]
pub struct Inner {
    /// Rooms beside its own.
    pub rooms: JoinedRooms,
    /// Whether the socket has left the room named after itself.
    pub left_own_room: bool,
    /// Handlers declared for this socket alone.
    pub handlers: Option<Box<Handlers>>,
    /// Acknowledgements awaited.
    pub acks: Option<Box<Acks>>,
    /// The part of the application's data that other nodes may see, as JSON.
    pub shared_data: Option<Box<str>>,
    /// End of the socket, once it has left.
    pub(super) end: Option<End>,
    /// Keeps the namespace from ending before the socket has.
    pub(super) visit: Option<Visit>,
}

/// One client in one namespace.
pub struct SocketCore {
    /// Id of the socket, and the name of its own room.
    pub id: SocketId,
    /// The namespace.
    pub namespace: Arc<NamespaceCore>,
    /// The connection.
    pub link: Arc<Link>,
    /// The payload of its CONNECT packet, a JSON object, if it sent one.
    pub auth: Option<Box<str>>,
    phase: AtomicU8,
    /// Whether handlers want to be told of what is sent to it.
    pub(super) tells_outgoing: AtomicBool,
    /// Event handlers that have not finished.
    in_flight: AtomicU32,
    inner: Mutex<Inner>,
    /// Data that the application keeps with the socket; its code runs under this lock, so it guards nothing else.
    data: Mutex<http::Extensions>,
    /// Set when the socket is admitted.
    actor: OnceLock<Addr<SocketActor>>,
}

impl std::fmt::Debug for SocketCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.namespace.name(), self.id)
    }
}

impl SocketCore {
    /// A socket that middlewares are about to decide on.
    pub fn new(
        namespace: Arc<NamespaceCore>,
        link: Arc<Link>,
        id: SocketId,
        auth: Option<&str>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            namespace,
            link,
            auth: auth.map(Into::into),
            phase: AtomicU8::new(Phase::Connecting as u8),
            tells_outgoing: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
            inner: Mutex::default(),
            data: Mutex::default(),
            actor: OnceLock::new(),
        })
    }

    /// Keeps the namespace from ending before this socket has.
    pub(crate) fn keep(&self, visit: Visit) {
        self.inner().visit = Some(visit);
    }

    /// Current phase.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Connecting,
            1 => Phase::Connected,
            2 => Phase::Leaving,
            3 => Phase::Left,
            4 => Phase::Closing,
            _ => Phase::Closed,
        }
    }

    /// When it left, if it has.
    pub fn left_at(&self) -> Option<Instant> {
        if self.phase() < Phase::Left { None } else { self.inner().end.map(|end| end.at) }
    }

    /// Moves on to a later phase; false if it was there already.
    pub(super) fn advance(&self, phase: Phase) -> bool {
        self.phase.fetch_max(phase as u8, Relaxed) < phase as u8
    }

    /// The program disconnects it: nothing is emitted to it from now on. Does nothing before it was admitted.
    pub(super) fn begin_to_leave(&self) {
        let (from, to) = (Phase::Connected as u8, Phase::Leaving as u8);
        // If it fails there is nothing to be done: it has not come, or is on its way out.
        let _ = self.phase.compare_exchange(from, to, Relaxed, Relaxed);
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    // Emitting.

    /// Sends a packet to this client, after everything this thread emitted to it before.
    pub fn send(self: &Arc<Self>, packet: Arc<Packet>, volatile: bool) -> Result<(), SendError> {
        if self.phase() >= Phase::Leaving {
            return Err(SendError::Disconnected);
        }
        if self.lives_here() {
            return self.push(&packet, volatile);
        }
        let core = self.clone();
        let late = move || {
            if core.push(&packet, volatile).is_err() {
                core.namespace.node.metrics.undelivered.increment();
            }
        };
        Ok(self.namespace.rooms.run_on(self.id.reactor(), late)?)
    }

    /// Sends a packet that asks for an acknowledgement, and hands out the answer to come.
    pub fn send_with_ack(
        self: &Arc<Self>,
        id: u64,
        packet: Arc<Packet>,
        volatile: bool,
        timeout: Option<Duration>,
    ) -> Result<PendingAck, SendError> {
        let mut inner = self.inner();
        // Closing ends what waits under this lock, after the phase has changed.
        if self.phase() >= Phase::Leaving {
            return Err(SendError::Disconnected);
        }
        let answer = inner.acks.get_or_insert_default().wait(id);
        drop(inner);
        let pending = PendingAck::new(self, id, answer, timeout);
        self.send(packet, volatile)?;
        Ok(pending)
    }

    /// Sends a packet that asks for an acknowledgement on behalf of a broadcast to many.
    pub(super) fn send_together(
        self: &Arc<Self>,
        id: u64,
        packet: Arc<Packet>,
        volatile: bool,
        sender: AckSender,
    ) -> Result<(), SendError> {
        let mut inner = self.inner();
        if self.phase() >= Phase::Leaving {
            return Err(SendError::Disconnected);
        }
        inner.acks.get_or_insert_default().wait_together(id, sender);
        drop(inner);
        self.send(packet, volatile).inspect_err(|_| self.forget_ack(id))
    }

    /// An acknowledgement came.
    pub(super) fn resolve_ack(&self, id: u64, arguments: Arguments) -> bool {
        self.inner().acks.as_mut().is_some_and(|acks| acks.resolve(id, arguments))
    }

    pub(super) fn forget_ack(&self, id: u64) {
        let mut inner = self.inner();
        if let Some(acks) = &mut inner.acks {
            acks.forget(id);
        }
    }

    fn push(&self, packet: &Arc<Packet>, volatile: bool) -> Result<(), SendError> {
        if self.phase() >= Phase::Left {
            return Err(SendError::Disconnected);
        }
        match self.link.outbox.push(packet, volatile) {
            Pushed::Queued => {
                self.link.count_sent(&self.namespace.node.metrics, packet);
                self.tell_outgoing(packet);
                Ok(())
            }
            Pushed::Dropped => {
                self.namespace.node.metrics.volatile_drops.increment();
                Ok(())
            }
            // Logged and counted, as in a broadcast.
            Pushed::Unwritable => Ok(()),
            Pushed::Overflowed | Pushed::Closed => Err(SendError::Disconnected),
        }
    }

    // The rest.

    /// Changes the handlers declared for this socket alone. The result of `change` is dropped after the lock: handlers
    /// hold users' values, whose end may come back to this socket.
    pub fn declare<R>(&self, change: impl FnOnce(&mut Handlers) -> R) -> Option<R> {
        let mut inner = self.inner();
        let open = self.phase() != Phase::Closed;
        open.then(|| change(inner.handlers.get_or_insert_default()))
    }

    /// Data of this socket that the application shows to other nodes, as JSON.
    pub fn shared_data(&self) -> Option<Box<str>> {
        self.inner().shared_data.clone()
    }

    /// Sets the data of this socket that the application shows to other nodes.
    ///
    /// # Errors
    /// If the data exceed `shared_data_bytes_max`.
    pub fn share_data(&self, json: Box<str>) -> Result<(), SharedDataTooLarge> {
        let node = &self.namespace.node;
        let (bytes, max) = (json.len(), node.options.limits.shared_data_bytes_max);
        if max > 0 && bytes > max {
            node.metrics.limits.of(Limit::SharedData).increment();
            return Err(SharedDataTooLarge { bytes, max });
        }
        self.inner().shared_data = Some(json);
        Ok(())
    }

    /// The application's data.
    pub fn with_data<R>(&self, act: impl FnOnce(&mut http::Extensions) -> R) -> R {
        act(&mut self.data.lock())
    }

    /// Puts the actor in charge of an admitted socket.
    pub(crate) fn set_actor(&self, actor: Addr<SocketActor>) {
        // Admitted once: a second actor would have to come from a second admission.
        let _ = self.actor.set(actor);
    }

    /// The actor, once the socket was admitted.
    pub fn actor(&self) -> Option<&Addr<SocketActor>> {
        self.actor.get()
    }

    /// Whether it was admitted and has not been disconnected.
    pub fn is_connected(&self) -> bool {
        self.phase() == Phase::Connected
    }

    /// Marks the socket as admitted; false if it was closed meanwhile.
    pub(crate) fn admit(&self) -> bool {
        self.advance(Phase::Connected)
    }

    /// One more unfinished handler, or event on its way to the actor.
    pub fn handler_started(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    /// A handler finished; the connection is woken if it was waiting for that.
    pub(super) fn handler_finished(&self) {
        let before = self.in_flight.fetch_sub(1, Relaxed) as usize;
        let node = &self.namespace.node;
        if before == node.options.events_in_flight_max
            || (before == 1 && node.serving_state() == ServingState::Draining)
        {
            self.link.outbox.wake();
        }
    }

    /// Whether no handler runs, and no event is on its way to one.
    pub fn is_idle(&self) -> bool {
        self.in_flight.load(Relaxed) == 0
    }

    /// Whether the program waits for an acknowledgement of the client.
    pub fn awaits_acks(&self) -> bool {
        self.inner().acks.as_ref().is_some_and(|acks| acks.len() > 0)
    }

    /// Whether the connection has to stop reading for this socket.
    pub fn is_busy(&self) -> bool {
        self.phase() < Phase::Left
            && self.in_flight.load(Relaxed) as usize >= self.namespace.node.options.events_in_flight_max
    }

    /// Whether the current thread is the one the socket lives on.
    pub(super) fn lives_here(&self) -> bool {
        self.namespace.node.reactor_here() == Some(self.id.reactor())
    }

    /// Snapshot of the socket.
    pub fn snapshot(&self) -> SocketSnapshot {
        let inner = self.inner();
        SocketSnapshot {
            rooms: inner.rooms.len(),
            acks_pending: inner.acks.as_ref().map_or(0, |acks| acks.len()),
            events_in_flight: self.in_flight.load(Relaxed) as usize,
            outbox_bytes: self.link.outbox.bytes(),
        }
    }
}
