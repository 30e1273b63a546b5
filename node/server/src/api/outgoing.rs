//! Handlers that are told of every event sent to one socket.

use super::handler::{Handler, callback};
use super::outcome::IntoOutcome;
use super::socket::Socket;
use crate::socket::{Declaration, HandlerId, OutgoingContext, ids};

impl Socket {
    /// Declares a handler that is told of every event sent to this client: by an emit to it or by a broadcast, of this
    /// node or another one. Not of acknowledgements, nor of volatile packets that were dropped.
    ///
    /// It takes what handlers of events take, but for [`Ack`](crate::Ack), and runs a moment after the packet was
    /// queued, outside of the code that emits; of a socket that middlewares have not let in yet it is told nothing. Sockets
    /// without such a handler cost nothing. Of a socket with `events_in_flight_max` unfinished handlers it is not told, and
    /// that is counted.
    #[track_caller]
    pub fn on_any_outgoing<P: 'static, H>(&self, handler: H) -> HandlerId
    where
        H: Handler<OutgoingContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        let id = self.declare(callback::<OutgoingContext, P, H>(&self.0.namespace.node, handler), |own| {
            &mut own.any_outgoing
        });
        self.0.outgoing_changed();
        id
    }

    /// The same, run before all others that are told of what is sent.
    #[track_caller]
    pub fn prepend_any_outgoing<P: 'static, H>(&self, handler: H) -> HandlerId
    where
        H: Handler<OutgoingContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        let declaration =
            Declaration::new(callback::<OutgoingContext, P, H>(&self.0.namespace.node, handler));
        let id = self.add(declaration, |own, declaration| own.any_outgoing.insert(0, declaration));
        self.0.outgoing_changed();
        id
    }

    /// Removes the handlers that are told of what is sent.
    pub fn off_any_outgoing(&self) {
        drop(self.0.declare(|handlers| std::mem::take(&mut handlers.any_outgoing)));
        self.0.outgoing_changed();
    }

    /// Ids of the handlers that are told of what is sent, in the order they run.
    pub fn listeners_any_outgoing(&self) -> Vec<HandlerId> {
        self.0.declare(|handlers| ids(&handlers.any_outgoing)).unwrap_or_default()
    }
}
