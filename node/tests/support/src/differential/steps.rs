//! Steps carried out on our API; see `steps.mjs` and its twin `official-steps.mjs`.

use std::sync::Arc;
use std::time::Duration;

use fanfare::{
    AckError, Applied, Arguments, Broadcast, BroadcastAcks, ConnectError, Direct, EmitError, Io, Namespace,
    RequestError, Socket, TransportKind, Value,
};
use serde_json::{Value as Json, json};

use super::interpreter::{Interpreter, values};
use crate::contract::{Spread, handshake};

/// What a socket's steps know.
#[derive(Clone)]
pub struct Context {
    pub interpreter: Arc<Interpreter>,
    pub key: (String, String),
    pub io: Io,
    pub nsp: Namespace,
    pub socket: Socket,
}

/// What a call is made on.
enum Target {
    Socket(Socket),
    Direct(Direct),
    Broadcast(Broadcast),
    Namespace(Namespace),
    Io(Io),
    Interpreter,
}

/// Why a step has no result.
enum Failed {
    /// As an exception in JavaScript.
    Call,
    /// By `server.refuse`.
    Refused(ConnectError),
}

impl From<EmitError> for Failed {
    fn from(_: EmitError) -> Self {
        Self::Call
    }
}

impl From<RequestError> for Failed {
    fn from(_: RequestError) -> Self {
        Self::Call
    }
}

type Told = Result<Value, Failed>;

impl Context {
    pub fn log(&self, mut entry: Json) {
        entry["id"] = json!(self.socket.id());
        self.interpreter.write(&self.key, entry);
    }

    /// Carries steps out; nothing comes between two of them unless one waits.
    pub async fn run(&self, steps: &[Value]) -> Result<Vec<Value>, ConnectError> {
        let mut results = Vec::new();
        for step in steps {
            results.push(match self.step(step).await {
                Ok(told) => told,
                Err(Failed::Call) => object([("failed", Value::Bool(true))]),
                Err(Failed::Refused(error)) => return Err(error),
            });
        }
        Ok(results)
    }

    async fn step(&self, step: &Value) -> Told {
        let (base, calls) = list(step).split_first().expect("a step begins with its base");
        let mut target = match base.as_str().unwrap_or_default() {
            "socket" => Target::Socket(self.socket.clone()),
            "nsp" => Target::Namespace(self.nsp.clone()),
            "io" => Target::Io(self.io.clone()),
            _ => Target::Interpreter,
        };
        for call in calls {
            let (method, args) = list(call).split_first().expect("a call begins with its name");
            let method = method.as_str().unwrap_or_default();
            let args: Vec<Value> = args.iter().map(|arg| self.filled(arg)).collect();
            match operator(&target, method, &args) {
                Some(next) => target = next,
                None => return self.call(target, method, &args).await,
            }
        }
        Ok(Value::Null)
    }

    fn filled(&self, arg: &Value) -> Value {
        if arg.as_str() == Some("$id") { Value::String(self.socket.id().to_string()) } else { arg.clone() }
    }

    async fn call(&self, target: Target, method: &str, args: &[Value]) -> Told {
        match (target, method) {
            (Target::Interpreter, _) => self.interpreted(method, args).await,
            (target, "emit" | "send" | "write") => emit(target, method, args),
            (target, "emitWithAck" | "emitAck") => ask(target, method, args).await,
            (Target::Namespace(namespace), "watchRooms") => {
                self.interpreter.watch_rooms(&self.key, namespace.room_events());
                Ok(Value::Null)
            }
            (Target::Namespace(_), "roomEvents") => {
                let told = self.interpreter.room_events(&self.key).into_iter();
                let lines = told.map(|told| strings(told.iter()));
                Ok(Value::Array(lines.collect()))
            }
            (Target::Socket(socket), _) => self.on_socket(&socket, method, args),
            (target, _) => on_many(broadcast(target).ok_or(Failed::Call)?, method, args).await,
        }
    }

    async fn interpreted(&self, method: &str, args: &[Value]) -> Told {
        match method {
            "note" => self.log(json!({ "what": "note", "args": readable(args) })),
            "wait" => {
                self.wait(text(args)).await;
            }
            "refuse" => {
                let error = ConnectError::new(text(args));
                return Err(Failed::Refused(match args.get(1) {
                    Some(data) => error.with_data(data),
                    None => error,
                }));
            }
            _ => return Err(Failed::Call),
        }
        Ok(Value::Null)
    }

    /// Waits for a gate.
    pub async fn wait(&self, gate: &str) {
        let mut gate = self.interpreter.gate(gate).subscribe();
        gate.wait_for(|is_open| *is_open).await.expect("gates stay");
    }

    fn on_socket(&self, socket: &Socket, method: &str, args: &[Value]) -> Told {
        match method {
            "join" => socket.join(names(args)).result()?,
            "leave" => socket.leave(names(args)).result()?,
            "disconnect" if args == [Value::Bool(true)] => socket.disconnect_all(),
            "disconnect" => socket.disconnect(),
            "setData" => {
                socket.share(&args[0])?;
                socket.set_data(args[0].clone());
            }
            "closeConn" => socket.conn().close(),
            _ if self.listen(method, args) => {}
            _ => return self.of_socket(socket, method),
        }
        Ok(Value::Null)
    }

    /// Properties of a socket.
    fn of_socket(&self, socket: &Socket, property: &str) -> Told {
        Ok(match property {
            "id" => Value::String(socket.id().to_string()),
            "rooms" => object([("rooms", strings(socket.rooms().iter()))]),
            "data" => socket.data::<Value>().unwrap_or(Value::Object(Vec::new())),
            "connected" => Value::Bool(socket.is_connected()),
            "disconnected" => Value::Bool(!socket.is_connected()),
            "handshake" => serde_json::from_value(handshake(socket)).map_err(|_| Failed::Call)?,
            "protocol" => Value::Number(socket.conn().protocol().into()),
            "transport" => Value::String(transport(socket.transport()).to_owned()),
            _ => return Err(Failed::Call),
        })
    }
}

/// The next operator, if the call is one.
fn operator(target: &Target, method: &str, args: &[Value]) -> Option<Target> {
    macro_rules! operator {
        ($on:ident, $flags:path) => {
            match method {
                "to" | "in" => Some(Target::Broadcast($on.to(names(args)))),
                "except" => Some(Target::Broadcast($on.except(names(args)))),
                "local" => Some(Target::Broadcast($on.local())),
                "volatile" => Some($flags($on.volatile())),
                "compress" => Some($flags($on.compress(args[0] == Value::Bool(true)))),
                "timeout" => Some($flags($on.timeout(Duration::from_millis(number(args))))),
                _ => None,
            }
        };
    }
    match target {
        Target::Socket(socket) if method == "broadcast" => Some(Target::Broadcast(socket.broadcast())),
        // Including the socket itself if it is there, which the official operator never does.
        Target::Direct(direct) if method == "broadcast" => Some(Target::Broadcast(direct.broadcast())),
        Target::Socket(socket) => operator!(socket, Target::Direct),
        Target::Direct(direct) => operator!(direct, Target::Direct),
        Target::Broadcast(broadcast) => operator!(broadcast, Target::Broadcast),
        Target::Namespace(namespace) => operator!(namespace, Target::Broadcast),
        Target::Io(io) if method == "of" => Some(Target::Namespace(io.of(text(args)))),
        Target::Io(_) | Target::Interpreter => None,
    }
}

fn emit(target: Target, method: &str, args: &[Value]) -> Told {
    let (event, rest) = if method == "emit" { (text(args), &args[1..]) } else { ("message", args) };
    let arguments = Spread::made(rest.to_vec());
    match target {
        Target::Socket(socket) => socket.emit(event, arguments)?,
        Target::Direct(direct) => direct.emit(event, arguments)?,
        Target::Broadcast(broadcast) => broadcast.emit(event, arguments)?,
        Target::Namespace(namespace) => namespace.emit(event, arguments)?,
        Target::Io(_) | Target::Interpreter => return Err(Failed::Call),
    }
    Ok(Value::Null)
}

async fn ask(target: Target, method: &str, args: &[Value]) -> Told {
    let (event, arguments) = (text(args), Spread::made(args[1..].to_vec()));
    let answer: Result<Arguments, AckError> = match target {
        Target::Socket(socket) => socket.emit_with_ack(event, arguments).await,
        Target::Direct(direct) => direct.emit_with_ack(event, arguments).await,
        target => return ask_many(broadcast(target).ok_or(Failed::Call)?, event, arguments).await,
    };
    let timed_out = || object([("timedOut", Value::Bool(true))]);
    match answer {
        Ok(all) if method == "emitAck" => Ok(Value::Array(values(&all))),
        Ok(all) => Ok(object([("answer", values(&all).into_iter().next().unwrap_or_default())])),
        Err(AckError::Timeout | AckError::Disconnected) => Ok(timed_out()),
        Err(_) => Err(Failed::Call),
    }
}

async fn ask_many(broadcast: Broadcast, event: &str, arguments: Spread) -> Told {
    let answers: BroadcastAcks<Value> = broadcast.emit_with_ack(event, arguments).await?;
    let timed_out = Value::Bool(!answers.is_complete());
    Ok(object([("timedOut", timed_out), ("answers", Value::Array(answers.into_values()))]))
}

async fn on_many(broadcast: Broadcast, method: &str, args: &[Value]) -> Told {
    let applied: Applied = match method {
        "socketsJoin" => broadcast.sockets_join(names(args)),
        "socketsLeave" => broadcast.sockets_leave(names(args)),
        "disconnectSockets" => broadcast.disconnect_sockets(args == [Value::Bool(true)]),
        "fetchSockets" => return fetch(broadcast).await,
        _ => return Err(Failed::Call),
    };
    applied.await?;
    Ok(Value::Null)
}

async fn fetch(broadcast: Broadcast) -> Told {
    let found = broadcast.fetch_sockets().await?.into_value().into_iter().map(|socket| {
        object([
            ("id", Value::String(socket.id().to_string())),
            ("rooms", strings(socket.rooms().iter())),
            ("data", socket.data::<Value>().unwrap_or(Value::Object(Vec::new()))),
            ("auth", serde_json::from_str(socket.auth()).unwrap_or_default()),
        ])
    });
    Ok(object([("sockets", Value::Array(found.collect()))]))
}

fn broadcast(target: Target) -> Option<Broadcast> {
    match target {
        Target::Broadcast(broadcast) => Some(broadcast),
        Target::Namespace(namespace) => Some(namespace.compress(true)),
        _ => None,
    }
}

pub fn transport(kind: TransportKind) -> &'static str {
    match kind {
        TransportKind::Polling => "polling",
        TransportKind::WebSocket => "websocket",
    }
}

fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        _ => &[],
    }
}

/// The first argument, a text.
pub fn text(args: &[Value]) -> &str {
    args.first().and_then(Value::as_str).unwrap_or_default()
}

fn number(args: &[Value]) -> u64 {
    match args.first() {
        Some(Value::Number(number)) => number.as_u64().unwrap_or_default(),
        _ => 0,
    }
}

/// One name, or a list of names.
fn names(args: &[Value]) -> Vec<String> {
    match args.first() {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => vec![text(args).to_owned()],
    }
}

fn strings<'a, T: ToString + 'a>(names: impl Iterator<Item = &'a T>) -> Value {
    Value::Array(names.map(|name| Value::String(name.to_string())).collect())
}

/// Values for the log, with bytes made readable.
pub fn readable(values: &[Value]) -> Json {
    fn one(value: &Value) -> Json {
        match value {
            Value::Binary(bytes) => {
                json!({ "bytes": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() })
            }
            Value::Array(elements) => readable(elements),
            Value::Object(members) => {
                Json::Object(members.iter().map(|(key, value)| (key.clone(), one(value))).collect())
            }
            other => json!(other),
        }
    }
    Json::Array(values.iter().map(one).collect())
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
