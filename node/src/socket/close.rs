//! How a socket ends, whoever ends it.

use std::sync::Arc;
use std::time::Instant;

use super::core::{Phase, SocketCore};
use super::handlers::{DisconnectContext, run};
use super::message::Stop;
use crate::outbox::Packet;
use crate::reason::DisconnectReason;
use crate::socketio::encode;

impl SocketCore {
    /// Ends the socket's life, in the order of the official server: tell the client, run the `disconnecting`
    /// handlers while it still has its rooms, leave them all (LEAVE-1), run the `disconnect` handlers.
    /// Must run on the reactor that the socket lives on. The second call does nothing.
    pub fn close(
        self: &Arc<Self>,
        reason: DisconnectReason,
        detail: Option<&'static str>,
        tell_client: bool,
    ) {
        let was_admitted = self.phase() != Phase::Connecting;
        if !self.advance(Phase::Closing) {
            return;
        }
        if tell_client && was_admitted {
            let packet = Packet::new(encode::disconnect(self.namespace.name()), false);
            self.link.outbox.push(&packet, false);
            self.link.count_sent(&self.namespace.node.metrics, &packet);
        }
        if was_admitted {
            self.run_disconnect_handlers(reason, detail, true);
            self.namespace.rooms.exit(self.id);
            self.namespace.forget(self);
            self.namespace.node.metrics.disconnects.of(reason).increment();
        }
        self.inner().closed_at = Some(Instant::now());
        self.advance(Phase::Closed);
        // Whoever waits for an acknowledgement learns that none will come. Users' values are dropped outside the lock.
        let (rooms, acks) = {
            let mut inner = self.inner();
            (std::mem::take(&mut inner.rooms), inner.acks.take())
        };
        drop((rooms, acks));
        if was_admitted {
            self.run_disconnect_handlers(reason, detail, false);
        }
        let handlers = self.inner().handlers.take();
        drop(handlers);
        // The connection may have been waiting for this socket's handlers.
        self.link.outbox.wake();
        if let Some(actor) = self.actor() {
            actor.do_send(Stop);
        }
    }

    fn run_disconnect_handlers(
        self: &Arc<Self>,
        reason: DisconnectReason,
        detail: Option<&'static str>,
        disconnecting: bool,
    ) {
        let choose = |handlers: &super::Handlers| {
            if disconnecting { handlers.disconnecting.clone() } else { handlers.disconnect.clone() }
        };
        let shared = choose(&self.namespace.handlers());
        let own = self.inner().handlers.as_deref().map(choose).unwrap_or_default();
        for handler in shared.into_iter().chain(own) {
            let context = DisconnectContext { socket: self.clone(), reason, detail };
            let what = if disconnecting { "disconnecting" } else { "disconnect" };
            run(self, what, None, || handler.call(context));
        }
    }
}
