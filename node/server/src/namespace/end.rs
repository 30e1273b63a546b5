//! The end of a namespace: when nobody was in it for a while, or when the program has closed it and everybody has left.
//!
//! Its actors end, its rooms take nothing any more, and no node sends it anything. Handles that the program keeps do nothing.

use std::sync::Arc;
use std::time::Instant;

use tracing::debug;

use super::core::NamespaceCore;
use crate::options::ms;
use crate::spawn;

/// A namespace that nobody is in.
#[derive(Debug, Default)]
pub(super) struct Idle {
    /// When the last one left.
    since: Option<Instant>,
    /// Whether a task waits for its time to be up.
    is_watched: bool,
}

impl NamespaceCore {
    /// Whether it ends once nobody was in it for a while.
    pub(super) fn may_end(&self) -> bool {
        self.parent().is_some() && !self.is_kept() && self.node.options.cleanup_empty_child_namespaces
    }

    /// The last client has left, or was not let in.
    pub(super) fn emptied(self: &Arc<Self>) {
        if !self.may_end() {
            return;
        }
        let mut idle = self.idle.lock();
        idle.since = Some(Instant::now());
        if !idle.is_watched {
            // Clients leave on reactors. If this one ends, so does the node.
            idle.is_watched = spawn::spawn(watch(self.clone()));
        }
    }

    /// Since when nobody is in it. `None` if somebody is: the watch is over then.
    fn idle_since(&self) -> Option<Instant> {
        let mut idle = self.idle.lock();
        let since = idle.since.filter(|_| self.presence().is_empty() && self.may_end());
        idle.is_watched = since.is_some();
        since
    }

    /// Everybody has left, and nobody may come.
    pub(super) fn end(self: &Arc<Self>) {
        debug!(namespace = self.name(), "namespace ended");
        if let Some(parent) = self.parent() {
            parent.forget(self);
        }
        self.rooms.end();
        self.dismiss_supervisors();
        if let Some(registry) = self.registry() {
            registry.ended(self);
        }
    }
}

/// Ends a namespace when nobody was in it for long enough.
async fn watch(namespace: Arc<NamespaceCore>) {
    let patience = ms(namespace.node.options.child_namespace_idle_ms);
    while let Some(since) = namespace.idle_since() {
        let end = since + patience;
        if Instant::now() < end {
            tokio::time::sleep_until(end.into()).await;
        } else if namespace.registry().is_none_or(|registry| registry.close_if_empty(&namespace)) {
            return;
        } else {
            tokio::task::yield_now().await;
        }
    }
}
