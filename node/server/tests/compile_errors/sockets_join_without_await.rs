//= the `?` operator cannot be applied to type `Applied`
//= consider `await`ing on the `Future`

use fanfare::{Io, RequestError};

fn main() {
    let io = Io::new();
    io.on("all", async |io: Io| -> Result<(), RequestError> {
        #[cfg(wrong)]
        io.sockets_join("lobby")?;
        #[cfg(not(wrong))]
        io.sockets_join("lobby").await?;
        Ok(())
    });
}
