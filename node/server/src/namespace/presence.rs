//! Presence of clients in a namespace: it does not end while anybody is in it, or on the way in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::core::NamespaceCore;

/// Set once nobody may enter any more.
const CLOSED: u64 = 1 << 63;

/// Number of visits, and whether there may be more.
#[derive(Debug, Default)]
pub(super) struct Presence(AtomicU64);

/// State that a visitor leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Others are there.
    Occupied,
    /// Nobody is there.
    Empty,
    /// Nobody is there, and nobody may come.
    Over,
}

impl Presence {
    /// Adds a visit; false if the namespace is closed.
    fn enter(&self) -> bool {
        let enter = |state| (state & CLOSED == 0).then_some(state + 1);
        self.0.fetch_update(SeqCst, SeqCst, enter).is_ok()
    }

    fn leave(&self) -> Left {
        match self.0.fetch_sub(1, SeqCst) - 1 {
            0 => Left::Empty,
            CLOSED => Left::Over,
            _ => Left::Occupied,
        }
    }

    /// Whether anybody is there.
    pub(super) fn is_empty(&self) -> bool {
        self.0.load(SeqCst) & !CLOSED == 0
    }

    /// Whether nobody may enter any more.
    pub(super) fn is_closed(&self) -> bool {
        self.0.load(SeqCst) & CLOSED != 0
    }

    /// Lets nobody in from now on. Returns whether nobody is there; `None` if it was closed before.
    pub(super) fn close(&self) -> Option<bool> {
        let before = self.0.fetch_or(CLOSED, SeqCst);
        (before & CLOSED == 0).then_some(before == 0)
    }

    /// The same if nobody is there; else nothing happens, and the result is false.
    pub(super) fn close_if_empty(&self) -> bool {
        self.0.compare_exchange(0, CLOSED, SeqCst, SeqCst).is_ok()
    }
}

/// One client in a namespace, from its CONNECT until its socket has ended. The namespace lives at least as long.
pub struct Visit(Arc<NamespaceCore>);

impl Visit {
    /// A visit of this namespace; `None` if it is closed.
    pub(super) fn begin(namespace: &Arc<NamespaceCore>) -> Option<Self> {
        namespace.presence().enter().then(|| Self(namespace.clone()))
    }

    /// The namespace.
    pub fn namespace(&self) -> &Arc<NamespaceCore> {
        &self.0
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        match self.0.presence().leave() {
            Left::Occupied => {}
            Left::Empty => self.0.emptied(),
            Left::Over => self.0.end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_visitor_of_a_closed_namespace_ends_it() {
        let presence = Presence::default();
        assert!(presence.enter() && presence.enter());
        assert_eq!(presence.leave(), Left::Occupied);
        assert!(!presence.close_if_empty());
        assert_eq!(presence.close(), Some(false));
        assert!(!presence.enter());
        assert_eq!(presence.leave(), Left::Over);
        assert_eq!(presence.close(), None);
    }

    #[test]
    fn a_namespace_that_is_closed_while_empty_lets_nobody_in() {
        let presence = Presence::default();
        assert!(presence.enter());
        assert_eq!(presence.leave(), Left::Empty);
        assert!(presence.close_if_empty());
        assert!(!presence.enter() && presence.is_closed() && presence.is_empty());
    }
}
