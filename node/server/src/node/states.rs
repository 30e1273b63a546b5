//! Values of the program that its handlers take, one of each type.

/// States of a server, one of each type. They are given with [`IoBuilder::state`](crate::IoBuilder::state), and stay the same
/// as long as the server lives.
#[derive(Clone, Debug, Default)]
pub struct States(http::Extensions);

impl States {
    /// Adds a state; one of the same type is replaced.
    pub(crate) fn insert<T: Clone + Send + Sync + 'static>(&mut self, state: T) {
        self.0.insert(state);
    }

    /// A clone of the state of that type.
    pub fn get<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.0.get().cloned()
    }
}
