//! What all sockets of the interpreter share, and the handlers of a namespace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fanfare::{
    Ack, Arguments, ConnectError, DisconnectReason, EmitError, Io, Namespace, RoomEvent, RoomEvents, Socket,
    Value,
};
use futures_util::FutureExt;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use super::steps::Context;
use crate::contract::Spread;

/// Lists of steps.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Hooks {
    r#use: Vec<Vec<Value>>,
    connect: Vec<Value>,
    disconnecting: Vec<Value>,
    disconnect: Vec<Value>,
}

/// Profile and namespace.
type Key = (String, String);

/// Gates, and what the servers saw.
#[derive(Default)]
pub struct Interpreter {
    gates: Mutex<HashMap<String, watch::Sender<bool>>>,
    logs: Mutex<HashMap<Key, Vec<Json>>>,
    /// Events of rooms that have not been asked for.
    rooms: Mutex<HashMap<Key, RoomEvents>>,
}

impl Interpreter {
    /// A gate is closed until it is opened, and open from then on.
    pub fn gate(&self, name: &str) -> watch::Sender<bool> {
        locked(&self.gates).entry(name.to_owned()).or_default().clone()
    }

    pub fn log(&self, profile: &str, namespace: &str) -> Vec<Json> {
        locked(&self.logs).get(&(profile.to_owned(), namespace.to_owned())).cloned().unwrap_or_default()
    }

    pub fn write(&self, key: &Key, entry: Json) {
        locked(&self.logs).entry(key.clone()).or_default().push(entry);
    }

    /// Notes events of a namespace's rooms from now on.
    pub fn watch_rooms(&self, key: &Key, events: RoomEvents) {
        locked(&self.rooms).insert(key.clone(), events);
    }

    /// What happened to the rooms since the last call: event of the official adapter, room, socket.
    pub fn room_events(&self, key: &Key) -> Vec<Vec<String>> {
        let mut rooms = locked(&self.rooms);
        let Some(events) = rooms.get_mut(key) else { return Vec::new() };
        let told = std::iter::from_fn(|| events.next().now_or_never().flatten());
        told.map(|event| match event {
            RoomEvent::Created { room } => vec!["create-room".to_owned(), room.to_string()],
            RoomEvent::Deleted { room } => vec!["delete-room".to_owned(), room.to_string()],
            RoomEvent::Joined { room, socket } => {
                vec!["join-room".to_owned(), room.to_string(), socket.to_string()]
            }
            RoomEvent::Left { room, socket } => {
                vec!["leave-room".to_owned(), room.to_string(), socket.to_string()]
            }
            other => vec![format!("{other:?}")],
        })
        .collect()
    }

    /// Declares a namespace with its handlers and hooks.
    pub fn declare(self: &Arc<Self>, profile: &str, io: &Io, name: &str, hooks: Hooks) {
        let key = (profile.to_owned(), name.to_owned());
        let (interpreter, server) = (self.clone(), io.clone());
        let context = move |socket: Socket, nsp: Namespace| Context {
            interpreter: interpreter.clone(),
            key: key.clone(),
            io: server.clone(),
            nsp,
            socket,
        };
        let namespace = io.of(name);
        for steps in hooks.r#use {
            let (context, steps) = (context.clone(), Arc::new(steps));
            namespace.middleware(async move |socket: Socket, nsp: Namespace| {
                context(socket, nsp).run(&steps).await.map(|_| ())
            });
        }
        let (entering, steps) = (context.clone(), Arc::new(hooks.connect));
        namespace.on_connect(async move |socket: Socket, nsp: Namespace| -> Result<(), String> {
            let context = entering(socket, nsp);
            context.log(json!({ "what": "connect" }));
            done(context.run(&steps).await)
        });
        let (leaving, steps) = (context.clone(), Arc::new(hooks.disconnecting));
        namespace.on_disconnecting(
            async move |socket: Socket, nsp: Namespace, reason: DisconnectReason| -> Result<(), String> {
                left(leaving(socket, nsp), "disconnecting", reason, &steps).await
            },
        );
        let (leaving, steps) = (context.clone(), Arc::new(hooks.disconnect));
        namespace.on_disconnect(
            async move |socket: Socket, nsp: Namespace, reason: DisconnectReason| -> Result<(), String> {
                left(leaving(socket, nsp), "disconnect", reason, &steps).await
            },
        );
        namespace.on("echo", async |socket: Socket, args: Arguments| {
            socket.emit("echo", Spread::made(values(&args)))
        });
        namespace.on("ack", async |args: Arguments, ack: Ack| ack.send(&args));
        namespace.on(
            "do",
            async move |socket: Socket, nsp: Namespace, args: Arguments, ack: Ack| -> Result<(), String> {
                let results =
                    context(socket, nsp).run(&values(&args)).await.map_err(|error| format!("{error:?}"))?;
                told(ack.send(Spread::made(results)))
            },
        );
    }
}

async fn left(context: Context, what: &str, reason: DisconnectReason, steps: &[Value]) -> Result<(), String> {
    context.log(json!({ "what": what, "reason": reason.as_str(), "rooms": context.socket.rooms() }));
    done(context.run(steps).await)
}

fn done(run: Result<Vec<Value>, ConnectError>) -> Result<(), String> {
    run.map(|_| ()).map_err(|error| format!("{error:?}"))
}

fn told(sent: Result<(), EmitError>) -> Result<(), String> {
    sent.map_err(|error| error.to_string())
}

/// The arguments of an event as values.
pub fn values(arguments: &Arguments) -> Vec<Value> {
    arguments.iter().map(|raw| raw.to_value().expect("a client's argument is a value")).collect()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
