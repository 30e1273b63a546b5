//! The sessions of one node, so that any HTTP request can find the one it names.

use std::collections::HashMap;
use std::sync::Arc;

use actix::Addr;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;

use super::admission::Admission;
use super::state::Connection;
use crate::ids::SessionId;
use crate::namespace::Registry;
use crate::node::Node;
use crate::outbox::Transcoder;
use crate::socket::Link;

/// Parts of the node that connections use.
pub struct Hub {
    /// Options, counters, identity.
    pub node: Arc<Node>,
    /// The namespaces that clients can enter.
    pub namespaces: Arc<Registry>,
    /// The sessions.
    pub sessions: Sessions,
    /// Present if the format of packets is not the default.
    pub transcoder: Option<Arc<Transcoder>>,
    /// Limits on new sessions.
    pub admission: Arc<Admission>,
}

/// One session that a request may name.
#[derive(Clone)]
pub struct Session {
    /// Actor of the connection.
    pub actor: Addr<Connection>,
    /// State that the sockets of the connection share.
    pub link: Arc<Link>,
}

/// Sessions by reactor and id.
pub struct Sessions(Box<[Mutex<HashMap<SessionId, Session, FxBuildHasher>>]>);

impl Sessions {
    /// No session.
    pub fn new(reactors: usize) -> Self {
        Self((0..reactors).map(|_| Mutex::default()).collect())
    }

    /// The session of that id.
    pub fn find(&self, id: SessionId) -> Option<Session> {
        self.0.get(id.reactor())?.lock().get(&id).cloned()
    }

    /// The session of that id, as text of a request.
    pub fn find_text(&self, id: &str) -> Option<Session> {
        self.find(SessionId::parse(id)?)
    }

    /// All of them.
    pub fn all(&self) -> Vec<Session> {
        self.pick(|session| Some(session.clone()))
    }

    /// Returns what `pick` takes of the sessions. `pick` must not use this object.
    pub fn pick<T>(&self, pick: impl Fn(&Session) -> Option<T>) -> Vec<T> {
        self.0
            .iter()
            .flat_map(|sessions| sessions.lock().values().filter_map(&pick).collect::<Vec<_>>())
            .collect()
    }

    /// Whether there is one like that. `is_it` must not use this.
    pub fn any(&self, is_it: impl Fn(&Session) -> bool) -> bool {
        self.0.iter().any(|sessions| sessions.lock().values().any(&is_it))
    }

    /// Number of sessions.
    pub fn count(&self) -> usize {
        self.0.iter().map(|sessions| sessions.lock().len()).sum()
    }

    pub(super) fn insert(&self, session: Session) {
        self.0[session.link.session.reactor()].lock().insert(session.link.session, session);
    }

    pub(super) fn remove(&self, id: SessionId) {
        self.0[id.reactor()].lock().remove(&id);
    }
}
