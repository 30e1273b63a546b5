//= cannot infer type of the type parameter `E` declared on the enum `Result`

use fanfare::{EmitError, Io, Socket};

fn main() {
    let io = Io::new();
    #[cfg(wrong)]
    io.on("hello", async |socket: Socket| {
        socket.emit("hello", ())?;
        Ok(())
    });
    #[cfg(not(wrong))]
    io.on("hello", async |socket: Socket| -> Result<(), EmitError> {
        socket.emit("hello", ())?;
        Ok(())
    });
}
