//! The actor that runs one socket's events, in order.

use std::sync::Arc;

use actix::{Actor, ActorContext, Handler};

use super::ack::AckSlot;
use super::core::{Phase, SocketCore};
use super::handlers::{ConnectContext, EventContext, run};
use super::message::{AckArrived, Close, Event, Finish, ObserveSocket, SocketSnapshot, Stop};
use crate::namespace::SocketDied;
use crate::room::asks_too_much;

/// Serves one socket from its admission to its end.
pub struct SocketActor {
    core: Arc<SocketCore>,
}

impl SocketActor {
    /// An actor for a socket that was just admitted.
    pub fn new(core: Arc<SocketCore>) -> Self {
        Self { core }
    }
}

impl Actor for SocketActor {
    type Context = actix::Context<Self>;

    /// CONNECT is on its way to the client: now the connect handlers run, before any event of the client.
    fn started(&mut self, _: &mut Self::Context) {
        for handler in &self.core.namespace.handlers().connect {
            let context = ConnectContext { socket: self.core.clone() };
            run(&self.core, "connect", None, || handler.call(context));
        }
    }
}

impl Handler<Event> for SocketActor {
    type Result = ();

    fn handle(&mut self, event: Event, _: &mut Self::Context) {
        let core = &self.core;
        if core.phase() > Phase::Connected {
            // Sent before the socket left and read after: nobody is left to handle it.
            core.namespace.node.metrics.late_packets.increment();
        } else if asks_too_much(&core.namespace.node, || self.dispatch(event)) {
            // A client whose events ask for more than the node can do is read more slowly.
            core.link.outbox.slow_down();
        }
        core.handler_finished();
    }
}

impl SocketActor {
    fn dispatch(&self, event: Event) {
        let core = &self.core;
        let metrics = &core.namespace.node.metrics;
        metrics.events.increment();
        let name = event.name.unwrap_or_default();
        let mut handlers = core.namespace.handlers().for_event(&name);
        if let Some(own) = core.inner().handlers.as_deref() {
            handlers.extend(own.for_event(&name));
        }
        if handlers.is_empty() {
            metrics.events_unhandled.increment();
            return;
        }
        let ack = event.ack.map(|id| AckSlot::new(core.clone(), id));
        let answer = ack.as_ref().map(|ack| ack.reply().clone());
        for handler in handlers {
            let context = EventContext {
                socket: core.clone(),
                name: name.clone(),
                arguments: event.arguments.clone(),
                ack: ack.clone(),
            };
            run(core, &name, answer.clone(), || handler.call(context));
        }
    }
}

impl Handler<AckArrived> for SocketActor {
    type Result = ();

    fn handle(&mut self, answer: AckArrived, _: &mut Self::Context) {
        if !self.core.resolve_ack(answer.id, answer.arguments) {
            self.core.namespace.node.metrics.acks_unknown.increment();
        }
    }
}

impl Handler<Close> for SocketActor {
    type Result = ();

    fn handle(&mut self, close: Close, _: &mut Self::Context) {
        self.core.close(close.reason, close.detail, close.tell_client);
    }
}

impl Handler<Finish> for SocketActor {
    type Result = ();

    fn handle(&mut self, _: Finish, _: &mut Self::Context) {
        self.core.finish();
    }
}

impl Handler<Stop> for SocketActor {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<ObserveSocket> for SocketActor {
    type Result = SocketSnapshot;

    fn handle(&mut self, _: ObserveSocket, _: &mut Self::Context) -> SocketSnapshot {
        self.core.snapshot()
    }
}

#[cfg(feature = "fault-injection")]
impl Handler<super::message::CrashSocket> for SocketActor {
    type Result = ();

    fn handle(&mut self, _: super::message::CrashSocket, _: &mut Self::Context) {
        panic!("fault injection: the socket dies");
    }
}

impl Drop for SocketActor {
    /// Notifies the supervisor if this actor ends without its socket having been closed.
    fn drop(&mut self) {
        if self.core.phase() < Phase::Closed
            && let Some(supervisor) = self.core.namespace.supervisor_of(self.core.id.reactor())
        {
            supervisor.do_send(SocketDied(self.core.clone()));
        }
    }
}
