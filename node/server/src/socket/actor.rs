//! The actor that runs one socket's events, in order.

use std::sync::Arc;

use actix::{Actor, ActorContext, Handler};
use bytestring::ByteString;

use super::ack::AckSlot;
use super::core::{Phase, SocketCore};
use super::declared::{Declaration, Handlers};
use super::handlers::{ConnectContext, EventContext, run};
use super::message::{
    AckArrived, Close, Event, Finish, INVALID_PACKET, ListenersChanged, ObserveSocket, Screened, Sent,
    SocketSnapshot, Stop,
};
use super::screening::{Decision, Held, SocketError, screen};
use crate::namespace::SocketDied;
use crate::room::asks_too_much;
use fanfare_socketio::Arguments;

/// Serves one socket from its admission to its end.
pub struct SocketActor {
    core: Arc<SocketCore>,
    /// Events behind one that middlewares have not decided on; `None` while there is none.
    held: Option<Box<Held>>,
}

impl SocketActor {
    /// An actor for a socket that was just admitted.
    pub fn new(core: Arc<SocketCore>) -> Self {
        Self { core, held: None }
    }
}

impl Actor for SocketActor {
    type Context = actix::Context<Self>;

    /// CONNECT is on its way to the client: now the connect handlers run, before any event of the client.
    fn started(&mut self, _: &mut Self::Context) {
        let core = &self.core;
        let connect = core.namespace.handlers().connect.clone();
        for handler in connect.into_iter().filter(Declaration::claim) {
            if handler.is_once() {
                core.namespace.remove_used(handler.id());
            }
            let context = ConnectContext { socket: core.clone() };
            run(core, "connect", None, || handler.callback().call(context));
        }
    }
}

impl Handler<Event> for SocketActor {
    type Result = ();

    fn handle(&mut self, event: Event, _: &mut Self::Context) {
        match &mut self.held {
            Some(held) => held.events.push_back(event),
            None => self.take(event),
        }
    }
}

impl Handler<Screened> for SocketActor {
    type Result = ();

    /// Middlewares have decided about an event: now those that waited behind it have their turn.
    fn handle(&mut self, Screened(decision): Screened, _: &mut Self::Context) {
        let core = &self.core;
        if asks_too_much(&core.namespace.node, || conclude(core, decision)) {
            core.link.outbox.slow_down();
        }
        let Some(mut waiting) = self.held.take() else { return };
        while self.held.is_none() {
            let Some(event) = waiting.events.pop_front() else { return };
            self.take(event);
        }
        self.held = Some(waiting);
    }
}

impl SocketActor {
    fn take(&mut self, event: Event) {
        let Self { core, held } = self;
        if core.phase() > Phase::Connected {
            // Sent before the socket left and read after: nobody is left to handle it.
            core.namespace.node.metrics.late_packets.increment();
            core.handler_finished();
        } else if asks_too_much(&core.namespace.node, || begin(core, held, event)) {
            // A client whose events ask for more than the node can do is read more slowly.
            core.link.outbox.slow_down();
        }
    }

    /// The socket leaves: what waits for a decision is not handled any more.
    fn drop_held(&mut self) {
        for _ in self.held.take().into_iter().flat_map(|held| held.events) {
            self.core.namespace.node.metrics.late_packets.increment();
            self.core.handler_finished();
        }
    }
}

/// Handles an event, or has middlewares decide about it first; `held` is there if they have to wait.
fn begin(core: &Arc<SocketCore>, held: &mut Option<Box<Held>>, event: Event) {
    core.namespace.node.metrics.events.increment();
    let shared = core.namespace.handlers();
    let mut inner = core.inner();
    let own = inner.handlers.as_deref_mut();
    let own_middlewares = own.as_ref().map_or(&[][..], |own| &own.event_middlewares);
    if shared.event_middlewares.is_empty() && own_middlewares.is_empty() {
        let name = event.name.unwrap_or_default();
        let handlers = handlers_for(&shared, own, &name);
        drop(inner);
        handle(core, handlers, &name, event.arguments, event.ack.map(|id| AckSlot::new(core.clone(), id)));
        return core.handler_finished();
    }
    let middlewares = shared.event_middlewares.iter().chain(own_middlewares).cloned().collect();
    drop(inner);
    match screen(core, event, middlewares) {
        Some(decision) => conclude(core, decision),
        None => *held = Some(Box::default()),
    }
}

/// Handles an event that middlewares have decided on, unless they refuse it.
fn conclude(core: &Arc<SocketCore>, decision: Decision) {
    let Some(mut incoming) = decision.settle() else { return };
    if core.phase() > Phase::Connected {
        // It has left meanwhile, or a middleware has disconnected it.
        return core.namespace.node.metrics.late_packets.increment();
    }
    let handlers = {
        let mut inner = core.inner();
        handlers_for(&core.namespace.handlers(), inner.handlers.as_deref_mut(), &incoming.name)
    };
    let (arguments, ack) = (std::mem::take(&mut incoming.arguments), incoming.ack.take());
    handle(core, handlers, &incoming.name, arguments, ack);
}

/// Handlers of an event: those of the namespace, then the socket's own.
fn handlers_for(shared: &Handlers, own: Option<&mut Handlers>, name: &str) -> Vec<Declaration<EventContext>> {
    let mut handlers = shared.for_event(name);
    if let Some(own) = own {
        handlers.extend(own.take_for_event(name));
    }
    handlers
}

fn handle(
    core: &Arc<SocketCore>,
    handlers: Vec<Declaration<EventContext>>,
    name: &ByteString,
    arguments: Arguments,
    ack: Option<Arc<AckSlot>>,
) {
    if handlers.is_empty() {
        return core.namespace.node.metrics.events_unhandled.increment();
    }
    let answer = ack.as_ref().map(|ack| ack.reply().clone());
    for handler in handlers.into_iter().filter(Declaration::claim) {
        let context = EventContext {
            socket: core.clone(),
            name: name.clone(),
            arguments: arguments.clone(),
            ack: ack.clone(),
        };
        run(core, name, answer.clone(), || handler.callback().call(context));
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
        self.drop_held();
        if close.detail == Some(INVALID_PACKET) && self.core.phase() <= Phase::Connected {
            self.core.tell_error(SocketError::InvalidPacket, &Arguments::default(), None);
        }
        self.core.close(close.reason, close.detail, close.tell_client);
    }
}

impl Handler<Finish> for SocketActor {
    type Result = ();

    fn handle(&mut self, _: Finish, _: &mut Self::Context) {
        self.drop_held();
        self.core.finish();
    }
}

impl Handler<Sent> for SocketActor {
    type Result = ();

    fn handle(&mut self, Sent(packet): Sent, _: &mut Self::Context) {
        self.core.run_outgoing(&packet);
    }
}

impl Handler<ListenersChanged> for SocketActor {
    type Result = ();

    fn handle(&mut self, _: ListenersChanged, _: &mut Self::Context) {
        self.core.update_outgoing();
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
