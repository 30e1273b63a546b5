//= the `?` operator cannot be applied to type `Changed`
//= consider `await`ing on the `Future`

use fanfare::{Io, Socket};

fn main() {
    let io = Io::new();
    io.on("enter", async |socket: Socket| {
        #[cfg(wrong)]
        socket.join("lobby")?;
        #[cfg(not(wrong))]
        socket.join("lobby").await?;
        socket.emit("entered", ())
    });
}
