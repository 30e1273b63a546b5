//! Kills actors and holds work up, so that tests see supervision and bounds at work. Only with the feature `fault-injection`.

use super::io::Io;
use super::socket::Socket;
use crate::connection::CrashConnection;
use crate::namespace::CrashShardOf;
use crate::socket::CrashSocket;

impl Io {
    /// Makes the actor of a socket panic.
    pub fn kill_socket(&self, socket: &Socket) {
        if let Some(actor) = socket.0.actor() {
            actor.do_send(CrashSocket);
        }
    }

    /// Makes the actor of a socket's connection panic.
    pub fn kill_connection(&self, socket: &Socket) {
        if let Some(session) = self.inner.hub.sessions.find(socket.0.link.session) {
            session.actor.do_send(CrashConnection);
        }
    }

    /// Keeps answers from being compressed on other threads until the result is dropped; nothing while one is.
    pub fn hold_compression(&self) -> Option<impl Drop + use<>> {
        self.inner.service.compression.hold()
    }

    /// Makes the room shards of a namespace panic, on every reactor.
    pub fn kill_room_shards(&self, namespace: &str) {
        for supervisor in
            self.inner.hub.namespaces.find(namespace).iter().flat_map(|found| found.supervisors())
        {
            supervisor.do_send(CrashShardOf);
        }
    }
}
