//! Messages of other nodes, taken one by one from the bus.
//!
//! A message for sockets goes into the mailboxes of their shards before the next envelope is looked at, so that the
//! order of each sender is kept to the last step (ORDER-2). Whatever takes time, such as collecting answers, is a task.

mod ack_reports;
mod acks;
mod discovery;
mod heartbeat;
mod membership;
mod own_events;
mod pieces;
mod query;
mod response;
mod server_events;
mod sockets;
mod thread;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use fanfare_proto::wire::envelope::Body;
use fanfare_proto::wire::{self, request::Question};
use fanfare_proto::{Envelope, Inbound, State, Subscription};
use tracing::{error, info, warn};

pub use acks::ClusterAcks;
pub use discovery::{NodeReport, NotReached, roll_call};
pub use membership::{Applied, Change, apply};
pub use query::{Scope, count, fetch, rooms};
pub use response::{ClusterResponse, RequestError};
pub use server_events::{ServerAnswer, ask_servers, emit_to_servers};
pub use sockets::SocketInfo;
pub use thread::ClusterThread;

use self::heartbeat::{count_nodes, greet};
use self::membership::apply_here;
use self::pieces::Pieces;
use self::query::{count_here, fetch_here, rooms_here, summed};
use self::server_events::ServerEvents;
use crate::cluster::outbound::{ClusterLink, FromNode, Standing};
use crate::connection::Hub;
use crate::ids::Room;
use crate::namespace::NamespaceCore;
use crate::options::ms;
use crate::outbox::Packet;
use crate::room::{Asker, Overloaded, Target};
use crate::socket::LocalAcks;
use fanfare_socketio::{Encoded, encode, is_event_of};

/// The reading side of a node's bus.
pub struct InboundTask {
    hub: Arc<Hub>,
    cluster: Arc<ClusterLink>,
    started: Instant,
    server_events: ServerEvents,
}

impl InboundTask {
    /// Creates the reader of a node that has just started, on the thread that is going to read.
    pub fn new(hub: Arc<Hub>, cluster: Arc<ClusterLink>) -> Self {
        let server_events = ServerEvents::start(&hub.node, &cluster);
        Self { hub, cluster, started: Instant::now(), server_events }
    }

    /// Listens until the bus is left.
    pub async fn listen(self, mut subscription: Subscription) {
        while let Some(inbound) = next(&mut subscription).await {
            if catch_unwind(AssertUnwindSafe(|| self.hear(inbound))).is_err() {
                // A defect of ours; one envelope must not deafen the node.
                self.hub.node.metrics.bus_undelivered.increment();
                error!("handling a message of another node panicked: the message was skipped");
            }
            // There may always be more, and this thread has other things to do.
            tokio::task::consume_budget().await;
        }
    }

    fn hear(&self, inbound: Inbound) {
        match inbound {
            Inbound::Envelope(envelope) => self.hear_envelope(envelope),
            Inbound::Lost { instance, count } => {
                let from = self.cluster.name_of(instance);
                let from = from.as_deref().unwrap_or("a sender that is no node");
                let log = &self.cluster.log;
                log.say(|| warn!(from, count, "messages of another node were lost on the way"));
            }
            Inbound::State(State::Connected) => {
                info!("connected to the cluster");
                let greeting = greet(self.hub.clone(), self.cluster.clone(), self.started);
                actix_rt::spawn(greeting);
            }
            Inbound::State(State::Disconnected) => {
                self.cluster.set_hearing(false);
                warn!("the bus is away: this node serves its clients alone until it is back");
            }
            Inbound::State(State::Connecting | State::Closed) => {}
        }
    }

    fn hear_envelope(&self, envelope: Envelope) {
        let Envelope { node, instance, body } = envelope;
        match body {
            Body::Broadcast(broadcast) => self.broadcast(node, broadcast),
            Body::Membership(membership) => self.change(node, membership),
            Body::Request(request) => self.answer(node, request),
            Body::ServerEvent(event) => match self.hub.namespaces.find(&event.namespace) {
                Some(namespace) => self.server_events.heard(namespace, node, event),
                None => self.say_absent(&node, event.request),
            },
            Body::BroadcastAnswers(answers) => {
                self.cluster.answered(answers.request, FromNode::Answers(node, answers));
            }
            Body::Reply(reply) => {
                self.cluster.answered(reply.request, FromNode::Reply(node, reply));
            }
            Body::Heartbeat(heartbeat) => self.heartbeat(&node, instance, heartbeat),
            Body::Goodbye(_) => self.goodbye(&node, instance),
            Body::RollCall(_) => self.cluster.news.notify_one(),
        }
    }

    fn broadcast(&self, node: Arc<str>, broadcast: wire::Broadcast) {
        let encoded = Encoded { text: broadcast.packet.into(), attachments: broadcast.attachments };
        if !broadcast.parent.is_empty() {
            let target = broadcast.target.map(self::target).unwrap_or_default();
            let flags = (broadcast.volatile, broadcast.uncompressed);
            return self.broadcast_to_children(&node, &broadcast.parent, &Arc::new(target), &encoded, flags);
        }
        let Some((namespace, target)) = self.meant(broadcast.target) else {
            if let Some(wanted) = broadcast.answers_wanted {
                let none =
                    wire::BroadcastAnswers { request: wanted.request, complete: true, ..Default::default() };
                self.cluster.say_to_node(&node, Body::BroadcastAnswers(none));
            }
            return;
        };
        // Nodes check what they send; anybody else may get it wrong, and clients would pay for it.
        if !self.cluster.heard_of(&node) && !is_event_of(&encoded, namespace.name()) {
            return self.refuse_invalid();
        }
        let Some(wanted) = broadcast.answers_wanted else {
            let packet = Packet::new(encoded, !broadcast.uncompressed);
            let heard = namespace.rooms.hear_broadcast(&target, &packet, broadcast.volatile);
            return heard.unwrap_or_else(|Overloaded| self.say_dropped());
        };
        let id = namespace.next_ack();
        let packet = Packet::new(encode::with_ack(&encoded, namespace.name(), id), !broadcast.uncompressed);
        let acks = LocalAcks::ask(&namespace, &target, id, &packet, broadcast.volatile, Asker::Elsewhere);
        let Ok(acks) = acks else { return self.say_dropped() };
        if !acks.is_complete {
            self.say_dropped();
        }
        let timeout = ms(wanted.timeout_ms.min(crate::options::MS_MAX));
        actix_rt::spawn(ack_reports::report(self.cluster.clone(), node, wanted.request, acks, timeout));
    }

    /// Delivers an emit to the children of a parent that live here.
    fn broadcast_to_children(
        &self,
        node: &Arc<str>,
        parent: &str,
        target: &Arc<Target>,
        encoded: &Encoded,
        (volatile, uncompressed): (bool, bool),
    ) {
        if !self.cluster.heard_of(node) && !is_event_of(encoded, "/") {
            return self.refuse_invalid();
        }
        let children = self.hub.namespaces.parent(parent).map(|parent| parent.children());
        for child in children.unwrap_or_default() {
            let packet = Packet::new(encode::within(encoded, child.name()), !uncompressed);
            if let Err(Overloaded) = child.rooms.hear_broadcast(target, &packet, volatile) {
                self.say_dropped();
            }
        }
    }

    fn refuse_invalid(&self) {
        self.hub.node.metrics.bus_invalid_messages.increment();
        let log = &self.cluster.log;
        log.say(|| warn!("an emit from outside the cluster is not a valid event: dropped"));
    }

    /// Tells the asking node that this one does not have the namespace now.
    fn say_absent(&self, node: &Arc<str>, request: u64) {
        if request != 0 && !node.is_empty() {
            let reply = wire::Reply { request, absent: true, ..Default::default() };
            self.cluster.say_to_node(node, Body::Reply(reply));
        }
    }

    /// Tells the asking node at once that something of this node is missing.
    fn say_lacking(&self, node: &Arc<str>, request: u64) {
        self.say_dropped();
        if request != 0 {
            let reply = wire::Reply { request, piece: 1, left_out: 1, ..Default::default() };
            self.cluster.say_to_node(node, Body::Reply(reply));
        }
    }

    /// Logs that a message was dropped; the counter was incremented already.
    fn say_dropped(&self) {
        let log = &self.cluster.log;
        log.say(|| {
            error!("the backlog of a reactor is full: a message of another node was dropped for its clients")
        });
    }

    fn change(&self, node: Arc<str>, membership: wire::Membership) {
        let (Some((namespace, target)), Some(change)) = (self.meant(membership.target), membership.change)
        else {
            return self.say_absent(&node, membership.request);
        };
        let change = Change::from_wire(change);
        if let Err(error) = change.check(&self.hub.node) {
            let log = &self.cluster.log;
            return log.say(|| warn!(from = %node, %error, "a join that another node asked for was refused"));
        }
        let here = apply_here(&namespace, Target::clone(&target), change, Asker::Elsewhere);
        let (cluster, request) = (self.cluster.clone(), membership.request);
        let Ok(mut here) = here else {
            return self.say_lacking(&node, request);
        };
        if request == 0 {
            return;
        }
        actix_rt::spawn(async move {
            while here.recv().await.is_some() {}
            namespace.rooms.interest().synced().await;
            let reply = wire::Reply { request, ..Default::default() };
            cluster.say_to_node(&node, Body::Reply(reply));
        });
    }

    fn answer(&self, node: Arc<str>, request: wire::Request) {
        let id = request.id;
        let Some(Question::Fetch(target) | Question::Count(target) | Question::Rooms(target)) =
            request.question.clone()
        else {
            return;
        };
        let Some((namespace, target)) = self.meant(Some(target)) else {
            return self.say_absent(&node, id);
        };
        let target = Target::clone(&target);
        let bytes_max = self.cluster.bus.envelope_bytes_max();
        // The reactors are asked now, in order with what came before; the answer is put together later.
        let answer: Result<Pin<Box<dyn Future<Output = Pieces>>>, Overloaded> = match request.question {
            Some(Question::Fetch(_)) => fetch_here(&namespace, target, Asker::Elsewhere).map(|local| {
                let to_wire = |socket: SocketInfo| socket.to_wire();
                Box::pin(Pieces::of(local, bytes_max, to_wire, |reply, socket| reply.sockets.push(socket)))
                    as _
            }),
            Some(Question::Rooms(_)) => rooms_here(&namespace, target, Asker::Elsewhere).map(|local| {
                let to_wire =
                    |(room, members): (Room, u64)| wire::RoomSize { name: room.to_string(), members };
                Box::pin(Pieces::of(local, bytes_max, to_wire, |reply, room| reply.rooms.push(room))) as _
            }),
            _ => count_here(&namespace, target, Asker::Elsewhere)
                .map(|local| Box::pin(async move { Pieces::count(summed(local).await) }) as _),
        };
        let Ok(answer) = answer else { return self.say_lacking(&node, id) };
        let cluster = self.cluster.clone();
        actix_rt::spawn(async move {
            let pieces = answer.await;
            if pieces.left_out() > 0 {
                let (left_out, bytes_max) = (pieces.left_out(), bytes_max);
                cluster.log.say(|| {
                    warn!(
                        left_out,
                        bytes_max, "sockets or rooms are larger than the bus carries: an answer lacks them"
                    );
                });
            }
            for reply in pieces.replies(id) {
                cluster.say_to_node(&node, Body::Reply(reply));
            }
        });
    }

    fn heartbeat(&self, node: &Arc<str>, instance: u64, heartbeat: wire::Heartbeat) {
        if node.is_empty() {
            return;
        }
        let metrics = &self.hub.node.metrics;
        if **node == *self.hub.node.tag.as_str() {
            metrics.node_name_conflicts.increment();
            let log = &self.cluster.log;
            return log.say(|| error!(%node, "another node has the name of this one: restart one of them"));
        }
        let buckets = self.hub.node.options.cluster.room_buckets;
        let (hello, theirs, request) = (heartbeat.hello, heartbeat.room_buckets, heartbeat.request);
        let standing = self
            .cluster
            .update_peers(|peers| (peers.heard(node, instance, heartbeat, Instant::now()), Vec::new()));
        count_nodes(&self.hub, &self.cluster);
        if request != 0 {
            // Emits that begin now go where it said.
            let confirmation = wire::Reply { request, ..Default::default() };
            self.cluster.say_to_node(node, Body::Reply(confirmation));
        }
        let log = &self.cluster.log;
        match standing {
            Standing::Known => {}
            Standing::New => log.say(|| info!(%node, "node joined the cluster")),
            Standing::Back(silence) => {
                let silent_ms = silence.as_millis() as u64;
                log.say(|| warn!(%node, silent_ms, "another node is back after it counted as gone: it was stopped or cut off"));
            }
            Standing::Doubled => {
                metrics.node_name_conflicts.increment();
                log.say(|| error!(%node, "two nodes have the same name: restart one of them"));
            }
        }
        let is_new = matches!(standing, Standing::New | Standing::Back(_));
        if is_new && theirs != buckets {
            let ours = buckets;
            log.say(|| error!(%node, theirs, ours, "room_buckets of another node differs from ours: emits to rooms will be lost"));
        }
        if hello || is_new {
            self.cluster.news.notify_one();
        }
    }

    fn goodbye(&self, node: &Arc<str>, instance: u64) {
        let left = self.cluster.update_peers(|peers| {
            let left = peers.left(node, instance);
            (left, if left { vec![node.clone()] } else { Vec::new() })
        });
        if left {
            self.cluster.log.say(|| info!(%node, "node left the cluster"));
        }
        count_nodes(&self.hub, &self.cluster);
    }

    /// The namespace, if this node serves it, and the target in it.
    fn meant(&self, target: Option<wire::Target>) -> Option<(Arc<NamespaceCore>, Arc<Target>)> {
        let wanted = target?;
        let namespace = self.hub.namespaces.find(&wanted.namespace)?;
        Some((namespace, Arc::new(self::target(wanted))))
    }
}

fn target(target: wire::Target) -> Target {
    let rooms = |names: Vec<String>| names.into_iter().map(Room::from).collect();
    Target { rooms: rooms(target.rooms), except: rooms(target.except) }
}

async fn next(subscription: &mut Subscription) -> Option<Inbound> {
    std::future::poll_fn(|cx: &mut Context<'_>| -> Poll<Option<Inbound>> {
        subscription.as_mut().poll_next(cx)
    })
    .await
}
