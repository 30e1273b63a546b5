//= an acknowledgement cannot be read as `!`
//= the type of the answer must be told: `emit_with_ack::<String>(…)`

use fanfare::{AckError, Io, Socket};

fn main() {
    let io = Io::new();
    io.on("ask", async |socket: Socket| -> Result<(), AckError> {
        #[cfg(wrong)]
        let answer = socket.emit_with_ack("question", "why?").await?;
        #[cfg(not(wrong))]
        let answer = socket.emit_with_ack::<String>("question", "why?").await?;
        println!("{answer:?}");
        Ok(())
    });
}
