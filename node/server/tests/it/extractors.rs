//! Extractors: everything that a handler can take, and what happens if it cannot be made.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use fanfare::http::HeaderMap;
use fanfare::{
    Ack, Auth, ConnectContext, Context, Data, DisconnectContext, DisconnectDetail, DisconnectReason,
    EventContext, EventName, Extension, FromContext, HandlerError, HandlerErrorKind, Handshake, HasEvent,
    HasSocket, HttpExtension, Io, MemoryHub, Namespace, Options, Rejection, RejectionKind, Socket, SocketId,
    State, TransportKind,
};

use crate::client::Client;
use crate::support::{eventually, serve};

fn options() -> Options {
    Options { reactors: 1, ..Options::default() }
}

type Errors = Arc<Mutex<Vec<HandlerError>>>;

/// Notes what the hook is told.
fn note_errors(io: &Io) -> Errors {
    let errors = Errors::default();
    let note = errors.clone();
    io.on_error(move |error| note.lock().unwrap().push(error.clone()));
    errors
}

/// The text of the panic that declaring a handler ends with.
fn panic_of<T>(declare: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(declare)).err().expect("a panic");
    *panic.downcast::<String>().expect("a text")
}

#[derive(Clone, PartialEq, Debug)]
struct Motto(&'static str);

#[derive(Clone)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn note(&self, what: &str) {
        self.0.lock().unwrap().push(what.to_owned());
    }
}

// Compatibility: io-is-main-namespace
#[tokio::test]
async fn every_kind_of_handler_takes_states_async_or_not() {
    let hub = MemoryHub::new(7);
    let heard = Heard(Arc::default());
    let node = || Io::builder().options(options()).bus(hub.bus()).state(Motto("never")).state(heard.clone());
    let (io, other) = (node().state(Motto("always")).build(), node().build());
    io.middleware(|State(heard): State<Heard>, State(motto): State<Motto>| -> Result<(), String> {
        assert_eq!(motto, Motto("always"), "the last one of a type counts");
        heard.note("middleware");
        Ok(())
    });
    io.middleware(async |State(heard): State<Heard>| {
        heard.note("async middleware");
        Ok::<(), String>(())
    });
    io.on_connect(|heard: State<Heard>| heard.note("connect"));
    io.on_connect(async |State(heard): State<Heard>| heard.note("async connect"));
    io.on_any(|State(heard): State<Heard>| heard.note("any"));
    io.on("event", |State(heard): State<Heard>| heard.note("event"));
    io.on("event", async |State(heard): State<Heard>, ack: Ack| {
        heard.note("async event");
        ack.send(())
    });
    io.on_connect(|socket: Socket| {
        socket.on("event", |State(heard): State<Heard>| heard.note("event of a socket"));
        socket.on_disconnect(|State(heard): State<Heard>| heard.note("disconnect of a socket"));
    });
    io.on_disconnecting(|State(heard): State<Heard>| heard.note("disconnecting"));
    io.on_disconnect(async |State(heard): State<Heard>| heard.note("async disconnect"));
    io.on_server_event("news", |State(heard): State<Heard>, namespace: Namespace| {
        heard.note(&format!("news in {}", namespace.name()));
    });
    let url = serve(&io).await;
    serve(&other).await;

    let mut client = Client::connect(&url).await;
    client.send(r#"27["event"]"#).await;
    assert_eq!(client.receive().await.text, "37[]");
    drop(client);
    let expected = [
        "middleware",
        "async middleware",
        "connect",
        "async connect",
        "any",
        "event",
        "async event",
        "event of a socket",
        "disconnecting",
        "async disconnect",
        "disconnect of a socket",
    ];
    eventually("all are told", || heard.0.lock().unwrap().len() >= expected.len()).await;
    assert_eq!(*heard.0.lock().unwrap(), expected);

    eventually("they know each other", || other.metrics().nodes.get() == 1).await;
    other.server_side_emit("news", ()).expect("a bus");
    eventually("it is told", || heard.0.lock().unwrap().len() > expected.len()).await;
    assert_eq!(heard.0.lock().unwrap().last().map(String::as_str), Some("news in /"));
    io.close().await;
    other.close().await;
}

#[tokio::test]
async fn a_state_that_is_missing_is_found_when_the_handler_is_declared() {
    let io = Io::builder().options(options()).state(7_u8).build();
    let expected = "this handler can never be called: the server was built without a state of type \
                    `it::extractors::Motto`: give it with `Io::builder().state(…)`";
    let motto = |_: State<Motto>| {};
    for told in [
        panic_of(|| io.on_connect(motto)),
        panic_of(|| io.middleware(|_: Socket, _: State<Motto>| Ok::<(), String>(()))),
        panic_of(|| io.on("event", async |_: Socket, _: State<u8>, _: State<Motto>| {})),
        panic_of(|| _ = io.of("/other").on_any(motto)),
        panic_of(|| io.on_disconnecting(motto)),
        panic_of(|| io.on_disconnect(motto)),
        panic_of(|| io.on_server_event("event", motto)),
    ] {
        assert_eq!(told, expected);
    }
    // Handlers that do without are declared, and those of a socket fail where they are declared, for all to read.
    io.on(
        "age",
        |State(age): State<u8>,
         motto: Option<State<Motto>>,
         error: Result<State<Motto>, Rejection>,
         ack: Ack| {
            let kind = error.map(drop).map_err(|error| error.kind());
            assert_eq!((motto.is_none(), kind), (true, Err(RejectionKind::Missing)));
            ack.send(age)
        },
    );
    io.on_connect(move |socket: Socket| socket.on("event", motto));
    let errors = note_errors(&io);
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send(r#"21["age"]"#).await;
    assert_eq!(client.receive().await.text, "31[7]");
    let told: Vec<_> = errors.lock().unwrap().drain(..).map(|error| (error.event, error.kind)).collect();
    assert_eq!(told, [("connect".to_owned(), HandlerErrorKind::Panicked(expected.to_owned()))]);
    drop(client);
    io.close().await;
}

/// Made of a state, without saying so beforehand.
struct Hidden;

impl<C: Context> FromContext<C> for Hidden {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        context.state::<Motto>().map(|_| Self)
    }
}

#[tokio::test]
async fn a_value_that_is_missing_at_a_call_is_an_error_of_the_program() {
    let io = Io::builder().options(options()).build();
    io.on("hidden", |_: Hidden| {});
    io.on("extension", async |_: Extension<Motto>| {});
    io.on("http extension", |_: HttpExtension<Motto>| {});
    let strict = io.of("/strict");
    strict.middleware(|_: Hidden| Ok::<(), String>(()));
    let returned = io.of("/returned");
    returned.middleware(|motto: Result<Extension<Motto>, Rejection>| motto.map(drop));
    let errors = note_errors(&io);
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for (event, cure) in [
        (
            "hidden",
            "the server was built without a state of type `it::extractors::Motto`: give it with `Io::builder().state(…)`",
        ),
        (
            "extension",
            "the socket keeps no value of type `it::extractors::Motto`: a middleware must have called `Socket::set_data`",
        ),
        (
            "http extension",
            "the handshake has no extension of type `it::extractors::Motto`: a layer around `Io::layer` must have inserted it",
        ),
    ] {
        client.send(&format!(r#"25["{event}"]"#)).await;
        assert_eq!(client.receive().await.text, "35[]", "{event}");
        let error = errors.lock().unwrap().pop().expect("an error");
        assert_eq!((error.event.as_str(), error.kind), (event, HandlerErrorKind::Missing(cure.to_owned())));
    }
    assert_eq!((io.metrics().handler_errors.get(), io.metrics().events_invalid.get()), (3, 0));

    // Clients need not know how the program is built.
    let refused = Err(r#"{"message":"internal server error"}"#.to_owned());
    assert_eq!(client.join("/strict", "").await, refused);
    let error = errors.lock().unwrap().pop().expect("an error");
    assert_eq!((error.event.as_str(), error.namespace.name()), ("middleware", "/strict"));
    assert!(matches!(error.kind, HandlerErrorKind::Missing(_)), "{error}");
    assert_eq!(client.join("/returned", "").await, refused);
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn a_handler_may_run_although_the_data_do_not_fit() {
    let io = Io::builder().options(options()).build();
    io.on("option", |data: Option<Data<u8>>, ack: Ack| ack.send(data.map(|Data(n)| n)));
    io.on("result", async |data: Result<Data<u8>, Rejection>, ack: Ack| match data {
        Ok(Data(n)) => ack.send(n),
        Err(rejection) => ack.send((format!("{:?}", rejection.kind()), rejection.to_string())),
    });
    io.on("auth", |auth: Option<Auth<u8>>, error: Result<Auth<u8>, Rejection>, ack: Ack| {
        ack.send((auth.is_none(), error.err().map(|error| format!("{:?} {error}", error.kind()))))
    });
    io.on("strict", |Data(_): Data<u8>| {});
    // A middleware that cannot be called refuses, and the client reads why.
    let strict = io.of("/strict");
    strict.middleware(|Auth(_): Auth<u8>| Ok::<(), String>(()));
    let errors = note_errors(&io);
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for (packet, answer) in [
        (r#"21["option",7]"#, "31[7]"),
        (r#"21["option",700]"#, "31[null]"),
        (r#"21["option"]"#, "31[null]"),
        (r#"21["result",7]"#, "31[7]"),
    ] {
        client.send(packet).await;
        assert_eq!(client.receive().await.text, answer, "{packet}");
    }
    client.send(r#"21["result","seven"]"#).await;
    let answer = client.receive().await.arguments();
    assert!(
        answer[0] == "Data" && answer[1].as_str().is_some_and(|text| text.contains("argument 1")),
        "{answer:?}"
    );
    client.send(r#"21["auth"]"#).await;
    let answer = client.receive().await.arguments();
    assert!(
        answer[0] == true && answer[1].as_str().is_some_and(|text| text.starts_with("Auth invalid auth"))
    );
    let refused = client.join("/strict", "").await.expect_err("a refusal");
    assert!(refused.contains("invalid auth payload"), "{refused}");
    assert!(errors.lock().unwrap().is_empty() && io.metrics().events_invalid.get() == 0);

    client.send(r#"21["strict","seven"]"#).await;
    assert_eq!(client.receive().await.text, "31[]");
    let error = errors.lock().unwrap().pop().expect("an error");
    assert!(matches!(error.kind, HandlerErrorKind::Rejected(_)), "{error}");
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn a_handler_takes_what_is_known_of_the_socket() {
    let io = Io::builder().options(options()).build();
    io.middleware(|socket: Socket, none: Option<Extension<Motto>>| {
        assert!(none.is_none() && socket.set_data(Motto("kept")).is_none());
        Ok::<(), String>(())
    });
    io.on(
        "socket",
        |socket: Socket, id: SocketId, namespace: Namespace, transport: TransportKind, io: Io, ack: Ack| {
            assert_eq!((socket.id(), namespace.name(), io.name()), (id, "/", "/"));
            ack.send((id, transport == TransportKind::WebSocket, io.local_sockets().len()))
        },
    );
    io.on("request", |handshake: Handshake, headers: HeaderMap, ack: Ack| {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header("host"), handshake.header("host"));
        ack.send((handshake.address.ip(), handshake.query_value("EIO"), header("x-motto")))
    });
    io.on(
        "extension",
        |Extension(motto): Extension<Motto>, http: Option<HttpExtension<SocketAddr>>, ack: Ack| {
            ack.send((motto.0, http.is_none()))
        },
    );
    let heard = Arc::new(Mutex::new(None));
    let note = heard.clone();
    io.on_disconnect(move |reason: DisconnectReason, DisconnectDetail(detail): DisconnectDetail| {
        *note.lock().unwrap() = Some((reason, detail));
    });
    let url = serve(&io).await;
    let stream = tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await.expect("a server");
    let mut client = Client::over_with(stream, "", &[("x-motto", "never")]).await;
    let id = client.enter().await;
    client.send(r#"21["socket"]"#).await;
    assert_eq!(client.receive().await.text, format!(r#"31["{id}",true,1]"#));
    client.send(r#"21["request"]"#).await;
    assert_eq!(client.receive().await.text, r#"31["127.0.0.1","4","never"]"#);
    client.send(r#"21["extension"]"#).await;
    assert_eq!(client.receive().await.text, r#"31["kept",true]"#);
    client.send("41").await;
    eventually("it has left", || heard.lock().unwrap().is_some()).await;
    let left = heard.lock().unwrap().take();
    assert_eq!(left, Some((DisconnectReason::ForcedServerClose, Some("packet out of order"))));
    drop(client);
    io.close().await;
}

/// Made of the contexts of single kinds of handlers, and of all those with an event.
#[derive(Debug, PartialEq)]
struct Kind(String);

impl FromContext<ConnectContext> for Kind {
    fn from_context(context: &ConnectContext) -> Result<Self, Rejection> {
        match context.auth() {
            "{}" => Ok(Self(format!("connect to {}", context.namespace().name()))),
            auth => Err(Rejection::new(format_args!("{auth} is not for me"))),
        }
    }
}

impl FromContext<EventContext> for Kind {
    fn from_context(context: &EventContext) -> Result<Self, Rejection> {
        let EventName(name) = EventName::from_context(context)?;
        assert_eq!(name, context.event());
        let query = context.handshake().query_value("transport");
        Ok(Self(format!("{name} with {}, {query:?}", context.arguments().len())))
    }
}

impl FromContext<DisconnectContext> for Kind {
    fn from_context(context: &DisconnectContext) -> Result<Self, Rejection> {
        Ok(Self(format!("{} {:?} {}", context.reason(), context.detail(), context.socket().is_connected())))
    }
}

#[tokio::test]
async fn an_extractor_of_the_program_sees_what_its_kind_of_handler_can_be_given() {
    let io = Io::builder().options(options()).build();
    let heard = Heard(Arc::default());
    let note = [(); 3].map(|()| heard.clone());
    let [connect, event, disconnect] = note;
    io.middleware(|_: Kind| Ok::<(), String>(()));
    io.on_connect(move |Kind(kind): Kind| connect.note(&kind));
    io.on("event", move |Kind(kind): Kind| event.note(&kind));
    io.on_disconnect(async move |Kind(kind): Kind| disconnect.note(&kind));
    let url = serve(&io).await;
    let refused = Client::open(&url).await.join("/", r#"{"a":1}"#).await;
    assert_eq!(refused, Err(r#"{"message":"{\"a\":1} is not for me"}"#.to_owned()));
    let mut client = Client::connect(&url).await;
    client.send(r#"2["event",1,2]"#).await;
    client.send("1").await;
    eventually("all are told", || heard.0.lock().unwrap().len() == 3).await;
    assert_eq!(
        *heard.0.lock().unwrap(),
        ["connect to /", r#"event with 2, Some("websocket")"#, "client namespace disconnect None false"]
    );
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn handlers_that_are_not_async_keep_the_order_fail_alone_and_answer() {
    let io = Io::builder().options(options()).build();
    let errors = note_errors(&io);
    io.on("add", |Data((a, b)): Data<(u32, u32)>, ack: Ack| ack.send(a + b));
    io.on("fail", |_: Socket| Err::<(), _>("not now"));
    io.on("panic", |_: Socket| panic!("not then"));
    io.on("todo", async || todo!());
    io.on("later", |socket: Socket| async move { socket.join("lobby").await });
    io.on("at once", |socket: Socket| socket.join("lobby"));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for n in 0..50 {
        client.send(&format!(r#"2{n}["add",{n},1]"#)).await;
    }
    for n in 0..50 {
        assert_eq!(client.receive().await.text, format!("3{n}[{}]", n + 1));
    }
    for (event, kind) in [
        ("fail", HandlerErrorKind::Returned("not now".to_owned())),
        ("panic", HandlerErrorKind::Panicked("not then".to_owned())),
        ("todo", HandlerErrorKind::Panicked("not yet implemented".to_owned())),
    ] {
        client.send(&format!(r#"23["{event}"]"#)).await;
        assert_eq!(client.receive().await.text, "33[]", "{event}");
        assert_eq!(errors.lock().unwrap().pop().map(|error| error.kind), Some(kind));
    }
    for event in ["later", "at once"] {
        client.send(&format!(r#"2["{event}"]"#)).await;
        eventually("it has joined", || io.local_rooms().iter().any(|room| room.to_string() == "lobby")).await;
        io.within("lobby").sockets_leave("lobby").await.expect("it leaves");
        eventually("it has left", || io.local_rooms().iter().all(|room| room.to_string() != "lobby")).await;
    }
    assert!(errors.lock().unwrap().is_empty());
    drop(client);
    io.close().await;
}
