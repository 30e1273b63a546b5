//= `motto` does not live long enough
//= argument requires that `motto` is borrowed for `'static`
//= owns what it captures: `async move |…|`

use fanfare::{Ack, Io};

fn main() {
    let io = Io::new();
    let motto = String::from("never");
    #[cfg(wrong)]
    io.on("motto", async |ack: Ack| ack.send(motto.as_str()));
    #[cfg(not(wrong))]
    io.on("motto", async move |ack: Ack| ack.send(motto.as_str()));
}
