//= type annotations needed for `BroadcastAcks<_>`

use fanfare::{Io, EmitError};

fn main() {
    let io = Io::new();
    io.on("ask", async |io: Io| -> Result<(), EmitError> {
        #[cfg(wrong)]
        let answers = io.emit_with_ack("question", "why?").await?;
        #[cfg(not(wrong))]
        let answers = io.emit_with_ack::<String>("question", "why?").await?;
        println!("{:?}", answers.answers);
        Ok(())
    });
}
