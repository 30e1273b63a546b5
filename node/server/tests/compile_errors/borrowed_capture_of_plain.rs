//= closure may outlive the current function, but it borrows `motto`
//= use the `move` keyword

use fanfare::{Ack, Io};

fn main() {
    let io = Io::new();
    let motto = String::from("never");
    #[cfg(wrong)]
    io.on("motto", |ack: Ack| ack.send(motto.as_str()));
    #[cfg(not(wrong))]
    io.on("motto", move |ack: Ack| ack.send(motto.as_str()));
}
