//= a middleware cannot return `()`
//= return `Result<(), E>` where `E` is `ConnectError`, `Rejection`, `String` or `&str`

use fanfare::{Io, Socket};

fn main() {
    let io = Io::new();
    #[cfg(wrong)]
    io.middleware(async |socket: Socket| println!("{} wants to come in", socket.id()));
    #[cfg(not(wrong))]
    io.middleware(async |socket: Socket| {
        println!("{} wants to come in", socket.id());
        Ok::<(), String>(())
    });
}
