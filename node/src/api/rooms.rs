//! Names of rooms as arguments, and the result of joining them.

use std::future::{IntoFuture, Ready, ready};

use smallvec::SmallVec;

use super::error::EmitError;
use crate::ids::{Room, SocketId};

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

/// A change of membership. It has taken effect on this node already; awaiting it waits until the rest of the
/// cluster knows (JOIN-1), and tells whether it could be made.
pub struct Changed(pub(super) Result<(), EmitError>);

impl Changed {
    /// Whether the change could be made on this node.
    ///
    /// # Errors
    /// `Overloaded`, if the socket lives on another reactor whose queue is full.
    pub fn result(self) -> Result<(), EmitError> {
        self.0
    }
}

impl IntoFuture for Changed {
    type Output = Result<(), EmitError>;
    type IntoFuture = Ready<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        ready(self.0)
    }
}
