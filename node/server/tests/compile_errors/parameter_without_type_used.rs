//= type annotations needed

use fanfare::{Io, Socket};

fn main() {
    let io = Io::new();
    #[cfg(wrong)]
    io.on("hello", async |socket| socket.emit("hello", ()));
    #[cfg(not(wrong))]
    io.on("hello", async |socket: Socket| socket.emit("hello", ()));
}
