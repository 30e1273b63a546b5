//! Handlers that fail: the hooks that are told, and the answer of a client that waits for an acknowledgement.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fanfare::{
    Ack, Auth, Data, EmitError, HandlerError, HandlerErrorKind, Io, MemoryHub, Options, Socket, SocketId,
};
use tokio::sync::Semaphore;

use crate::client::Client;
use crate::support::{eventually, nothing_stays, serve};

fn server() -> Io {
    Io::builder().options(Options { reactors: 2, ..Options::default() }).build()
}

/// True, but the compiler does not know.
fn is_broken() -> bool {
    Instant::now().elapsed() < Duration::MAX
}

// Hooks

type Errors = Arc<Mutex<Vec<HandlerError>>>;

/// Notes what the hook is told.
fn note_errors(io: &Io) -> Errors {
    let errors = Errors::default();
    let note = errors.clone();
    io.on_error(move |error| note.lock().unwrap().push(error.clone()));
    errors
}

/// The only error that was noted, taken out.
async fn only_one(errors: &Errors) -> HandlerError {
    eventually("a handler's error is told", || !errors.lock().unwrap().is_empty()).await;
    let mut errors = errors.lock().unwrap();
    let error = errors.remove(0);
    assert!(errors.is_empty(), "{errors:?}");
    error
}

fn id_of(error: &HandlerError) -> SocketId {
    error.socket.as_ref().expect("a handler of a socket").id()
}

#[tokio::test]
async fn a_hook_is_told_once_of_each_error_of_a_handler_with_socket_and_event() {
    let io = server();
    let errors = note_errors(&io);
    let of = io.of("/of");
    of.on("number", async |Data(_): Data<u32>| {});
    of.on("failing", async || Err::<(), _>("no such thing"));
    of.on("failing later", async || {
        tokio::task::yield_now().await;
        Err::<(), _>("no such thing later")
    });
    of.on("panicking", async || assert!(!is_broken(), "it is {}", "broken"));
    of.on("panicking later", async || {
        tokio::task::yield_now().await;
        assert!(!is_broken(), "it is broken later");
    });
    of.on("fine", async |ack: Ack| ack.send(()));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.join("/of", "").await.expect("an open namespace");
    let id = of.local_sockets()[0].id();

    for (event, kind) in [
        ("\"failing\"", HandlerErrorKind::Returned("no such thing".to_owned())),
        ("\"failing later\"", HandlerErrorKind::Returned("no such thing later".to_owned())),
        ("\"panicking\"", HandlerErrorKind::Panicked("it is broken".to_owned())),
        ("\"panicking later\"", HandlerErrorKind::Panicked("it is broken later".to_owned())),
    ] {
        client.send(&format!("2/of,[{event}]")).await;
        let error = only_one(&errors).await;
        assert_eq!((id_of(&error), error.namespace.name(), &error.kind), (id, "/of", &kind));
        assert_eq!(format!("\"{}\"", error.event), event);
    }
    client.send("2/of,[\"number\",\"three\"]").await;
    let error = only_one(&errors).await;
    assert!(matches!(&error.kind, HandlerErrorKind::Rejected(why) if why.contains("argument 1")));
    let told = error.to_string();
    assert!(told.starts_with(&format!("event \"number\" in namespace /of, socket {id}: ")), "{told}");
    assert!(told.contains("the handler was not called: argument 1"), "{told}");

    client.send("2/of,1[\"fine\"]").await;
    assert_eq!(client.receive().await.text, "3/of,1[]");
    assert!(errors.lock().unwrap().is_empty());
    let metrics = io.metrics();
    let counted = [&metrics.events_invalid, &metrics.handler_errors, &metrics.handler_panics];
    assert_eq!(counted.map(|counter| counter.get()), [1, 2, 2]);
    io.close().await;
}

#[tokio::test]
async fn a_hook_is_told_of_what_is_no_event_of_a_client_too() {
    let hub = MemoryHub::new(1);
    let node = || Io::builder().options(Options { reactors: 1, ..Options::default() }).bus(hub.bus()).build();
    let (io, other) = (node(), node());
    let errors = note_errors(&io);
    io.on_server_event("news", async |Data(_): Data<u32>| {});
    io.on_connect(async |Auth(_): Auth<Vec<u8>>| {});
    io.on_disconnecting(async || Err::<(), _>("not now"));
    io.on_disconnect(async || assert!(!is_broken(), "not then"));
    let strict = io.of("/strict");
    strict.middleware(async || -> Result<(), String> { panic!("not here") });
    let decent = io.of("/decent");
    decent.middleware(async || Err::<(), _>("not you"));
    let url = serve(&io).await;
    serve(&other).await;

    let mut client = Client::connect(&url).await;
    let id = io.local_sockets()[0].id();
    let error = only_one(&errors).await;
    assert_eq!((id_of(&error), error.event.as_str()), (id, "connect"));
    assert!(matches!(error.kind, HandlerErrorKind::Rejected(_)), "{error}");

    client.join("/decent", "").await.expect_err("a refusal, which is no failure");
    client.join("/strict", "").await.expect_err("a refusal");
    let error = only_one(&errors).await;
    assert_eq!((error.event.as_str(), error.namespace.name()), ("middleware", "/strict"));
    assert_eq!(error.kind, HandlerErrorKind::Panicked("not here".to_owned()));

    drop(client);
    eventually("both are told", || errors.lock().unwrap().len() == 2).await;
    let told: Vec<_> = errors.lock().unwrap().drain(..).collect();
    assert_eq!(told.iter().map(id_of).collect::<Vec<_>>(), [id; 2]);
    assert_eq!([&*told[0].event, &*told[1].event], ["disconnecting", "disconnect"]);
    assert_eq!(told[0].kind, HandlerErrorKind::Returned("not now".to_owned()));
    assert_eq!(told[1].kind, HandlerErrorKind::Panicked("not then".to_owned()));

    eventually("they know each other", || other.metrics().nodes.get() == 1).await;
    other.server_side_emit("news", "not a number").expect("a bus");
    let error = only_one(&errors).await;
    assert_eq!((error.event.as_str(), error.socket.is_none()), ("news", true));
    assert!(error.to_string().contains("sent by another server"), "{error}");
    io.close().await;
    other.close().await;
}

#[tokio::test]
async fn a_hook_that_panics_harms_nobody() {
    let io = server();
    io.on_error(|error| panic!("{error}"));
    let errors = note_errors(&io);
    io.on("number", async |Data(n): Data<u32>, ack: Ack| ack.send(n));
    io.on("panicking", async || assert!(!is_broken(), "it is broken"));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for n in 0..20 {
        client.send("2[\"number\",\"none\"]").await;
        client.send("2[\"panicking\"]").await;
        client.send(&format!("2{n}[\"number\",{n}]")).await;
        assert_eq!(client.receive().await.text, format!("3{n}[{n}]"));
    }
    // The next hook is told all the same.
    assert_eq!(errors.lock().unwrap().len(), 40);
    assert_eq!(io.metrics().handler_panics.get(), 20 + 40);
    assert_eq!(io.metrics().deaths.of(fanfare::Actor::Socket).get(), 0);
    drop(client);
    nothing_stays(&io).await;
    io.close().await;
}

/// Without a subscriber a stranger would see nothing of a handler that fails.
#[test]
fn examples_and_documents_show_what_is_logged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let examples = fs::read_dir(folder.join("examples")).expect("the examples");
    let examples = examples.map(|entry| entry.expect("an entry").path());
    let programs = examples.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    for program in programs.chain(["README.md", "docs/guide.md"].map(|page| folder.join("../..").join(page)))
    {
        let text = fs::read_to_string(&program).expect("text");
        assert!(text.contains("tracing_subscriber::"), "{program:?} installs no subscriber for the log");
    }
}

// Acknowledgements

/// Answer that the client gets for `event`; checks that nothing else follows.
async fn answer(client: &mut Client, event: &str) -> String {
    client.send(&format!("27[{event}]")).await;
    let answer = client.receive().await.text;
    client.send("28[\"fence\"]").await;
    assert_eq!(client.receive().await.text, "38[]", "a second answer to {event}");
    answer
}

#[tokio::test]
async fn a_client_is_answered_with_nothing_if_the_handler_fails() {
    let io = server();
    io.on("fence", async |ack: Ack| ack.send(()));
    io.on("rejecting", async |Data(n): Data<u32>, ack: Ack| ack.send(n));
    io.on("failing", async |_ack: Ack| Err::<(), _>("no such thing"));
    io.on("failing later", async |_ack: Ack| {
        tokio::task::yield_now().await;
        Err::<(), _>("no such thing")
    });
    io.on("panicking", async |_ack: Ack| assert!(!is_broken(), "it is broken"));
    io.on("failing after its answer", async |ack: Ack| -> Result<(), String> {
        ack.send("here").map_err(|error| error.to_string())?;
        Err("no such thing".to_owned())
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for (event, answered) in [
        ("\"rejecting\",\"three\"", "37[]"),
        ("\"rejecting\",3", "37[3]"),
        ("\"failing\"", "37[]"),
        ("\"failing later\"", "37[]"),
        ("\"panicking\"", "37[]"),
        ("\"failing after its answer\"", "37[\"here\"]"),
    ] {
        assert_eq!(answer(&mut client, event).await, answered, "to {event}");
    }
    io.close().await;
}

#[tokio::test]
async fn a_handler_that_fails_does_not_answer_for_another_one_that_can() {
    let io = server();
    let gate = Arc::new(Semaphore::new(0));
    let kept = Arc::new(Mutex::new(None));
    io.on("fence", async |ack: Ack| ack.send(()));
    // Of two handlers one cannot take the arguments, and the other answers later.
    let opened = gate.clone();
    for event in ["question", "unanswered", "unrelated"] {
        io.on(event, async |Data(n): Data<u32>, ack: Ack| ack.send(n));
    }
    io.on("question", async move |Data(text): Data<String>, ack: Ack| -> Result<(), EmitError> {
        opened.acquire().await.expect("an open semaphore").forget();
        ack.send(text)
    });
    // The other one forgets to answer.
    io.on("unanswered", async |_ack: Ack| tokio::task::yield_now().await);
    // The other one takes long, and cannot answer.
    let closed = gate.clone();
    io.on("unrelated", async move |_: Socket| drop(closed.acquire().await));
    // The answer is in other hands when the handler panics.
    let keep = kept.clone();
    io.on("handed on", async move |ack: Ack| {
        *keep.lock().unwrap() = Some(ack);
        assert!(!is_broken(), "it is broken");
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;

    assert_eq!(answer(&mut client, "\"unanswered\",\"text\"").await, "37[]");
    assert_eq!(answer(&mut client, "\"unrelated\",\"text\"").await, "37[]");

    client.send("27[\"question\",\"text\"]").await;
    client.send("28[\"fence\"]").await;
    assert_eq!(client.receive().await.text, "38[]", "the other handler had no chance to answer");
    gate.add_permits(2);
    assert_eq!(client.receive().await.text, "37[\"text\"]");

    client.send("27[\"handed on\"]").await;
    client.send("28[\"fence\"]").await;
    assert_eq!(client.receive().await.text, "38[]");
    assert_eq!(io.metrics().handler_panics.get(), 1);
    let ack = kept.lock().unwrap().take().expect("the handler kept it");
    ack.send("at last").expect("a client that waits");
    assert_eq!(client.receive().await.text, "37[\"at last\"]");

    // Nobody answers twice.
    client.send("28[\"fence\"]").await;
    assert_eq!(client.receive().await.text, "38[]");
    io.close().await;
}
