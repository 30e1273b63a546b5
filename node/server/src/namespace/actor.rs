//! The supervisor of one namespace on one reactor: admits sockets, and replaces or cleans up dead actors.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, Addr, AsyncContext, Handler};
use futures_util::FutureExt;
use tracing::{error, warn};

use super::admission::{admit, decide, refuse};
use super::core::NamespaceCore;
use super::message::{Connect, Decided, End, NamespaceSnapshot, ObserveNamespace, SocketDied, Verdict};
use super::old_names;
use super::registry::NoEntry;
use crate::metrics::Actor as Kind;
use crate::options::ms;
use crate::outbox::Ending;
use crate::room::{Gone, ObserveShard, RoomShardActor};
use crate::socket::{ConnectRejection, DisconnectReason, SocketActor, SocketCore};

/// The first restart of a shard is immediate, the next waits this long, each further one twice as long.
const RESTART_DELAY: Duration = Duration::from_millis(50);
/// A shard that lived this long is not one that dies at every start.
const QUIET_PERIOD: Duration = Duration::from_secs(600);
/// Number of restarts after which the node declares itself unhealthy and stops trying.
const RESTARTS_MAX: u32 = 10;

/// The actor in charge of a namespace on this thread's reactor, started at the first call. `None` on a thread that
/// is not a reactor.
pub fn namespace_here(namespace: &Arc<NamespaceCore>) -> Option<Addr<NamespaceActor>> {
    let start = || {
        NamespaceActor { core: namespace.clone(), shard: None, pending: 0, restarts: 0, restarted_at: None }
            .start()
    };
    namespace.supervisor_here(start)
}

/// Supervises one namespace on one reactor.
pub struct NamespaceActor {
    core: Arc<NamespaceCore>,
    /// The members of this reactor; replaced when it dies.
    shard: Option<Addr<RoomShardActor>>,
    /// Clients that middlewares have not decided on.
    pending: usize,
    /// Restarts of the shard since it last was quiet.
    restarts: u32,
    /// When it was last restarted.
    restarted_at: Option<Instant>,
}

impl Actor for NamespaceActor {
    type Context = actix::Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Sockets are there already if this takes the place of a supervisor that died.
        self.rebuild_shard(ctx);
    }
}

impl Drop for NamespaceActor {
    /// A shard whose supervisor is gone would never be replaced: the next supervisor starts its own.
    fn drop(&mut self) {
        self.core.rooms.abandon_here();
    }
}

impl NamespaceActor {
    /// A shard died: the sockets know their rooms, so a new one holds everything the old one did.
    fn rebuild_shard(&mut self, ctx: &mut actix::Context<Self>) {
        let shard = RoomShardActor::open(self.core.rooms.clone(), ctx.address().recipient());
        self.shard = shard.map(Actor::start);
        let Some(reactor) = self.core.node.reactor_here() else { return };
        let mut sockets = self.core.sockets_of(reactor).into_iter();
        if self.shard.is_some() && sockets.all(|socket| socket.enter_shard()) {
            self.core.rooms.rebuilt();
        }
    }

    fn settle(
        &mut self,
        socket: &Arc<SocketCore>,
        decision: Result<(), ConnectRejection>,
        connection: &actix::Recipient<Decided>,
    ) {
        let is_closed = self.core.is_closed();
        let decision = decision.and_then(|()| if is_closed { Err(closed()) } else { Ok(()) });
        let verdict = match decision {
            Ok(()) if admit(&self.core, socket) => {
                let actor = SocketActor::new(socket.clone()).start();
                socket.set_actor(actor);
                if self.core.is_closed() {
                    // Closed meanwhile by another thread, which may not have seen this socket.
                    socket.disconnect_here(false);
                }
                Verdict::Admitted(socket.clone())
            }
            Ok(()) => {
                give_up(socket, "nobody to serve it");
                Verdict::Refused
            }
            Err(refusal) => {
                refuse(socket, &refusal);
                // Whatever the middlewares joined or declared goes with it.
                socket.close(DisconnectReason::ForcedServerClose, None, false);
                Verdict::Refused
            }
        };
        connection.do_send(Decided::new(self.core.clone(), verdict));
    }
}

impl Handler<Connect> for NamespaceActor {
    type Result = ();

    fn handle(&mut self, connect: Connect, ctx: &mut Self::Context) {
        let Some(reactor) = self.core.node.reactor_here() else { return };
        let Connect { link, auth, connection, visit } = connect;
        let id = self.core.id_for(&link, reactor);
        let socket = SocketCore::new(self.core.clone(), link, id, auth.as_deref());
        old_names::join(&socket);
        socket.keep(visit);
        let mut decision = Box::pin(decide(socket.clone()));
        // Most namespaces decide without waiting; only the others cost a task.
        if let Poll::Ready(decision) = decision.poll_unpin(&mut Context::from_waker(Waker::noop())) {
            return self.settle(&socket, decision, &connection);
        }
        self.pending += 1;
        let supervisor = ctx.address();
        let patience = ms(self.core.node.options.connect_timeout_ms);
        actix_rt::spawn(async move {
            // A client that is not let in by then has gone, or is cut off.
            let refused = Err(ConnectRejection { message: "timeout".into(), data: None });
            let decision = tokio::time::timeout(patience, decision).await.unwrap_or(refused);
            supervisor.do_send(Settle { socket, decision, connection });
        });
    }
}

/// Sent by the task that waited for middlewares.
#[derive(actix::Message)]
#[rtype(result = "()")]
struct Settle {
    socket: Arc<SocketCore>,
    decision: Result<(), ConnectRejection>,
    connection: actix::Recipient<Decided>,
}

impl Handler<Settle> for NamespaceActor {
    type Result = ();

    fn handle(&mut self, settle: Settle, _: &mut Self::Context) {
        self.pending -= 1;
        self.settle(&settle.socket, settle.decision, &settle.connection);
    }
}

impl Handler<SocketDied> for NamespaceActor {
    type Result = ();

    fn handle(&mut self, SocketDied(socket): SocketDied, _: &mut Self::Context) {
        self.core.node.metrics.deaths.of(Kind::Socket).increment();
        error!(%socket.id, namespace = self.core.name(), "socket died: its client is disconnected");
        give_up(&socket, "its actor died");
    }
}

/// Refusal of a client that waited while the program closed the namespace.
fn closed() -> ConnectRejection {
    ConnectRejection { message: NoEntry::Unknown.message().into(), data: None }
}

/// Ends a socket that cannot be served any more, and its connection: a client reconnects by itself when the transport
/// closes, and does not when it is told to leave a namespace.
fn give_up(socket: &Arc<SocketCore>, detail: &'static str) {
    socket.close(DisconnectReason::ForcedServerClose, Some(detail), false);
    socket.link.outbox.end(Ending::Failure);
}

impl Handler<End> for NamespaceActor {
    type Result = ();

    /// Its drop ends the shard.
    fn handle(&mut self, _: End, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<Gone> for NamespaceActor {
    type Result = ();

    fn handle(&mut self, _: Gone, ctx: &mut Self::Context) {
        self.shard = None;
        if self.core.rooms.has_ended() {
            return;
        }
        if self.restarted_at.is_none_or(|at| at.elapsed() > QUIET_PERIOD) {
            self.restarts = 0;
        }
        self.restarted_at = Some(Instant::now());
        if self.restarts == RESTARTS_MAX {
            error!(
                namespace = self.core.name(),
                "room shard died too often: the node is not healthy any more"
            );
            self.core.node.give_up();
            return self.core.rooms.give_up_here();
        }
        self.core.node.metrics.restarts.of(Kind::RoomShard).increment();
        warn!(namespace = self.core.name(), restarts = self.restarts, "room shard died: rebuilding it");
        match self.restarts {
            0 => self.rebuild_shard(ctx),
            n => {
                ctx.run_later(RESTART_DELAY * (1 << (n - 1)), Self::rebuild_shard);
            }
        }
        self.restarts += 1;
    }
}

impl Handler<ObserveNamespace> for NamespaceActor {
    type Result = actix::ResponseFuture<NamespaceSnapshot>;

    fn handle(&mut self, _: ObserveNamespace, _: &mut Self::Context) -> Self::Result {
        let reactor = self.core.node.reactor_here().unwrap_or_default();
        let shard = self.shard.clone();
        let mut snapshot = NamespaceSnapshot {
            namespace: self.core.name().to_owned(),
            sockets: self.core.socket_count_of(reactor),
            pending: self.pending,
            shard_restarts: self.restarts,
            shard: None,
        };
        Box::pin(async move {
            if let Some(shard) = shard {
                snapshot.shard = shard.send(ObserveShard).await.ok();
            }
            snapshot
        })
    }
}

#[cfg(feature = "fault-injection")]
impl Handler<super::message::CrashShardOf> for NamespaceActor {
    type Result = ();

    fn handle(&mut self, _: super::message::CrashShardOf, _: &mut Self::Context) {
        if let Some(shard) = &self.shard {
            shard.do_send(crate::room::CrashShard);
        }
    }
}
