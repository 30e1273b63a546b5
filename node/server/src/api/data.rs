//! Data that the application keeps with a socket.

use serde::Serialize;

use super::error::EmitError;
use super::socket::Socket;
use fanfare_socketio::EncodeError;

impl Socket {
    /// Shares a value with everybody that fetches this socket, on any node:
    /// [`RemoteSocket::data`](super::RemoteSocket::data) there (JavaScript's `socket.data`). It replaces the value
    /// shared before, and must not contain bytes.
    ///
    /// # Errors
    /// If the value cannot be written as JSON, or is larger than `shared_data_bytes_max`: the value shared before stays.
    pub fn share(&self, value: impl Serialize) -> Result<(), EmitError> {
        let json = serde_json::to_string(&value).map_err(EncodeError::from)?;
        Ok(self.0.share_data(json.into())?)
    }

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
