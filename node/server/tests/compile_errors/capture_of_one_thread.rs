//= cannot be sent between threads safely
//= Handler<EventContext

#[cfg(wrong)]
use std::rc::Rc as Shared;
#[cfg(not(wrong))]
use std::sync::Arc as Shared;

use fanfare::{Ack, Io};

fn main() {
    let io = Io::new();
    let motto = Shared::new(String::from("never"));
    io.on("motto", async move |ack: Ack| ack.send(motto.as_str()));
}
