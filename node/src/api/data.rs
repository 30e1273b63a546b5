//! What the application keeps with a socket.

use super::socket::Socket;

impl Socket {
    /// Keeps a value with the socket, one for each type; returns the one it replaces.
    pub fn set_data<T: Clone + Send + Sync + 'static>(&self, value: T) -> Option<T> {
        self.0.with_data(|data| data.insert(value))
    }

    /// A copy of the value of that type.
    pub fn data<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.0.with_data(|data| data.get::<T>().cloned())
    }

    /// Changes the value of that type, made by `Default` if there is none. `change` must not touch the socket's data
    /// in any other way: they are locked while it runs.
    pub fn update_data<T, R>(&self, change: impl FnOnce(&mut T) -> R) -> R
    where
        T: Clone + Default + Send + Sync + 'static,
    {
        self.0.with_data(|data| change(data.get_or_insert_default::<T>()))
    }

    /// Takes the value of that type away.
    pub fn take_data<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.0.with_data(|data| data.remove::<T>())
    }
}
