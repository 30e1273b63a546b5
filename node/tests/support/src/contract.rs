//! The contract server in Rust: the twin of `tests/judge/official-server.mjs`, where every namespace and event is
//! described. The same client scripts judge both.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use fanfare::{
    Ack, AckError, Arguments, Auth, BroadcastAcks, Bytes, ConnectError, Data, DisconnectReason, EmitError,
    Io, IoBuilder, Namespace, Options, Raw, Socket, Value,
};
use serde::ser::SerializeTuple;
use serde::{Serialize, Serializer};
use serde_json::json;

mod unusual;

const OPEN_NAMESPACES: [&str; 2] = ["/", "/custom"];
const TICKS_MAX: usize = 20_000;

/// A contract server that does not listen yet.
pub fn contract_server(options: Options) -> Io {
    contract_server_of(Io::builder().options(options))
}

/// The same from a builder, for a node of a cluster.
pub fn contract_server_of(builder: IoBuilder) -> Io {
    let io = builder.build();
    for name in ["/", "/custom", "/auth", "/slow", "/joiner"] {
        declare(&io, &io.of(name));
    }
    io.of("/auth").middleware(async |Auth(auth): Auth<serde_json::Value>| {
        if auth["token"] == "secret" {
            return Ok(());
        }
        Err(ConnectError::new("not authorized").with_data(json!({ "reason": "token" })))
    });
    io.of("/slow").middleware(async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        Ok::<_, ConnectError>(())
    });
    io.of("/joiner").middleware(async |socket: Socket, Auth(auth): Auth<serde_json::Value>| {
        socket.join("early").await.map_err(|error| error.to_string())?;
        socket.emit("from-middleware", "hello").map_err(|error| error.to_string())?;
        if auth["reject"] == true { Err("rejected".to_owned()) } else { Ok(()) }
    });
    io
}

/// Any number of arguments of any kind.
#[derive(Default)]
pub(crate) struct Spread(Vec<Item>);

#[derive(Serialize)]
#[serde(untagged)]
enum Item {
    Given(Raw),
    Made(serde_json::Value),
    Value(Value),
}

impl Spread {
    /// The arguments from position `from` on.
    fn of(arguments: &Arguments, from: usize) -> Self {
        Self(arguments.iter().skip(from).map(Item::Given).collect())
    }

    /// Arguments that are made here.
    pub(crate) fn made(values: Vec<Value>) -> Self {
        Self(values.into_iter().map(Item::Value).collect())
    }

    /// One more in front.
    fn after(mut self, first: impl Into<serde_json::Value>) -> Self {
        self.0.insert(0, Item::Made(first.into()));
        self
    }
}

impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|item| tuple.serialize_element(item))?;
        tuple.end()
    }
}

type Done = Result<(), EmitError>;
type Asked = Result<(), Box<dyn std::error::Error + Send + Sync>>;
type Names = Vec<String>;

fn declare(io: &Io, namespace: &Namespace) {
    declare_cheat_sheet(io, namespace);
    declare_targets(io, namespace);
    declare_flags(namespace);
    declare_acks(namespace);
    declare_socket(namespace);
    declare_stream(namespace);
    declare_crowd(namespace);
    declare_relay(namespace);
    unusual::declare(namespace);
}

fn declare_cheat_sheet(io: &Io, namespace: &Namespace) {
    namespace.on_connect(async |socket: Socket| socket.emit("welcome", socket.id()));
    namespace.on("to-sender", async |socket: Socket, args: Arguments, ack: Ack| -> Done {
        socket.emit("note", &args)?;
        ack.send(())
    });
    namespace.on("message", async |socket: Socket, args: Arguments, ack: Ack| -> Done {
        socket.send(&args)?;
        ack.send(())
    });
    namespace.on("emit-named", async |socket: Socket, args: Arguments, ack: Ack| -> Done {
        let (name,): (String,) = args.deserialize().unwrap_or_default();
        ack.send(socket.emit(&name, Spread::of(&args, 1)).is_ok())
    });
    namespace.on("to-others", async |socket: Socket, args: Arguments, ack: Ack| -> Done {
        socket.broadcast().emit("note", &args)?;
        ack.send(())
    });
    namespace.on("everybody", async |namespace: Namespace, args: Arguments, ack: Ack| -> Done {
        namespace.emit("note", &args)?;
        ack.send(())
    });
    namespace.on("local", async |namespace: Namespace, args: Arguments, ack: Ack| -> Done {
        namespace.local().emit("note", &args)?;
        ack.send(())
    });
    let server = io.clone();
    namespace.on("nsp-all", async move |Data((name,)): Data<(String,)>, args: Arguments, ack: Ack| -> Done {
        server.of(&name).emit("note", Spread::of(&args, 1))?;
        ack.send(())
    });
    let server = io.clone();
    let nsp_room =
        async move |Data((name, room)): Data<(String, String)>, args: Arguments, ack: Ack| -> Done {
            server.of(&name).to(room).emit("note", Spread::of(&args, 2))?;
            ack.send(())
        };
    namespace.on("nsp-room", nsp_room);
    let server = io.clone();
    namespace.on("fence", async move |args: Arguments, ack: Ack| -> Done {
        for name in OPEN_NAMESPACES {
            server.of(name).emit("fence", &args)?;
        }
        ack.send(())
    });
}

fn declare_targets(_: &Io, namespace: &Namespace) {
    /// Declares an event whose first arguments say for whom the others are.
    macro_rules! target {
        ($event:literal, $count:literal, ($($name:ident: $kind:ty),*), |$socket:ident, $nsp:ident| $operator:expr) => {
            namespace.on(
                $event,
                async |$socket: Socket, $nsp: Namespace, Data(($($name,)*)): Data<($($kind,)*)>, args: Arguments, ack: Ack| -> Done {
                    let _ = (&$socket, &$nsp);
                    $operator.emit("note", Spread::of(&args, $count))?;
                    ack.send(())
                },
            );
        };
    }
    target!("to-room", 1, (room: String), |socket, nsp| socket.to(room));
    target!("to-rooms", 1, (rooms: Names), |socket, nsp| socket.to(rooms));
    target!("to-rooms-chained", 1, (rooms: Names), |socket, nsp| socket.to(&rooms[0]).to(&rooms[1]));
    target!("to-rooms-except", 2, (rooms: Names, except: Names), |socket, nsp| socket.to(rooms).except(except));
    target!("to-others-except", 1, (except: Names), |socket, nsp| socket.broadcast().except(except));
    target!("in-room", 1, (room: String), |socket, nsp| nsp.within(room));
    target!("in-rooms", 1, (rooms: Names), |socket, nsp| nsp.within(rooms));
    target!("in-rooms-except", 2, (rooms: Names, except: Names), |socket, nsp| nsp.within(rooms).except(except));
    target!("except", 1, (except: Names), |socket, nsp| nsp.except(except));
    target!("local-to-room", 1, (room: String), |socket, nsp| socket.local().to(room));
    target!("to-id", 1, (id: String), |socket, nsp| nsp.to(id));
    target!("compress-false-room", 1, (room: String), |socket, nsp| nsp.compress(false).to(room));
}

fn declare_flags(namespace: &Namespace) {
    namespace.on("compress-false", async |socket: Socket, args: Arguments, ack: Ack| -> Done {
        socket.compress(false).emit("note", &args)?;
        ack.send(())
    });
    namespace.on("volatile", async |socket: Socket, args: Arguments, ack: Ack| -> Done {
        socket.volatile().emit("note", &args)?;
        ack.send(())
    });
    namespace.on(
        "volatile-burst",
        async |socket: Socket, Data((count,)): Data<(u32,)>, args: Arguments, ack: Ack| -> Done {
            for n in 0..count {
                socket.volatile().emit("note", Spread::of(&args, 1).after(n))?;
            }
            ack.send(())
        },
    );
    let burst_room =
        async |nsp: Namespace, Data((room, count)): Data<(String, u32)>, args: Arguments, ack: Ack| -> Done {
            for n in 0..count {
                nsp.to(&room).volatile().emit("note", Spread::of(&args, 2).after(n))?;
            }
            ack.send(())
        };
    namespace.on("volatile-burst-room", burst_room);
    namespace.on("volatile-after-emit", async |socket: Socket, ack: Ack| -> Done {
        socket.emit("note", "kept")?;
        socket.volatile().emit("note", "dropped")?;
        ack.send(())
    });
    namespace.on(
        "kept-operator",
        async |nsp: Namespace, Data((a, b)): Data<(String, String)>, ack: Ack| -> Done {
            let kept = nsp.to(&a);
            let wider = kept.to(&b);
            let narrower = kept.except(&b);
            kept.emit("note", 1)?;
            wider.emit("note", 2)?;
            narrower.emit("note", 3)?;
            kept.emit("note", 4)?;
            ack.send(())
        },
    );
}

fn declare_acks(namespace: &Namespace) {
    namespace.on("ack-me", async |args: Arguments, ack: Ack| ack.send(Spread::of(&args, 0).after("acked")));
    namespace.on("binary-echo", async |socket: Socket, args: Arguments, ack: Ack| -> Done {
        socket.emit("note", &args)?;
        ack.send(&args)
    });
    namespace.on(
        "emit-with-ack",
        async |socket: Socket, args: Arguments, ack: Ack| -> Result<(), AckError> {
            let answers: Arguments = socket.emit_with_ack("question", &args).await?;
            Ok(ack.send(&answers)?)
        },
    );
    let with_timeout = async |socket: Socket,
                              Data((ms,)): Data<(u64,)>,
                              args: Arguments,
                              ack: Ack|
           -> Result<(), AckError> {
        let answer: Result<Value, AckError> =
            socket.timeout(Duration::from_millis(ms)).emit_with_ack("question", Spread::of(&args, 1)).await;
        match answer {
            Ok(answer) => ack.send(object([("timedOut", Value::Bool(false)), ("answer", answer)]))?,
            Err(AckError::Timeout) => ack.send(json!({ "timedOut": true }))?,
            Err(other) => return Err(other),
        }
        Ok(())
    };
    namespace.on("emit-with-ack-timeout", with_timeout);
    let room_with_ack =
        async |nsp: Namespace, Data((room, ms)): Data<(String, u64)>, args: Arguments, ack: Ack| -> Done {
            let operator = nsp.to(room).timeout(Duration::from_millis(ms));
            let answers: BroadcastAcks<Value> =
                operator.emit_with_ack("question", Spread::of(&args, 2)).await?;
            let timed_out = Value::Bool(!answers.is_complete());
            ack.send(object([("timedOut", timed_out), ("answers", Value::Array(answers.into_values()))]))
        };
    namespace.on("room-with-ack", room_with_ack);
}

fn declare_socket(namespace: &Namespace) {
    namespace.on("join-rooms", async |socket: Socket, Data((rooms,)): Data<(Names,)>, ack: Ack| -> Done {
        socket.join(rooms).await?;
        ack.send(())
    });
    namespace.on("rooms", async |socket: Socket, ack: Ack| ack.send((socket.rooms(),)));
    namespace.on("data-set", async |socket: Socket, Data(value): Data<Value>, ack: Ack| -> Done {
        socket.share(&value)?;
        socket.set_data(value);
        ack.send(())
    });
    namespace.on("data-get", async |socket: Socket, ack: Ack| {
        ack.send(socket.data::<Value>().unwrap_or_default())
    });
    namespace.on("handshake", async |socket: Socket, ack: Ack| ack.send(handshake(&socket)));
    namespace.on("disconnect-me", async |socket: Socket, Data(close): Data<Option<bool>>| {
        if close == Some(true) { socket.disconnect_all() } else { socket.disconnect() }
    });
    namespace.on("disconnect-then-emit", async |socket: Socket, nsp: Namespace| -> Done {
        socket.disconnect();
        socket.join("ghosts").await?;
        assert!(matches!(socket.emit("note", "ghost"), Err(EmitError::Disconnected)));
        nsp.to(socket.id()).emit("note", "ghost")
    });
    namespace.on("watch", async |socket: Socket, ack: Ack| -> Done {
        socket.join("watchers").await?;
        ack.send(())
    });
    namespace.on_disconnecting(async |socket: Socket, nsp: Namespace, reason: DisconnectReason| {
        left(&nsp, &socket, "disconnecting", reason)
    });
    namespace.on_disconnect(async |socket: Socket, nsp: Namespace, reason: DisconnectReason| {
        left(&nsp, &socket, "disconnect", reason)
    });
}

fn left(nsp: &Namespace, socket: &Socket, phase: &str, reason: DisconnectReason) -> Done {
    let told = json!({ "phase": phase, "id": socket.id(), "reason": reason, "rooms": socket.rooms() });
    nsp.to("watchers").emit("left", told)
}

pub(crate) fn handshake(socket: &Socket) -> serde_json::Value {
    let handshake = socket.handshake();
    let issued = handshake.time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let mut headers = serde_json::Map::new();
    headers.extend(handshake.header("x-judge").map(|value| ("x-judge".to_owned(), value.into())));
    json!({
        "query": handshake.query().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "auth": serde_json::from_str::<serde_json::Value>(socket.auth()).expect("auth is JSON"),
        "url": handshake.url,
        "secure": handshake.is_secure(),
        "xdomain": handshake.is_cross_domain(),
        "issued": issued,
        "time": humantime::format_rfc3339_millis(handshake.time).to_string(),
        "address": handshake.address.ip().to_string(),
        "headers": headers,
    })
}

/// The stream of a socket: its number tells an old stream that it is over.
#[derive(Clone, Default)]
struct Stream {
    ticks: Arc<AtomicUsize>,
    running: Option<Arc<()>>,
}

fn declare_stream(namespace: &Namespace) {
    namespace.on("stream-start", async |socket: Socket, Data(ms): Data<u64>, ack: Ack| -> Done {
        let running = Arc::new(());
        let still_running = Arc::downgrade(&running);
        let ticks = Arc::new(AtomicUsize::new(0));
        socket.set_data(Stream { ticks: ticks.clone(), running: Some(running) });
        let ticking = socket.clone();
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(Duration::from_millis(ms));
            while still_running.upgrade().is_some()
                && ticking.is_connected()
                && ticks.load(Ordering::Relaxed) < TICKS_MAX
            {
                interval.tick().await;
                if still_running.upgrade().is_none() {
                    return;
                }
                let n = ticks.fetch_add(2, Ordering::Relaxed);
                let bytes = Bytes::from((n + 1).to_string());
                if ticking.emit("tick", n).and_then(|()| ticking.emit("tick", (n + 1, bytes))).is_err() {
                    return;
                }
            }
        });
        ack.send(())
    });
    namespace.on("stream-stop", async |socket: Socket, ack: Ack| {
        let stream = socket.take_data::<Stream>().unwrap_or_default();
        drop(stream.running);
        ack.send(stream.ticks.load(Ordering::Relaxed))
    });
}

fn declare_crowd(namespace: &Namespace) {
    namespace.on("fetch-sockets", async |nsp: Namespace, Data(room): Data<String>, ack: Ack| -> Asked {
        let found = nsp.to(room).fetch_sockets().await?.into_value().into_iter().map(|socket| {
            let rooms = socket.rooms().iter().map(|room| Value::String(room.to_string())).collect();
            object([
                ("id", Value::String(socket.id().to_string())),
                ("rooms", Value::Array(rooms)),
                ("data", socket.data::<Value>().unwrap_or_default()),
            ])
        });
        Ok(ack.send((Value::Array(found.collect()),))?)
    });
    namespace.on(
        "sockets-join",
        async |nsp: Namespace, Data((from, room)): Data<(String, String)>, ack: Ack| -> Asked {
            nsp.to(from).sockets_join(room).await?;
            Ok(ack.send(())?)
        },
    );
    namespace.on(
        "sockets-leave",
        async |nsp: Namespace, Data((from, room)): Data<(String, String)>, ack: Ack| -> Asked {
            nsp.to(from).sockets_leave(room).await?;
            Ok(ack.send(())?)
        },
    );
    namespace.on(
        "disconnect-sockets",
        async |nsp: Namespace, Data((room, close)): Data<(String, bool)>, ack: Ack| -> Asked {
            nsp.to(room).disconnect_sockets(close).await?;
            Ok(ack.send(())?)
        },
    );
    namespace.on("count", async |nsp: Namespace, Data(room): Data<Option<String>>, ack: Ack| -> Asked {
        let count = match room {
            Some(room) => nsp.to(room).count().await?,
            None => nsp.count().await?,
        };
        Ok(ack.send(count.into_value())?)
    });
    namespace.on("all-rooms", async |nsp: Namespace, ack: Ack| -> Asked {
        let rooms: BTreeMap<_, _> =
            nsp.rooms().await?.into_value().into_iter().map(|(room, n)| (room.to_string(), n)).collect();
        Ok(ack.send((rooms,))?)
    });
}

fn declare_relay(namespace: &Namespace) {
    namespace.on("join", async |socket: Socket, Data(room): Data<String>, ack: Ack| -> Done {
        socket.join(room).await?;
        ack.send(())
    });
    namespace.on("leave", async |socket: Socket, Data(room): Data<String>, ack: Ack| -> Done {
        socket.leave(room).await?;
        ack.send(())
    });
    namespace.on(
        "emit",
        async |nsp: Namespace, Data((room,)): Data<(String,)>, args: Arguments, ack: Ack| -> Done {
            nsp.within(room).emit("msg", (args.raw(1),))?;
            ack.send(())
        },
    );
    namespace.on("broadcast", async |nsp: Namespace, args: Arguments, ack: Ack| -> Done {
        nsp.emit("msg", (args.raw(0),))?;
        ack.send(())
    });
    namespace.on("echo", async |args: Arguments, ack: Ack| ack.send(&args));
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
