//! Events whose names are unusual, and the handler that hears every event.

use std::sync::{Arc, Mutex, PoisonError};

use fanfare::{Ack, Arguments, EventName, Namespace, Socket};

use super::{Done, Spread};

/// The names that the official server listens to as well.
const NAMES: &str = include_str!("../../../judge/client/unusual-names.json");

pub(super) fn declare(namespace: &Namespace) {
    let names: Vec<String> = serde_json::from_str(NAMES).expect("a list of names");
    for name in names {
        let given = name.clone();
        namespace.on(&name, async move |args: Arguments, ack: Ack| {
            ack.send(Spread::of(&args, 0).after(given.as_str()))
        });
    }
    namespace.on("listen-any", async |socket: Socket, ack: Ack| -> Done {
        listen_any(&socket);
        ack.send(())
    });
}

/// Writes down every event of the socket from now on, and lets the socket ask for them.
fn listen_any(socket: &Socket) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = heard.clone();
    socket.on_any(async move |EventName(name): EventName, args: Arguments| {
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(Spread::of(&args, 0).after(name));
    });
    socket.on("heard-any", async move |ack: Ack| {
        let told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = told.len().saturating_sub(1);
        ack.send((&told[..before],))
    });
}
