//! Events of rooms, for the program.

use super::namespace::Namespace;
use crate::room::RoomEvents;

impl Namespace {
    /// Returns a stream of what happens to the rooms of this namespace from now on: rooms that come to be and go, sockets
    /// that join and leave them (JavaScript's `create-room`, `delete-room`, `join-room` and `leave-room` of the adapter).
    /// The room that is named after a socket is one of them.
    ///
    /// Of this node only, as in the official server: a room may have members on other nodes before it is
    /// [created](crate::RoomEvent::Created) here, and after it was deleted.
    ///
    /// Events of one room come in an order that can be replayed: `Created`, what members do, `Deleted`. Rooms and members
    /// of before are not told. Rooms that a middleware joins are told when the client is let in. A reader that is slow
    /// [misses](crate::RoomEvent::Missed) what exceeds `options().room_events_max`: it learns how many events that are,
    /// and should look at [`local_sockets`](Self::local_sockets) and their rooms again.
    ///
    /// The stream ends with the namespace. It may be read on any thread; nothing waits for it.
    ///
    /// ```no_run
    /// # use fanfare::{Io, RoomEvent};
    /// # async fn example(io: Io) {
    /// let mut events = io.of("/chat").room_events();
    /// tokio::spawn(async move {
    ///     while let Some(event) = events.next().await {
    ///         match event {
    ///             RoomEvent::Created { room } => println!("{room} begins"),
    ///             RoomEvent::Joined { room, socket } => println!("{socket} is in {room}"),
    ///             RoomEvent::Left { room, socket } => println!("{socket} has left {room}"),
    ///             RoomEvent::Deleted { room } => println!("{room} is empty"),
    ///             RoomEvent::Missed(events) => println!("{events} events were too many"),
    ///             _ => {}
    ///         }
    ///     }
    /// });
    /// # }
    /// ```
    pub fn room_events(&self) -> RoomEvents {
        self.0.rooms.events(|| {
            let sockets = self.0.sockets().into_iter();
            sockets.map(|socket| (socket.id, move || socket.is_in_own_room()))
        })
    }
}
