//! The namespaces of one node: those that the program declared, and those that clients made by the rules of parents.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use parking_lot::{ReentrantMutex, RwLock};
use tracing::debug;

use super::core::{NamespaceCore, Origin};
use super::parent::{NameParams, NamespaceAttempt, ParentCore, PredicateFailure};
use super::presence::Visit;
use crate::metrics::Limit;
use crate::node::Node;
use crate::socket::{Failure, Failures, HandlerErrorKind};

type Hook = Arc<dyn Fn(Arc<NamespaceCore>) + Send + Sync>;

/// Namespaces by name.
pub struct Registry {
    this: Weak<Self>,
    node: Arc<Node>,
    /// Shared by all of them.
    failures: Arc<Failures>,
    namespaces: RwLock<HashMap<Arc<str>, Arc<NamespaceCore>>>,
    /// In the order of their declaration.
    parents: ArcSwap<Vec<Arc<ParentCore>>>,
    /// Told of each new namespace, before anybody enters it.
    hooks: ArcSwap<Vec<Hook>>,
    /// Held while a namespace is made and the hooks are told. A hook may make others.
    creation: ReentrantMutex<()>,
    /// Living namespaces that clients have made.
    children: AtomicUsize,
}

/// Reason why a client cannot enter, before any middleware is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEntry {
    /// There is no such namespace, and no parent makes it.
    Unknown,
    /// Clients have made as many namespaces as there may be.
    TooManyChildren,
    /// The name is longer than a client may choose.
    NameTooLong,
}

impl NoEntry {
    /// Message of the client's `connect_error`.
    pub fn message(self) -> &'static str {
        match self {
            Self::Unknown => "Invalid namespace",
            Self::TooManyChildren => "too many namespaces on this server",
            Self::NameTooLong => "the name of the namespace is too long",
        }
    }
}

/// Answer to a client that wants to enter.
pub enum Opening {
    /// It may, or not.
    Now(Result<Visit, NoEntry>),
    /// The program is asked.
    Later(Pin<Box<dyn Future<Output = Result<Visit, NoEntry>>>>),
}

impl Registry {
    /// A registry with the main namespace.
    pub fn new(node: Arc<Node>) -> Arc<Self> {
        let registry = Arc::new_cyclic(|this| Self {
            this: this.clone(),
            node,
            failures: Arc::default(),
            namespaces: RwLock::default(),
            parents: ArcSwap::default(),
            hooks: ArcSwap::default(),
            creation: ReentrantMutex::new(()),
            children: AtomicUsize::new(0),
        });
        registry.declare("/");
        registry
    }

    /// The namespace of that name, made if it does not exist. A missing leading `/` is added. It stays until it is
    /// closed.
    pub fn declare(&self, name: &str) -> Arc<NamespaceCore> {
        let slash = if name.starts_with('/') { "" } else { "/" };
        let name = format!("{slash}{name}");
        if let Some(namespace) = self.keep(&name) {
            return namespace;
        }
        let _creating = self.creation.lock();
        if let Some(namespace) = self.keep(&name) {
            return namespace;
        }
        let parents = self.parents.load_full();
        let parent =
            parents.iter().find_map(|parent| parent.matches(&name).map(|params| (parent.clone(), params)));
        self.make(&name, parent, true)
    }

    /// The namespace of that name, which stays from now on, if there is one.
    fn keep(&self, name: &str) -> Option<Arc<NamespaceCore>> {
        // Held meanwhile, so that it does not end as one that nobody keeps.
        let namespaces = self.namespaces.read();
        let namespace = namespaces.get(name)?.clone();
        if namespace.keep() {
            self.count_children(-1);
        }
        Some(namespace)
    }

    /// Makes a namespace. The caller holds `creation`, and knows that there is none of that name.
    fn make(
        &self,
        name: &str,
        parent: Option<(Arc<ParentCore>, NameParams)>,
        is_kept: bool,
    ) -> Arc<NamespaceCore> {
        let (parent, params) = parent.unzip();
        let origin = Origin {
            registry: self.this.clone(),
            parent: parent.clone(),
            params: params.unwrap_or_default(),
            is_kept,
        };
        let namespace = NamespaceCore::new(name, self.node.clone(), self.failures.clone(), origin);
        if !is_kept {
            self.count_children(1);
        }
        if let Some(parent) = &parent {
            parent.adopt(&namespace);
        }
        if let Some(cluster) = &self.node.cluster {
            // A child is not announced: other nodes know that this one has its parent.
            cluster.serve(namespace.shared_name(), parent.is_none());
        }
        self.namespaces.write().insert(namespace.shared_name().clone(), namespace.clone());
        if name != "/" {
            self.tell(&namespace);
        }
        namespace.open();
        namespace
    }

    fn tell(&self, namespace: &Arc<NamespaceCore>) {
        for hook in self.hooks.load_full().iter() {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| hook(namespace.clone()))) {
                self.report("new_namespace", HandlerErrorKind::panicked(&*panic));
            }
        }
    }

    fn count_children(&self, change: i64) {
        match change {
            1 => self.children.fetch_add(1, Relaxed),
            _ => self.children.fetch_sub(1, Relaxed),
        };
        self.node.metrics.child_namespaces.add(change);
    }

    /// Reports a failure of code of the program that concerns no namespace.
    fn report(&self, event: &str, kind: HandlerErrorKind) {
        if let Some(namespace) = self.find("/") {
            Failure { namespace, socket: None, event: event.to_owned(), kind }.report();
        }
    }

    /// Has something called with each namespace made from now on.
    pub fn on_new(&self, hook: impl Fn(Arc<NamespaceCore>) + Send + Sync + 'static) {
        let hook: Hook = Arc::new(hook);
        self.hooks.rcu(|hooks| hooks.iter().cloned().chain([hook.clone()]).collect::<Vec<_>>());
    }

    // Parents.

    /// Adds a parent behind those that there are. If there is one of the same rule, that one is returned.
    pub fn add_parent(&self, parent: Arc<ParentCore>) -> Arc<ParentCore> {
        let _creating = self.creation.lock();
        if let Some(known) = self.parent(parent.key()) {
            return known;
        }
        self.parents.rcu(|parents| parents.iter().cloned().chain([parent.clone()]).collect::<Vec<_>>());
        if let Some(cluster) = &self.node.cluster {
            cluster.serve(parent.key(), true);
        }
        parent
    }

    /// Adds a parent made with a number of its own.
    pub fn add_numbered_parent(&self, make: impl FnOnce(usize) -> Arc<ParentCore>) -> Arc<ParentCore> {
        let _creating = self.creation.lock();
        let number = self.parents.load().iter().filter(|parent| parent.is_predicate()).count();
        self.add_parent(make(number))
    }

    /// The parent of that rule.
    pub fn parent(&self, key: &str) -> Option<Arc<ParentCore>> {
        self.parents.load().iter().find(|parent| **parent.key() == *key).cloned()
    }

    /// All parents, in the order of their declaration.
    pub fn parents(&self) -> Arc<Vec<Arc<ParentCore>>> {
        self.parents.load_full()
    }

    // Clients.

    /// Whether there is a namespace of that name, or there are parents that could make it.
    pub fn may_have(&self, name: &str) -> bool {
        !self.parents.load().is_empty() || self.namespaces.read().contains_key(name)
    }

    /// A client wants to enter: finds the namespace, or makes it if a parent allows it.
    pub fn open(&self, attempt: NamespaceAttempt) -> Opening {
        if let Some(visit) = self.visit(&attempt.name) {
            return Opening::Now(Ok(visit));
        }
        let parents = self.parents.load_full();
        let max = self.node.options.limits.child_namespace_name_bytes_max;
        if max > 0 && attempt.name.len() > max {
            self.node.metrics.limits.of(Limit::NamespaceNames).increment();
            return Opening::Now(Err(NoEntry::NameTooLong));
        }
        for (at, parent) in parents.iter().enumerate() {
            if let Some(params) = parent.matches(&attempt.name) {
                return Opening::Now(self.enter_child(&attempt.name, parent, params));
            }
            if parent.is_predicate() {
                let Some(registry) = self.this.upgrade() else { break };
                let parents = parents.clone();
                return Opening::Later(Box::pin(async move {
                    registry.ask(&parents[at..], attempt).await.ok_or(NoEntry::Unknown)?
                }));
            }
        }
        Opening::Now(Err(NoEntry::Unknown))
    }

    /// Asks one parent after the other; `None` if none makes the namespace.
    async fn ask(
        &self,
        parents: &[Arc<ParentCore>],
        attempt: NamespaceAttempt,
    ) -> Option<Result<Visit, NoEntry>> {
        for parent in parents {
            let params = match parent.matches(&attempt.name) {
                Some(params) => params,
                None => match parent.asks(attempt.clone()).await {
                    Ok(true) => NameParams::new(),
                    Ok(false) => continue,
                    Err(failure) => {
                        self.report("of_matching", failure.into());
                        continue;
                    }
                },
            };
            return Some(self.enter_child(&attempt.name, parent, params));
        }
        None
    }

    /// A visit of the namespace of that name, if there is one.
    fn visit(&self, name: &str) -> Option<Visit> {
        // It is taken out of the table before it is closed.
        let visit = self.namespaces.read().get(name).and_then(Visit::begin)?;
        if !visit.namespace().is_open() {
            // The hooks are being told of it: their handlers come before its first client.
            drop(self.creation.lock());
        }
        Some(visit)
    }

    fn enter_child(
        &self,
        name: &str,
        parent: &Arc<ParentCore>,
        params: NameParams,
    ) -> Result<Visit, NoEntry> {
        let _creating = self.creation.lock();
        if let Some(visit) = self.visit(name) {
            return Ok(visit);
        }
        let max = self.node.options.limits.child_namespaces_max;
        if max > 0 && self.children.load(Relaxed) >= max {
            self.node.metrics.limits.of(Limit::ChildNamespaces).increment();
            debug!(name, max, "a client was refused: there are too many namespaces");
            return Err(NoEntry::TooManyChildren);
        }
        let child = self.make(name, Some((parent.clone(), params)), false);
        // A hook may have closed it at once.
        Visit::begin(&child).ok_or(NoEntry::Unknown)
    }

    // The end.

    /// Closes a namespace: nobody may enter it any more, and those in it are disconnected. Returns false if it was closed
    /// before, or is the main one, which stays.
    pub fn close(&self, namespace: &Arc<NamespaceCore>) -> bool {
        if namespace.name() == "/" {
            return false;
        }
        let mut namespaces = self.namespaces.write();
        let is_current = namespaces.get(namespace.name()).is_some_and(|known| Arc::ptr_eq(known, namespace));
        if !is_current {
            return false;
        }
        namespaces.remove(namespace.name());
        let was_empty = namespace.presence().close();
        drop(namespaces);
        if was_empty == Some(true) {
            namespace.end();
        }
        // The last one to leave ends it.
        namespace.sockets().iter().for_each(|socket| socket.disconnect(false));
        true
    }

    /// Ends a namespace if nobody is there. Returns whether it did.
    pub(super) fn close_if_empty(&self, namespace: &Arc<NamespaceCore>) -> bool {
        let mut namespaces = self.namespaces.write();
        let is_current = namespaces.get(namespace.name()).is_some_and(|known| Arc::ptr_eq(known, namespace));
        if !is_current || !namespace.may_end() || !namespace.presence().close_if_empty() {
            return false;
        }
        namespaces.remove(namespace.name());
        drop(namespaces);
        namespace.end();
        true
    }

    /// A namespace has ended.
    pub(super) fn ended(&self, namespace: &NamespaceCore) {
        if namespace.keep() {
            self.count_children(-1);
        }
        if let Some(cluster) = &self.node.cluster {
            cluster.unserve(namespace.shared_name());
        }
    }

    // The rest.

    /// The namespace of that name, if there is one.
    pub fn find(&self, name: &str) -> Option<Arc<NamespaceCore>> {
        self.namespaces.read().get(name).cloned()
    }

    /// Reaction to failures of handlers, for all namespaces.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<NamespaceCore>> {
        self.namespaces.read().values().cloned().collect()
    }
}

impl From<PredicateFailure> for HandlerErrorKind {
    fn from(failure: PredicateFailure) -> Self {
        match failure {
            PredicateFailure::Returned(error) => Self::Returned(error),
            PredicateFailure::Panicked(panic) => Self::panicked(&*panic),
        }
    }
}
