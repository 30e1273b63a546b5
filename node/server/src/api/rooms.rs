//! Names of rooms as arguments, and the result of joining them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use smallvec::SmallVec;

use super::error::EmitError;
use crate::ids::{Room, SocketId};
use crate::namespace::NamespaceCore;
use crate::socket::{NotChanged, PendingChange};

/// One room or several: text, a [`Room`], a [`SocketId`] (the room of that socket alone), or a list of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the name of a room",
    note = "pass a `&str`, `String`, `Room` or `SocketId`, or an array, slice or `Vec` of these"
)]
pub trait IntoRooms {
    /// The rooms, in order.
    fn into_rooms(self) -> SmallVec<[Room; 2]>;
}

macro_rules! one_room {
    ($($kind:ty),*) => {
        $(impl IntoRooms for $kind {
            fn into_rooms(self) -> SmallVec<[Room; 2]> {
                SmallVec::from_iter([Room::from(self)])
            }
        })*
    };
}

one_room!(&str, String, &String, Room, &Room, SocketId);

impl<R: Into<Room>, const N: usize> IntoRooms for [R; N] {
    fn into_rooms(self) -> SmallVec<[Room; 2]> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<R: Into<Room>> IntoRooms for Vec<R> {
    fn into_rooms(self) -> SmallVec<[Room; 2]> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<R> IntoRooms for &[R]
where
    for<'a> &'a R: Into<Room>,
{
    fn into_rooms(self) -> SmallVec<[Room; 2]> {
        self.iter().map(Into::into).collect()
    }
}

impl<R> IntoRooms for &Vec<R>
where
    for<'a> &'a R: Into<Room>,
{
    fn into_rooms(self) -> SmallVec<[Room; 2]> {
        self.as_slice().into_rooms()
    }
}

type InForce = Pin<Box<dyn Future<Output = Result<(), EmitError>> + Send>>;

/// A change of membership: in order with the emits of the same thread, whether awaited or not (JOIN-1).
///
/// In a handler of the socket's own reactor it has taken effect on this node already. Awaiting it waits until it has in
/// any case, and until the cluster sends emits to a joined room to this node; not while the bus is away,
/// since nothing comes from it then.
pub struct Changed {
    outcome: Result<Option<PendingChange>, NotChanged>,
    /// The namespace in which rooms were joined.
    joined: Option<Arc<NamespaceCore>>,
    /// Made of the two when it is polled first, since most of them never are.
    waiting: Option<InForce>,
}

impl Changed {
    pub(super) fn new(
        outcome: Result<Option<PendingChange>, NotChanged>,
        joined: Option<Arc<NamespaceCore>>,
    ) -> Self {
        Self { outcome, joined, waiting: None }
    }

    /// Whether the change is made or on its way, without waiting.
    ///
    /// # Errors
    /// `RoomNameTooLong`; `Overloaded`, if the socket lives on another reactor whose queue is full; `TooManyRooms`, if it
    /// lives on this one and would be in more than it may. Nothing has changed then.
    pub fn result(&self) -> Result<(), EmitError> {
        self.outcome.as_ref().map(|_| ()).map_err(|error| EmitError::from(*error))
    }
}

impl Future for Changed {
    type Output = Result<(), EmitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { outcome, joined, waiting } = &mut *self;
        let waiting = waiting.get_or_insert_with(|| {
            let outcome = outcome.as_mut().map(Option::take).map_err(|error| *error);
            Box::pin(in_force(outcome, joined.take()))
        });
        waiting.as_mut().poll(cx)
    }
}

async fn in_force(
    outcome: Result<Option<PendingChange>, NotChanged>,
    joined: Option<Arc<NamespaceCore>>,
) -> Result<(), EmitError> {
    if let Some(done) = outcome? {
        // The shard died with the change in its queue.
        done.await.map_err(|_| EmitError::Overloaded)??;
    }
    if let Some(namespace) = joined {
        namespace.rooms.interest().synced().await;
    }
    Ok(())
}
