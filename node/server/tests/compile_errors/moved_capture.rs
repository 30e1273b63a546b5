//= this closure implements `AsyncFnOnce`, not `AsyncFn`
//= it moves the variable `motto` out of its environment

use fanfare::{Ack, Io};

fn main() {
    let io = Io::new();
    let motto = String::from("never");
    #[cfg(wrong)]
    io.on("motto", async move |ack: Ack| {
        let sent = motto;
        ack.send(sent)
    });
    #[cfg(not(wrong))]
    io.on("motto", async move |ack: Ack| {
        let sent = motto.clone();
        ack.send(sent)
    });
}
