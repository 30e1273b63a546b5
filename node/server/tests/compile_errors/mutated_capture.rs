//= this closure implements `FnMut`, not `Fn`
//= it mutates the variable `count` here

use std::sync::atomic::{AtomicU64, Ordering};

use fanfare::{Ack, Io};

fn main() {
    let io = Io::new();
    #[cfg(wrong)]
    {
        let mut count = 0;
        io.on("count", move |ack: Ack| {
            count += 1;
            ack.send(count)
        });
    }
    let count = AtomicU64::new(0);
    #[cfg(not(wrong))]
    io.on("count", move |ack: Ack| ack.send(count.fetch_add(1, Ordering::Relaxed) + 1));
}
