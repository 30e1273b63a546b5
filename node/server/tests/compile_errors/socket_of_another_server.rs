//= a handler of this kind runs for no socket
//= handlers of other servers' events can take

use fanfare::{Io, Namespace, Socket};

fn main() {
    let io = Io::new();
    #[cfg(wrong)]
    io.on_server_event("news", async |socket: Socket| socket.emit("news", ()));
    #[cfg(not(wrong))]
    io.on_server_event("news", async |namespace: Namespace| namespace.emit("news", ()));
}
