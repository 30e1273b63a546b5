//= cannot infer type of the type parameter `P` declared on the method `on`
//= FromContext<EventContext>

use fanfare::{Io, Socket};

fn main() {
    let io = Io::new();
    #[cfg(wrong)]
    io.on("hello", async |socket| {});
    #[cfg(not(wrong))]
    io.on("hello", async |_socket: Socket| {});
}
