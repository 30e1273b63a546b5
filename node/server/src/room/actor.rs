//! The actor around a [`RoomShard`](super::shard::RoomShard): takes deliveries of other threads off the mailbox,
//! and tells its supervisor if it dies.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix::fut::ActorFuture;
use actix::{Actor, AsyncContext, Handler, Recipient};

use super::mailbox::Deliveries;
use super::message::{Delivery, Gone, ObserveShard, ShardSnapshot};
use super::resident::Resident;
use super::rooms::Rooms;

/// Deliveries handled before the connections they fill get a turn to write.
const DELIVERIES_PER_TURN: usize = 64;
/// The same bound in bytes of packets, each counted once.
const BYTES_PER_TURN: usize = 128 * 1024;
/// The same bound in packets handed to members.
const PUSHES_PER_TURN: u64 = 16 * 1024;

/// Serves the members of one namespace on one reactor.
pub struct RoomShardActor {
    rooms: Arc<Rooms>,
    resident: Rc<Resident>,
    /// Moved into the mailbox's pump when the actor starts.
    deliveries: Option<Deliveries>,
    /// Told when this actor ends, however it does.
    supervisor: Recipient<Gone>,
}

impl RoomShardActor {
    /// An actor with an empty shard for this thread; `None` if the thread has one or is not a reactor.
    pub fn open(rooms: Arc<Rooms>, supervisor: Recipient<Gone>) -> Option<Self> {
        let (resident, deliveries) = rooms.open_here()?;
        Some(Self { rooms, resident, deliveries: Some(deliveries), supervisor })
    }
}

impl Actor for RoomShardActor {
    type Context = actix::Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(deliveries) = self.deliveries.take() {
            ctx.spawn(Pump { deliveries, rooms: self.rooms.clone() });
        }
    }
}

impl Drop for RoomShardActor {
    fn drop(&mut self) {
        self.rooms.close(&self.resident);
        self.supervisor.do_send(Gone);
    }
}

/// Takes deliveries off the mailbox, a bounded number at a time. Dropped with the actor: deliveries that still wait are
/// counted.
struct Pump {
    deliveries: Deliveries,
    rooms: Arc<Rooms>,
}

impl ActorFuture<RoomShardActor> for Pump {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        actor: &mut RoomShardActor,
        ctx: &mut actix::Context<RoomShardActor>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        actor.resident.set_task(cx.waker().clone());
        let (mut bytes, mut pushes) = (0, 0);
        for _ in 0..DELIVERIES_PER_TURN {
            if actor.resident.is_poisoned() {
                actix::ActorContext::terminate(ctx);
                return Poll::Ready(());
            }
            match self.deliveries.poll_next(cx) {
                Poll::Ready(delivery) => {
                    let done = self.rooms.handle(delivery);
                    bytes += done.0;
                    pushes += done.1;
                }
                Poll::Pending => return Poll::Pending,
            }
            if bytes > BYTES_PER_TURN || pushes > PUSHES_PER_TURN {
                break;
            }
        }
        self.deliveries.give_back();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.rooms.node().metrics.shard_losses.add(self.deliveries.close() as u64);
    }
}

impl Rooms {
    /// Carries deliveries out, and returns the bytes and the number of packets that were handed out.
    fn handle(&self, delivery: Delivery) -> (usize, u64) {
        match delivery {
            Delivery::Broadcast { target, packet, volatile } => {
                let pushes = self.visit(|shard| shard.broadcast(&target, &packet, volatile));
                (packet.size(), pushes.unwrap_or_default())
            }
            Delivery::Run(work) => {
                work();
                (0, 1)
            }
        }
    }
}

impl Handler<ObserveShard> for RoomShardActor {
    type Result = ShardSnapshot;

    fn handle(&mut self, _: ObserveShard, _: &mut Self::Context) -> ShardSnapshot {
        let (members, rooms) = self.rooms.visit(|shard| shard.size()).unwrap_or_default();
        ShardSnapshot { shard: self.rooms.node().reactor_here().unwrap_or_default(), members, rooms }
    }
}

#[cfg(feature = "fault-injection")]
impl Handler<super::message::CrashShard> for RoomShardActor {
    type Result = ();

    fn handle(&mut self, _: super::message::CrashShard, _: &mut Self::Context) {
        panic!("fault injection: the room shard dies");
    }
}
