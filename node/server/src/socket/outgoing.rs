//! Handlers that are told of what is sent to a socket. Sockets without them pay one look at a flag.
//!
//! They are told by a message to the socket's actor, since an emit happens within code of the program, which may hold
//! locks that such a handler takes.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytestring::ByteString;

use super::core::{Inner, Phase, SocketCore};
use super::handlers::run;
use super::message::{ListenersChanged, Sent};
use crate::metrics::PacketType;
use crate::outbox::Packet;
use fanfare_socketio::{Arguments, Decoder, Packet as Decoded};

/// Context of handlers that are told of events sent to a socket, for extractors.
#[derive(Clone)]
pub struct OutgoingContext {
    /// Socket that it was sent to.
    pub(crate) socket: Arc<SocketCore>,
    /// Name of the event.
    pub(crate) name: ByteString,
    /// Arguments of the event.
    pub(crate) arguments: Arguments,
}

impl Inner {
    /// Whether handlers are to be told of what is sent.
    pub(super) fn tells_outgoing(&self) -> bool {
        self.handlers.as_ref().is_some_and(|own| !own.any_outgoing.is_empty())
    }
}

impl SocketCore {
    /// A packet was queued for this client: its handlers are told of it, if it is an event.
    pub(super) fn tell_outgoing(&self, packet: &Arc<Packet>) {
        if self.tells_outgoing.load(Relaxed)
            && PacketType::of_message(&packet.text) == PacketType::Event
            && let Some(actor) = self.actor()
        {
            actor.do_send(Sent(packet.clone()));
        }
    }

    /// The handlers that are told of what is sent have changed.
    pub fn outgoing_changed(self: &Arc<Self>) {
        if self.lives_here() {
            self.update_outgoing();
        } else if let Some(actor) = self.actor() {
            actor.do_send(ListenersChanged);
        }
        // Without an actor it was not admitted yet, and takes its place in the shard later.
    }

    /// Lets everything that sends to this socket on its reactor know whether handlers are to be told.
    pub(super) fn update_outgoing(self: &Arc<Self>) {
        let is_wanted = self.inner().tells_outgoing();
        if self.tells_outgoing.swap(is_wanted, Relaxed) == is_wanted {
            return;
        }
        match is_wanted {
            true => self.listen_here(),
            false => self.namespace.rooms.unlisten(self.id),
        }
    }

    /// Has the shard of this thread tell of broadcasts to this socket.
    pub(super) fn listen_here(self: &Arc<Self>) {
        let core = Arc::downgrade(self);
        let tell = move |packet: &Arc<Packet>| {
            if let Some(core) = core.upgrade() {
                core.tell_outgoing(packet);
            }
        };
        self.namespace.rooms.listen(self.id, Box::new(tell));
    }

    /// Runs the handlers that are told of a packet. Must not be called by code of the program.
    pub(super) fn run_outgoing(self: &Arc<Self>, packet: &Packet) {
        let handlers = match &self.inner().handlers {
            Some(own) if self.phase() < Phase::Closed => own.any_outgoing.clone(),
            _ => return,
        };
        if self.is_busy() {
            // Handlers that do not finish must not pile up with every packet.
            return self.namespace.node.metrics.outgoing_untold.increment();
        }
        let Some((name, arguments)) = read(packet) else { return };
        for handler in handlers {
            let context =
                OutgoingContext { socket: self.clone(), name: name.clone(), arguments: arguments.clone() };
            run(self, &name, None, || handler.callback().call(context));
        }
    }
}

/// The name and the arguments of an event that this server has encoded.
fn read(packet: &Packet) -> Option<(ByteString, Arguments)> {
    let mut decoder = Decoder::new(packet.attachments.len());
    // Without the type of the Engine.IO message.
    let mut read = decoder.text(packet.text.slice_ref(&packet.text[1..])).ok()?;
    for attachment in &packet.attachments {
        read = decoder.binary(attachment.clone()).ok()?;
    }
    match read? {
        Decoded::Event { name, arguments, .. } => Some((name.unwrap_or_default(), arguments)),
        _ => None,
    }
}
