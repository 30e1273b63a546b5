//! Handlers of a parent one by one: running once, removal, and the events that have some.

use super::handler::{Handler, callback};
use super::outcome::IntoOutcome;
use super::parent::{ParentDeclared, ParentNamespace};
use crate::socket::{ConnectContext, Declaration, HandlerId, ids};

impl ParentNamespace {
    /// Declares a handler for the first client that is admitted to any child of this node from now on, as
    /// [`Namespace::once_connect`](crate::Namespace::once_connect).
    #[track_caller]
    pub fn once_connect<P: 'static, H>(&self, handler: H) -> ParentDeclared<'_>
    where
        H: Handler<ConnectContext, P>, // owns what it captures: `async move |…|`
        H::Output: IntoOutcome + 'static,
    {
        let declaration = Declaration::once(callback::<ConnectContext, P, H>(&self.node, handler));
        self.add(declaration, |handlers| &mut handlers.connect)
    }

    /// Removes a handler or middleware that was declared here, from all children, by its [`ParentDeclared::id`]. Returns
    /// whether it was there. Runs of it that have begun go on.
    pub fn remove_handler(&self, id: HandlerId) -> bool {
        self.parent.remove_handler(id)
    }

    /// Removes the handlers of an event that were declared here, from all children; those that a child has declared itself
    /// stay.
    pub fn off(&self, event: &str) {
        self.remove_all(self.listeners(event));
    }

    /// Removes the handlers of every event ([`on_any`](Self::on_any)) that were declared here, from all children.
    pub fn off_any(&self) {
        self.remove_all(self.listeners_any());
    }

    fn remove_all(&self, ids: Vec<HandlerId>) {
        for id in ids {
            self.parent.remove_handler(id);
        }
    }

    /// Names of the events that have handlers which were declared here, sorted.
    pub fn event_names(&self) -> Vec<String> {
        self.parent.handlers().event_names()
    }

    /// Ids of the handlers of an event that were declared here, in the order they run.
    pub fn listeners(&self, event: &str) -> Vec<HandlerId> {
        self.parent.handlers().ids_for(event)
    }

    /// Ids of the handlers of every event that were declared here, in the order they run.
    pub fn listeners_any(&self) -> Vec<HandlerId> {
        ids(&self.parent.handlers().any)
    }
}
