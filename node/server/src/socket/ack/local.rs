//! Acknowledgements of this node's sockets to one broadcast.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tokio::sync::mpsc;

use crate::ids::SocketId;
use crate::namespace::NamespaceCore;
use crate::outbox::Packet;
use crate::room::{Asker, Overloaded, Target};
use crate::socket::SocketCore;
use fanfare_socketio::Arguments;

/// News of the sockets that were asked.
#[derive(Debug)]
pub enum AckUpdate {
    /// One was asked.
    Asked(SocketId),
    /// One has answered.
    Answer(SocketId, Arguments),
    /// One was disconnected, or its answer is not awaited any more.
    Gone(SocketId),
}

type Sink = mpsc::UnboundedSender<(Option<Weak<SocketCore>>, AckUpdate)>;

/// One socket that was asked. Dropped without an answer it is gone.
#[derive(Debug)]
pub struct AckSender {
    socket: SocketId,
    /// Bounded by the number of sockets that were asked, each of which sends two messages.
    sink: Option<Sink>,
}

impl AckSender {
    /// Hands the answer on. Returns false if it is not awaited any more.
    pub fn answer(mut self, arguments: Arguments) -> bool {
        let sink = self.sink.take();
        sink.is_some_and(|sink| sink.send((None, AckUpdate::Answer(self.socket, arguments))).is_ok())
    }
}

impl Drop for AckSender {
    fn drop(&mut self) {
        if let Some(sink) = self.sink.take() {
            // Nobody may be waiting any more.
            let _ = sink.send((None, AckUpdate::Gone(self.socket)));
        }
    }
}

/// The answers of this node's sockets to one broadcast. Dropping it forgets the acknowledgements that did not come.
#[derive(Debug)]
pub struct LocalAcks {
    id: u64,
    updates: mpsc::UnboundedReceiver<(Option<Weak<SocketCore>>, AckUpdate)>,
    /// Sockets that were asked, and have not answered.
    open: HashMap<SocketId, Weak<SocketCore>>,
    /// Whether all selected sockets were asked.
    pub is_complete: bool,
}

impl LocalAcks {
    /// Sends a packet that asks for acknowledgement `id` to all selected sockets of this node, in order with the other
    /// emits of this thread.
    ///
    /// # Errors
    /// If no socket was asked, because a reactor of this node has too much to do. On behalf of another node the sockets
    /// of the other reactors are asked.
    pub fn ask(
        namespace: &Arc<NamespaceCore>,
        target: &Arc<Target>,
        id: u64,
        packet: &Arc<Packet>,
        volatile: bool,
        asker: Asker,
    ) -> Result<Self, Overloaded> {
        let (sink, updates) = mpsc::unbounded_channel();
        let work = {
            let (namespace, target, packet) = (namespace.clone(), target.clone(), packet.clone());
            move || ask_here(&namespace, &target, id, &packet, volatile, &sink)
        };
        let asked = namespace.rooms.on_shards(target, asker, work);
        if asker == Asker::Here {
            asked?;
        }
        Ok(Self { id, updates, open: HashMap::new(), is_complete: asked.is_ok() })
    }

    /// Waits for the next news; `None` once nothing more can come.
    pub async fn next(&mut self) -> Option<AckUpdate> {
        let updates = self.updates.recv().await?;
        Some(self.note(updates))
    }

    /// Returns news that has come already.
    pub fn now(&mut self) -> Option<AckUpdate> {
        // Not by polling `next`: a task may poll only so often before its channels play empty.
        let updates = self.updates.try_recv().ok()?;
        Some(self.note(updates))
    }

    fn note(&mut self, (asked, update): (Option<Weak<SocketCore>>, AckUpdate)) -> AckUpdate {
        match (&update, asked) {
            (AckUpdate::Answer(id, _) | AckUpdate::Gone(id), None) => drop(self.open.remove(id)),
            (AckUpdate::Asked(id), Some(socket)) => drop(self.open.insert(*id, socket)),
            _ => {}
        }
        update
    }
}

impl Drop for LocalAcks {
    fn drop(&mut self) {
        self.updates.close();
        while self.now().is_some() {}
        for socket in self.open.values().filter_map(Weak::upgrade) {
            socket.forget_ack(self.id);
        }
    }
}

/// Asks the selected sockets that live on this thread's reactor.
fn ask_here(
    namespace: &NamespaceCore,
    target: &Target,
    id: u64,
    packet: &Arc<Packet>,
    volatile: bool,
    sink: &Sink,
) {
    for socket in namespace.rooms.select_here(target).into_iter().filter_map(|id| namespace.socket(id)) {
        let asked = (Some(Arc::downgrade(&socket)), AckUpdate::Asked(socket.id));
        if sink.send(asked).is_err() {
            // Nobody waits for answers any more, but the event was promised.
            let _ = socket.send(packet.clone(), volatile);
            continue;
        }
        let asked = AckSender { socket: socket.id, sink: Some(sink.clone()) };
        // A socket that is gone says so itself.
        let _ = socket.send_together(id, packet.clone(), volatile, asked);
        // The waiting caller may have given up in between, and have found nothing to forget.
        if sink.is_closed() {
            socket.forget_ack(id);
        }
    }
}
