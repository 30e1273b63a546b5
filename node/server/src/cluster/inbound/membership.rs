//! Joins, leaves and disconnects of all selected sockets.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use fanfare_proto::wire;
use fanfare_proto::wire::envelope::Body;
use tokio::sync::mpsc;

use super::query::{Scope, ask, finish, put};
use super::response::{ClusterResponse, Collection, Local, RequestError};
use crate::cluster::outbound::{Question, target as wire_target};
use crate::ids::Room;
use crate::namespace::NamespaceCore;
use crate::node::Node;
use crate::room::{Asker, Hold, Overloaded, Target};
use crate::socket::{RoomNameTooLong, SocketCore, check_room_names};

/// Change of membership.
#[derive(Clone, Debug)]
pub enum Change {
    /// They join rooms.
    Join(Vec<Room>),
    /// They leave rooms.
    Leave(Vec<Room>),
    /// They are disconnected from the namespace, or from all.
    Disconnect {
        /// Whether the connection is closed.
        whole_connection: bool,
    },
}

/// A change that is on its way: in order with the emits of the same thread, whether awaited or not. Awaiting it waits
/// until every node has made it, and subscribes to the joined rooms (JOIN-1).
#[must_use = "await it to know that the change was made, or look at `result`"]
pub struct Applied(
    /// `None` once the error was returned.
    Result<Made, Option<RequestError>>,
);

type Made = Pin<Box<dyn Future<Output = Result<ClusterResponse<()>, RequestError>> + Send>>;

struct Applying {
    namespace: Arc<NamespaceCore>,
    here: Local<()>,
    collection: Collection,
}

impl Applied {
    /// Whether the change is made or on its way, without waiting.
    ///
    /// # Errors
    /// Those of [`RequestError`]; nothing has changed then.
    pub fn result(&self) -> Result<(), &RequestError> {
        match &self.0 {
            Err(Some(error)) => Err(error),
            Ok(_) | Err(None) => Ok(()),
        }
    }
}

impl Future for Applied {
    type Output = Result<ClusterResponse<()>, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Ok(made) => made.as_mut().poll(cx),
            Err(error) => Poll::Ready(Err(error.take().unwrap_or(RequestError::Overloaded))),
        }
    }
}

impl Applying {
    async fn made(self) -> Result<ClusterResponse<()>, RequestError> {
        let Self { namespace, mut here, mut collection } = self;
        while collection.here(&mut here).await.is_some() {}
        namespace.rooms.interest().synced().await;
        while collection.next().await.is_some() {}
        Ok(finish(&namespace, (), collection))
    }
}

/// Makes a change for all selected sockets.
pub fn apply(namespace: &Arc<NamespaceCore>, target: Target, change: Change, scope: Scope) -> Applied {
    let applying = || {
        change.check(&namespace.node)?;
        let question = tell(namespace, &target, &change, scope)?;
        let here = apply_here(namespace, target.clone(), change.clone(), Asker::Here)?;
        Ok(Applying { namespace: namespace.clone(), here, collection: ask(namespace, question, scope) })
    };
    let made = |applying: Applying| -> Made { Box::pin(applying.made()) };
    Applied(applying().map(made).map_err(Some))
}

/// This node's part. The change was [checked](Change::check).
pub fn apply_here(
    namespace: &Arc<NamespaceCore>,
    target: Target,
    change: Change,
    asker: Asker,
) -> Result<Local<()>, Overloaded> {
    // Emits made after this must find their way to the sockets, even before they have joined.
    let holds: Arc<Vec<Hold>> = Arc::new(match &change {
        Change::Join(rooms) => {
            rooms.iter().flat_map(|room| namespace.rooms.hold_for(&target, room)).collect()
        }
        Change::Leave(_) | Change::Disconnect { .. } => Vec::new(),
    });
    let (done, here) = mpsc::unbounded_channel();
    let (core, meant) = (namespace.clone(), Arc::new(target));
    namespace.rooms.on_shards(&meant.clone(), asker, move || {
        let _until_here = &holds;
        let ids = core.rooms.select_here(&meant);
        ids.into_iter().filter_map(|id| core.socket(id)).for_each(|socket| change.make(&socket));
        // Nobody may be waiting.
        let _ = done.send(());
    })?;
    Ok(here)
}

impl Change {
    /// Whether it can be made at all.
    ///
    /// # Errors
    /// If a room to be joined has a name that is too long.
    pub fn check(&self, node: &Node) -> Result<(), RoomNameTooLong> {
        match self {
            Self::Join(rooms) => check_room_names(node, rooms),
            Self::Leave(_) | Self::Disconnect { .. } => Ok(()),
        }
    }

    fn make(&self, socket: &Arc<SocketCore>) {
        match self {
            Self::Join(rooms) => {
                // A request for many sockets is not told what a single one of them may not do; it is counted.
                let _ = socket.join_here(rooms);
            }
            Self::Leave(rooms) => rooms.iter().for_each(|room| socket.leave_here(room)),
            Self::Disconnect { whole_connection } => socket.disconnect_here(*whole_connection),
        }
    }

    /// For the bus.
    pub fn to_wire(&self) -> wire::membership::Change {
        use wire::membership::Change as Wire;
        let names = |rooms: &[Room]| wire::Rooms { names: rooms.iter().map(ToString::to_string).collect() };
        match self {
            Self::Join(rooms) => Wire::Join(names(rooms)),
            Self::Leave(rooms) => Wire::Leave(names(rooms)),
            Self::Disconnect { whole_connection } => {
                Wire::Disconnect(wire::Disconnect { whole_connection: *whole_connection })
            }
        }
    }

    /// From the bus.
    pub fn from_wire(change: wire::membership::Change) -> Self {
        use wire::membership::Change as Wire;
        let rooms = |rooms: wire::Rooms| rooms.names.into_iter().map(Room::from).collect();
        match change {
            Wire::Join(names) => Self::Join(rooms(names)),
            Wire::Leave(names) => Self::Leave(rooms(names)),
            Wire::Disconnect(disconnect) => {
                Self::Disconnect { whole_connection: disconnect.whole_connection }
            }
        }
    }
}

/// Part of the change that other nodes are told; `None` if none is concerned.
fn tell(
    namespace: &NamespaceCore,
    target: &Target,
    change: &Change,
    scope: Scope,
) -> Result<Option<Question>, RequestError> {
    let Some(cluster) = namespace.node.cluster.as_ref().filter(|_| !scope.local) else { return Ok(None) };
    let (meant, change) = (wire_target(namespace.name(), &target.rooms, &target.except), change.to_wire());
    let body =
        |request| Body::Membership(wire::Membership { target: Some(meant), request, change: Some(change) });
    put(cluster, namespace, target, body)
}
