//! The namespaces of one node. Only those that the application declared exist.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::core::NamespaceCore;
use crate::node::Node;
use crate::socket::Failures;

/// Namespaces by name.
pub struct Registry {
    node: Arc<Node>,
    /// Shared by all of them.
    failures: Arc<Failures>,
    namespaces: RwLock<HashMap<Box<str>, Arc<NamespaceCore>>>,
}

impl Registry {
    /// A registry with the main namespace.
    pub fn new(node: Arc<Node>) -> Arc<Self> {
        let registry = Self { node, failures: Arc::default(), namespaces: RwLock::default() };
        registry.declare("/");
        Arc::new(registry)
    }

    /// The namespace of that name, made if it does not exist. A missing leading `/` is added.
    pub fn declare(&self, name: &str) -> Arc<NamespaceCore> {
        let name = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
        let mut namespaces = self.namespaces.write();
        let namespace = || {
            let namespace = NamespaceCore::new(&name, self.node.clone(), self.failures.clone());
            if let Some(cluster) = &self.node.cluster {
                cluster.serve(namespace.shared_name());
            }
            namespace
        };
        namespaces.entry(name.as_str().into()).or_insert_with(namespace).clone()
    }

    /// The namespace of that name, if it was declared.
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
