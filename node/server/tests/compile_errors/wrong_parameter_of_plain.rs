//= a handler of this kind cannot take a `&fanfare::Socket`
//= it is implemented for `fanfare::Socket`

use fanfare::{Io, Socket};

fn main() {
    let io = Io::new();
    #[cfg(wrong)]
    io.on("leave", |socket: &Socket| socket.disconnect());
    #[cfg(not(wrong))]
    io.on("leave", |socket: Socket| socket.disconnect());
}
