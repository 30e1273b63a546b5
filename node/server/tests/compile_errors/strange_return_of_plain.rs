//= this is not a handler
//= it returns nothing, a `Result`, or a future of one of them

use fanfare::{Ack, Io};

struct Answer;

fn main() {
    let io = Io::new();
    #[cfg(wrong)]
    io.on("answer", |_: Ack| Answer);
    #[cfg(not(wrong))]
    io.on("answer", |_: Ack| drop(Answer));
}
