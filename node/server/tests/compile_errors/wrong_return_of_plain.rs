//= a handler cannot return `u64`
//= return nothing, or `Result<(), E>` where `E` can be displayed

use fanfare::{Data, Io};

fn main() {
    let io = Io::new();
    #[cfg(wrong)]
    io.on("double", |Data(n): Data<u64>| n * 2);
    #[cfg(not(wrong))]
    io.on("double", |Data(n): Data<u64>, ack: fanfare::Ack| ack.send(n * 2));
}
