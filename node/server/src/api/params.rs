//! Parameters: the parts of a namespace's name that its parent's pattern has names for.

mod deserialize;

use serde::de::DeserializeOwned;

use self::deserialize::NameDeserializer;
use super::context::Context;
use super::extract::FromContext;
use super::namespace::Namespace;
use crate::socket::Rejection;

/// Parameters of the namespace's name: `tenant` of `/{tenant}` ([`Io::of_pattern`](crate::Io::of_pattern)), or the groups
/// of a regular expression.
///
/// A struct or a map takes them by name, a tuple or a list in the order of the pattern, and anything else the only one
/// that there is. Text becomes a number, a `bool` or a `char` where one is asked for.
#[derive(Clone, Debug)]
pub struct Params<T>(
    /// The parameters.
    pub T,
);

impl<C: Context, T: DeserializeOwned> FromContext<C> for Params<T> {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        let namespace = context.namespace();
        let params = T::deserialize(NameDeserializer(namespace.0.params()));
        params.map(Self).map_err(|error| {
            Rejection::new(format!("invalid parameters of the namespace {:?}: {error}", namespace.name()))
        })
    }
}

impl Namespace {
    /// A parameter of its name, as text: `tenant` of `/{tenant}`.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params().find(|(param, _)| *param == name).map(|(_, value)| value)
    }

    /// The parameters of its name, in the order of the pattern.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.params().iter().map(|(name, value)| (&**name, &**value))
    }
}
