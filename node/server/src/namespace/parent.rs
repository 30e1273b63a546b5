//! Parents: rules by which clients make namespaces, with the handlers that these get.

use std::any::Any;
use std::cell::Cell;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use parking_lot::Mutex;
use regex::Regex;
use serde::de::DeserializeOwned;

use super::core::NamespaceCore;
use crate::socket::{HandlerId, Handlers, Handshake, Link};

/// Parts of a namespace's name that its parent's pattern has names for, in the order of the pattern.
pub type NameParams = Vec<(Box<str>, Box<str>)>;

/// A client's attempt to enter a namespace that does not exist: what a predicate decides on.
#[derive(Clone)]
pub struct NamespaceAttempt {
    pub(crate) name: Arc<str>,
    pub(crate) auth: Option<Arc<str>>,
    pub(crate) link: Arc<Link>,
}

impl NamespaceAttempt {
    /// Name of the namespace, with its leading `/`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The payload with which the client connects (`auth` in its options); an empty object if it sent none.
    ///
    /// # Errors
    /// If the payload is no `T`.
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.auth.as_deref().unwrap_or("{}"))
    }

    /// The request that opened the client's connection.
    pub fn handshake(&self) -> &Handshake {
        &self.link.handshake
    }
}

impl std::fmt::Debug for NamespaceAttempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamespaceAttempt").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reason why something is not a pattern of namespaces.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamespacePatternError {
    /// Names of namespaces begin with `/`, so the pattern would match none.
    #[error("the pattern {0:?} must begin with a slash, as names of namespaces do")]
    NoSlash(String),
    /// The pattern is not one in the style of `/game/{{id}}`.
    #[error(
        "the pattern {pattern:?} is not valid: {reason}. `{{name}}` stands for one part between slashes, `{{*name}}` \
         for the rest, and braces that are meant are doubled"
    )]
    Invalid {
        /// The pattern.
        pattern: String,
        /// The fault.
        reason: String,
    },
    /// The pattern has no parameter: it is the name of one namespace, which `Io::of` declares.
    #[error("the pattern {0:?} has no parameter such as {{name}}: declare this one namespace with `Io::of`")]
    NoParameter(String),
    /// The regular expression is not valid, or too large.
    #[error("the regular expression is not valid: {0}")]
    Regex(String),
}

/// The future of a predicate. It stays on its reactor, so it need not be `Send`.
pub type Asked = Pin<Box<dyn Future<Output = Result<bool, String>>>>;

type Predicate = Box<dyn Fn(NamespaceAttempt) -> Asked + Send + Sync>;

enum Rule {
    Pattern(matchit::Router<()>),
    Regex(Regex),
    Predicate(Predicate),
}

/// Failure of a predicate.
pub(super) enum PredicateFailure {
    Returned(String),
    Panicked(Box<dyn Any + Send>),
}

/// A rule, and the handlers of the namespaces that clients make by it.
pub struct ParentCore {
    /// Name of the rule among the nodes of a cluster. Never begins with `/`, as names of namespaces do.
    key: Arc<str>,
    rule: Rule,
    /// Shared by the children that have declared nothing of their own.
    handlers: ArcSwap<Handlers>,
    /// The living children, by name. The lock is held while handlers are declared, so that every child gets all.
    children: Mutex<HashMap<Arc<str>, Arc<NamespaceCore>>>,
}

impl ParentCore {
    fn new(key: String, rule: Rule) -> Arc<Self> {
        Arc::new(Self { key: key.into(), rule, handlers: ArcSwap::default(), children: Mutex::default() })
    }

    /// A parent of the names that match a pattern such as `/game/{id}`.
    pub fn by_pattern(pattern: &str) -> Result<Arc<Self>, NamespacePatternError> {
        if !pattern.starts_with('/') {
            return Err(NamespacePatternError::NoSlash(pattern.to_owned()));
        }
        let mut router = matchit::Router::new();
        let invalid = |reason: String| NamespacePatternError::Invalid { pattern: pattern.to_owned(), reason };
        router.insert(pattern, ()).map_err(|error| invalid(error.to_string()))?;
        if router
            .at(&pattern.replace("{{", "{").replace("}}", "}"))
            .is_ok_and(|found| found.params.is_empty())
        {
            return Err(NamespacePatternError::NoParameter(pattern.to_owned()));
        }
        Ok(Self::new(format!("pattern:{pattern}"), Rule::Pattern(router)))
    }

    /// A parent of the names in which a regular expression finds something.
    pub fn by_regex(regex: &str) -> Result<Arc<Self>, NamespacePatternError> {
        let rule = Regex::new(regex).map_err(|error| NamespacePatternError::Regex(error.to_string()))?;
        Ok(Self::new(format!("regex:{regex}"), Rule::Regex(rule)))
    }

    /// A parent of the names that the program lets through; `number` tells it from others of its kind.
    pub fn by_predicate(
        number: usize,
        predicate: impl Fn(NamespaceAttempt) -> Asked + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::new(format!("predicate:{number}"), Rule::Predicate(Box::new(predicate)))
    }

    /// Name of the rule among the nodes of a cluster.
    pub fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// Parameters of a name that matches the rule. A predicate is not asked: it matches nothing by itself.
    pub(super) fn matches(&self, name: &str) -> Option<NameParams> {
        match &self.rule {
            Rule::Pattern(router) => {
                let found = router.at(name).ok()?;
                Some(found.params.iter().map(|(name, value)| (name.into(), value.into())).collect())
            }
            Rule::Regex(regex) => {
                let found = regex.captures(name)?;
                let named = regex.capture_names().enumerate().skip(1).filter_map(|(at, label)| {
                    let label = label.map_or_else(|| at.to_string(), str::to_owned);
                    Some((label.into(), found.get(at)?.as_str().into()))
                });
                Some(named.collect())
            }
            Rule::Predicate(_) => None,
        }
    }

    /// Whether it has to be asked.
    pub(super) fn is_predicate(&self) -> bool {
        matches!(self.rule, Rule::Predicate(_))
    }

    /// Asks the predicate; any other rule is not one.
    pub(super) async fn asks(&self, attempt: NamespaceAttempt) -> Result<bool, PredicateFailure> {
        let Rule::Predicate(predicate) = &self.rule else { return Ok(false) };
        let asked = AssertUnwindSafe(async { predicate(attempt).await }).catch_unwind().await;
        asked.map_err(PredicateFailure::Panicked)?.map_err(PredicateFailure::Returned)
    }

    /// The living children.
    pub fn children(&self) -> Vec<Arc<NamespaceCore>> {
        self.children.lock().values().cloned().collect()
    }

    /// The handlers of all children.
    pub fn handlers(&self) -> arc_swap::Guard<Arc<Handlers>> {
        self.handlers.load()
    }

    /// Changes the handlers of all children, of those that live and of those to come; its own first.
    pub fn declare(&self, change: impl Fn(&mut Handlers)) {
        // Dropped after the lock, with all that is removed: handlers hold values of the program, whose end may come back.
        let before;
        let children = self.children.lock();
        before = self.handlers.load_full();
        let mut after = Handlers::clone(&before);
        change(&mut after);
        let after = Arc::new(after);
        self.handlers.store(after.clone());
        children.values().for_each(|child| child.declare_as(&before, &after, &change));
    }

    /// Removes a handler that was declared here, also from all children. Returns whether it was here.
    pub fn remove_handler(&self, id: HandlerId) -> bool {
        let was_here = Cell::new(None);
        self.declare(|handlers| {
            if was_here.get() != Some(false) {
                let is_removed = handlers.remove(id).is_some();
                was_here.set(was_here.get().or(Some(is_removed)));
            }
        });
        was_here.get() == Some(true)
    }

    /// Takes a new child in, and gives it the handlers.
    pub(super) fn adopt(&self, child: &Arc<NamespaceCore>) {
        let mut children = self.children.lock();
        child.set_handlers(self.handlers.load_full());
        children.insert(child.shared_name().clone(), child.clone());
    }

    /// Forgets a child that has ended.
    pub(super) fn forget(&self, child: &NamespaceCore) {
        let mut children = self.children.lock();
        if children.get(child.name()).is_some_and(|known| std::ptr::eq(&**known, child)) {
            children.remove(child.name());
        }
    }
}

#[cfg(test)]
mod tests;
