//! End of a socket, caused by its client, the program or a fault.
//!
//! First it departs: the client is told, the socket gets nothing more and is in no room (LEAVE-1). Then it finishes: its
//! `disconnecting` handlers run, and then its `disconnect` handlers, in the order of the official server. When the
//! program disconnects it, only the first is done at once, and the second by the socket's actor: the handlers may need
//! a lock that the program holds while it disconnects.

use std::sync::Arc;
use std::time::Instant;

use super::core::{End, Phase, SocketCore};
use super::handlers::{DisconnectContext, run};
use super::message::{Close, Finish, Stop};
use crate::outbox::{Ending, Packet};
use crate::reason::DisconnectReason;
use fanfare_socketio::encode;

impl SocketCore {
    /// Disconnects this socket from its namespace, and with `whole_connection` all that share the connection; after
    /// everything this thread emitted. Does nothing before the socket was admitted.
    pub fn disconnect(self: &Arc<Self>, whole_connection: bool) {
        self.begin_to_leave();
        let departure = Departure { core: Some(self.clone()), whole_connection };
        // A departure that is refused, or lost in a mailbox, goes another way.
        let _ = self.namespace.rooms.run_on(self.id.reactor(), move || departure.carry_out());
    }

    /// Disconnects the socket, on the reactor that it lives on. Its handlers run later.
    pub fn disconnect_here(self: &Arc<Self>, whole_connection: bool) {
        if self.phase() == Phase::Connecting {
            return;
        }
        if self.depart(DisconnectReason::ServerNamespaceDisconnect, None, true)
            && let Some(actor) = self.actor()
        {
            actor.do_send(Finish);
        }
        if whole_connection {
            self.link.outbox.end(Ending::Disconnect);
        }
    }

    /// Ends the socket's life and runs its handlers, on the reactor that it lives on. Must not be called by code of the
    /// program. The second call does nothing.
    pub fn close(
        self: &Arc<Self>,
        reason: DisconnectReason,
        detail: Option<&'static str>,
        tell_client: bool,
    ) {
        self.depart(reason, detail, tell_client);
        self.finish();
    }

    /// Leaves the namespace, with all rooms; true for the first call. [`finish`](Self::finish) must follow.
    fn depart(&self, reason: DisconnectReason, detail: Option<&'static str>, tell_client: bool) -> bool {
        let was_admitted = self.phase() != Phase::Connecting;
        if !self.advance(Phase::Left) {
            return false;
        }
        self.inner().end = Some(End { at: Instant::now(), reason, detail, was_admitted });
        if was_admitted {
            if tell_client {
                let packet = Packet::new(encode::disconnect(self.namespace.name()), false);
                self.link.outbox.push(&packet, false);
                self.link.count_sent(&self.namespace.node.metrics, &packet);
            }
            // Its handlers are as good as begun: a server that closes waits for them.
            self.handler_started();
            self.namespace.node.metrics.handlers.increment();
            self.namespace.rooms.exit(self.id);
            self.namespace.forget(self);
            self.namespace.node.metrics.disconnects.of(reason).increment();
        }
        true
    }

    /// Runs the handlers of a socket that has left, and releases everything it held.
    pub(super) fn finish(self: &Arc<Self>) {
        if !self.advance(Phase::Closing) {
            return;
        }
        let end = self.inner().end.filter(|end| end.was_admitted);
        if let Some(end) = end {
            self.run_disconnect_handlers(end, true);
        }
        self.advance(Phase::Closed);
        // Callers that wait for an acknowledgement learn that none will come. Users' values are dropped outside the lock.
        let (rooms, acks) = {
            let mut inner = self.inner();
            (std::mem::take(&mut inner.rooms), inner.acks.take())
        };
        drop((rooms, acks));
        if let Some(end) = end {
            self.run_disconnect_handlers(end, false);
            self.namespace.node.metrics.handlers.decrement();
            self.handler_finished();
        }
        let (handlers, visit) = {
            let mut inner = self.inner();
            (inner.handlers.take(), inner.visit.take())
        };
        drop((handlers, visit));
        // The connection may have been waiting for this socket's handlers.
        self.link.outbox.wake();
        if let Some(actor) = self.actor() {
            actor.do_send(Stop);
        }
    }

    fn run_disconnect_handlers(self: &Arc<Self>, end: End, disconnecting: bool) {
        let choose = |handlers: &super::Handlers| {
            if disconnecting { handlers.disconnecting.clone() } else { handlers.disconnect.clone() }
        };
        let shared = choose(&self.namespace.handlers());
        let own = self.inner().handlers.as_deref().map(choose).unwrap_or_default();
        for handler in shared.into_iter().chain(own) {
            let context = DisconnectContext { socket: self.clone(), reason: end.reason, detail: end.detail };
            let what = if disconnecting { "disconnecting" } else { "disconnect" };
            run(self, what, None, || handler.callback().call(context));
        }
    }
}

/// A disconnect on its way to the reactor of its socket, behind the emits of the same thread.
struct Departure {
    /// Taken when it has arrived.
    core: Option<Arc<SocketCore>>,
    whole_connection: bool,
}

impl Departure {
    fn carry_out(mut self) {
        if let Some(core) = self.core.take() {
            core.disconnect_here(self.whole_connection);
        }
    }
}

impl Drop for Departure {
    /// The mailbox was full, or died: overtaking its content is better than not disconnecting.
    fn drop(&mut self) {
        let Some(core) = self.core.take() else { return };
        if let Some(actor) = core.actor() {
            let reason = DisconnectReason::ServerNamespaceDisconnect;
            actor.do_send(Close { reason, detail: None, tell_client: true });
        }
        if self.whole_connection {
            core.link.outbox.end(Ending::Disconnect);
        }
    }
}
