//= a handler of this kind cannot take a `fanfare::Ack`
//= `FromContext` lists everything that a handler can take

use fanfare::{Ack, Io, Socket};

fn main() {
    let io = Io::new();
    #[cfg(wrong)]
    io.on_connect(async |ack: Ack| ack.send("hello"));
    #[cfg(not(wrong))]
    io.on_connect(async |socket: Socket| socket.emit("hello", ()));
}
