//= type annotations needed for `Result<_, AckError>`

use fanfare::{Io, Socket};

fn main() {
    let io = Io::new();
    io.on("ask", async |socket: Socket| {
        #[cfg(wrong)]
        let answer = socket.emit_with_ack("question", "why?").await;
        #[cfg(not(wrong))]
        let answer = socket.emit_with_ack::<String>("question", "why?").await;
        println!("{answer:?}");
    });
}
