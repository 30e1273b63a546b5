//! Middlewares of events: order, refusal, change, and events that wait behind one that waits (ORDER-1).

use std::sync::Arc;

use bytes::Bytes;
use fanfare::{
    Ack, Arguments, Data, DisconnectReason, EventName, HandlerErrorKind, Io, Options, Rewrite, Socket,
    SocketError,
};
use tokio::sync::Semaphore;

use super::{Journal, server};
use crate::client::Client;
use crate::support::{eventually, nothing_stays, serve};

// Compatibility: socket-use
#[tokio::test]
async fn middlewares_of_the_namespace_and_then_of_the_socket_see_each_event_before_its_handlers() {
    let (io, journal) = (server(), Journal::default());
    let noting = |who: &'static str| {
        let journal = journal.clone();
        async move |EventName(name): EventName, arguments: Arguments| {
            journal.note(format!("{who} {name} {}", arguments.len()));
        }
    };
    io.event_middleware(noting("first")).event_middleware(noting("second"));
    let (third, own) = (noting("third"), noting("own"));
    let declare = std::sync::Mutex::new(Some((third, own)));
    io.on_connect(async move |socket: Socket| {
        let (third, own) = declare.lock().unwrap().take().expect("one client");
        socket.middleware(third);
        socket.on("event", own);
    });
    io.on_any(noting("any"));
    io.on("event", noting("handler"));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("2[\"event\",1,2]").await;
    client.send("2[\"unhandled\"]").await;
    eventually("both are handled", || journal.len() == 10).await;
    let seen = ["first", "second", "third", "any", "handler", "own"].map(|who| format!("{who} event 2"));
    let unhandled = ["first", "second", "third", "any"].map(|who| format!("{who} unhandled 0"));
    assert_eq!(journal.take(), [&seen[..], &unhandled[..]].concat());
    io.close().await;
}

// Compatibility: socket-use, socket-error-event
#[tokio::test]
async fn a_refused_event_has_no_handler_and_its_error_is_told_to_the_socket() {
    let (io, journal) = (server(), Journal::default());
    io.event_middleware(async |EventName(name): EventName, Data(n): Data<u32>| match (name.as_str(), n) {
        ("event", 0) => Err("zero".to_owned()),
        _ => Ok(()),
    });
    let note = journal.clone();
    io.on_any(async move |EventName(name): EventName, ack: Ack| {
        note.note(format!("handled {name}"));
        ack.send("handled")
    });
    let (note, own) = (journal.clone(), journal.clone());
    io.on_socket_error(async move |error: SocketError, EventName(name): EventName, arguments: Arguments| {
        note.note(format!("{error}; {name} {arguments:?}"));
    });
    io.on_connect(async move |socket: Socket| {
        let own = own.clone();
        // Answers a client that waits, where there is one.
        socket.on_error(async move |error: SocketError, ack: Ack| {
            own.note(format!("own: {error}"));
            ack.send(error.to_string())
        });
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("21[\"event\",0]").await;
    assert_eq!(client.receive().await.text, "31[\"event \\\"event\\\" was refused: zero\"]");
    client.send("22[\"event\",1]").await;
    assert_eq!(client.receive().await.text, "32[\"handled\"]");
    assert_eq!(
        journal.take(),
        [
            "event \"event\" was refused: zero; event [\"0\"]",
            "own: event \"event\" was refused: zero",
            "handled event"
        ]
    );
    assert_eq!(io.metrics().events_refused.get(), 1);
    assert_eq!(io.metrics().handler_errors.get(), 0, "a refusal is not a failure of a handler");
    io.close().await;
}

// Compatibility: socket-use-answer
#[tokio::test]
async fn a_client_that_waits_for_a_refused_event_is_answered_with_nothing() {
    let io = server();
    io.on("event", async |ack: Ack| ack.send("handled"));
    io.event_middleware(async || Err::<(), _>("no"));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("21[\"event\"]").await;
    assert_eq!(client.receive().await.text, "31[]");
    // A middleware that answers itself.
    let answering = io.of("/answering");
    answering.event_middleware(async |ack: Ack| {
        ack.send("not you").expect("a socket");
        Err::<(), _>("no")
    });
    client.join("/answering", "").await.expect("an open namespace");
    client.send("2/answering,2[\"event\"]").await;
    assert_eq!(client.receive().await.text, "3/answering,2[\"not you\"]");
    io.close().await;
}

#[tokio::test]
async fn a_middleware_that_panics_or_cannot_take_the_event_refuses_it() {
    let (io, journal) = (server(), Journal::default());
    io.event_middleware(async |Data(n): Data<u32>| assert!(n > 0, "zero"));
    io.on("event", async |ack: Ack| ack.send("handled"));
    let note = journal.clone();
    io.on_socket_error(async move |error: SocketError| note.note(error.to_string()));
    let errors = Journal::default();
    let note = errors.clone();
    io.on_error(move |error| {
        note.note(match &error.kind {
            HandlerErrorKind::Panicked(message) => format!("panicked {message}"),
            HandlerErrorKind::Rejected(_) => "rejected".to_owned(),
            other => other.to_string(),
        });
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("20[\"event\",\"text\"]").await;
    client.send("21[\"event\",0]").await;
    client.send("22[\"event\",1]").await;
    let answers = client.receive_many(3).await;
    assert_eq!(answers.map_texts(), ["30[]", "31[]", "32[\"handled\"]"]);
    assert_eq!(errors.take(), ["rejected", "panicked zero"]);
    let told = journal.take();
    assert!(told[0].contains("argument 1") && told[1].ends_with("a middleware panicked"), "{told:?}");
    assert_eq!(io.metrics().events_refused.get(), 2);
    io.close().await;
}

#[tokio::test]
async fn a_middleware_changes_an_event_for_all_that_come_after_it() {
    let io = server();
    io.event_middleware(async |EventName(name): EventName, Data(value): Data<Option<Bytes>>| {
        match (name.as_str(), value) {
            ("old", _) => Rewrite::new().event("new").arguments((1, "two")).map(Some),
            ("bytes", Some(bytes)) => {
                Rewrite::new().arguments(Bytes::from([&bytes[..], b"!"].concat())).map(Some)
            }
            _ => Ok(None),
        }
    });
    io.event_middleware(async |EventName(name): EventName| assert_ne!(name, "old"));
    io.on("new", async |Data((n, text)): Data<(u32, String)>, ack: Ack| ack.send((text, n)));
    io.on("bytes", async |Data(bytes): Data<Bytes>, ack: Ack| ack.send(bytes));
    io.on("same", async |arguments: Arguments, ack: Ack| ack.send(arguments));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("20[\"old\",null]").await;
    assert_eq!(client.receive().await.text, "30[\"two\",1]");
    client.feed("51-1[\"bytes\",{\"_placeholder\":true,\"num\":0}]").await;
    client.feed_binary(Bytes::from_static(b"raw")).await;
    client.flush().await;
    let answer = client.receive().await;
    assert_eq!(answer.attachments, [Bytes::from_static(b"raw!")]);
    client.send("22[\"same\",null,7]").await;
    assert_eq!(client.receive().await.text, "32[null,7]");
    io.close().await;
}

/// A server whose middleware waits for a permit before each event `slow`, and whose handlers note what they handle.
fn waiting_server(options: Options) -> (Io, Arc<Semaphore>, Journal) {
    let io = Io::builder().options(Options { reactors: 2, ..options }).build();
    let (permits, journal) = (Arc::new(Semaphore::new(0)), Journal::default());
    let wait = permits.clone();
    io.event_middleware(async move |EventName(name): EventName| {
        if name == "slow" {
            wait.acquire().await.expect("it stays open").forget();
        }
    });
    let note = journal.clone();
    io.on_any(async move |EventName(name): EventName, Data(n): Data<u32>| note.note(format!("{name} {n}")));
    (io, permits, journal)
}

// Compatibility: socket-use-order
#[tokio::test]
async fn later_events_do_not_overtake_one_whose_middleware_waits() {
    let (io, permits, journal) = waiting_server(Options::default());
    let url = serve(&io).await;
    let (mut client, mut other) = (Client::connect(&url).await, Client::connect(&url).await);
    for (event, n) in [("fast", 0), ("slow", 1), ("fast", 2), ("slow", 3), ("fast", 4)] {
        client.send(&format!("2[\"{event}\",{n}]")).await;
    }
    eventually("the first is handled, and the others wait", || {
        journal.len() == 1 && io.metrics().packets_received.of(fanfare::PacketType::Event).get() == 5
    })
    .await;
    // Another socket does not wait.
    other.send("2[\"fast\",9]").await;
    eventually("another socket is handled", || journal.len() == 2).await;
    assert_eq!(journal.take(), ["fast 0", "fast 9"]);
    permits.add_permits(1);
    eventually("everything up to the second one that waits", || journal.len() == 2).await;
    assert_eq!(journal.take(), ["slow 1", "fast 2"]);
    permits.add_permits(1);
    eventually("everything", || journal.len() == 2).await;
    assert_eq!(journal.take(), ["slow 3", "fast 4"]);
    drop((client, other));
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_middleware_may_wait_for_an_answer_of_the_client() {
    let io = server();
    io.event_middleware(async |socket: Socket| -> Result<(), fanfare::AckError> {
        match socket.emit_with_ack::<bool>("sure?", ()).await? {
            true => Ok(()),
            false => Err(fanfare::AckError::Timeout),
        }
    });
    io.on("event", async |ack: Ack| ack.send("handled"));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("25[\"event\"]").await;
    let asked = client.receive().await.text;
    let id = asked.strip_prefix('2').and_then(|asked| asked.strip_suffix("[\"sure?\"]")).expect("a question");
    client.send(&format!("3{id}[true]")).await;
    assert_eq!(client.receive().await.text, "35[\"handled\"]");
    io.close().await;
}

#[tokio::test]
async fn events_that_wait_behind_a_middleware_have_a_bound_and_the_client_is_read_no_further() {
    const MAX: usize = 4;
    const EVENTS: usize = 40;
    let options = Options { events_in_flight_max: MAX, ..Options::default() };
    let (io, permits, journal) = waiting_server(options);
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for n in 0..EVENTS {
        client.feed(&format!("2[\"slow\",{n}]")).await;
    }
    client.flush().await;
    let received = || io.metrics().packets_received.of(fanfare::PacketType::Event).get();
    eventually("as many wait as may", || received() >= MAX as u64).await;
    // Long enough for a server without the bound to have read them all: it answers another client meanwhile.
    io.on("ping", async |ack: Ack| ack.send(()));
    let mut other = Client::connect(&url).await;
    for _ in 0..10 {
        other.ask("ping").await;
    }
    let waiting: usize = io.observe().await.sockets.iter().map(|socket| socket.events_in_flight).sum();
    assert!((MAX..EVENTS).contains(&waiting) && received() < EVENTS as u64, "{waiting} {}", received());
    permits.add_permits(EVENTS);
    eventually("all are handled", || journal.len() == EVENTS).await;
    assert!(journal.take().iter().enumerate().all(|(n, line)| *line == format!("slow {n}")));
    io.close().await;
}

#[tokio::test]
async fn events_that_wait_when_the_socket_leaves_are_not_handled_and_leave_nothing_behind() {
    let (io, permits, journal) = waiting_server(Options::default());
    let note = journal.clone();
    io.on_disconnect(async move |reason: DisconnectReason| note.note(reason.as_str()));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    for n in 0..3 {
        client.send(&format!("2[\"slow\",{n}]")).await;
    }
    client.send("1").await;
    eventually("it has left", || journal.len() == 1).await;
    assert_eq!(journal.take(), ["client namespace disconnect"]);
    permits.add_permits(3);
    eventually("all three are counted", || io.metrics().late_packets.get() == 3).await;
    drop(client);
    nothing_stays(&io).await;
    assert_eq!(journal.len(), 0);

    // A middleware that disconnects its own socket.
    let strict = io.of("/strict");
    strict.event_middleware(async |socket: Socket| socket.disconnect());
    let note = journal.clone();
    strict.on_any(async move || note.note("handled"));
    let mut client = Client::connect(&url).await;
    client.join("/strict", "").await.expect("an open namespace");
    client.send("2/strict,[\"event\"]").await;
    assert_eq!(client.receive().await.text, "1/strict,");
    drop(client);
    nothing_stays(&io).await;
    assert_eq!(journal.take(), ["transport close"]);
    io.close().await;
}

// Compatibility: socket-error-event, reason-forced-close
#[tokio::test]
async fn a_packet_that_is_not_valid_is_an_error_of_the_sockets_before_they_leave() {
    let (io, journal) = (server(), Journal::default());
    let note = journal.clone();
    io.on_socket_error(async move |error: SocketError| note.note(format!("{error:?}")));
    let note = journal.clone();
    io.on_disconnect(async move |reason: DisconnectReason| note.note(reason.as_str()));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("2[\"event\"").await;
    eventually("both are told", || journal.len() == 2).await;
    assert_eq!(journal.take(), ["InvalidPacket", "forced close"]);
    io.close().await;
}

trait Texts {
    fn map_texts(&self) -> Vec<&str>;
}

impl Texts for Vec<crate::client::Packet> {
    fn map_texts(&self) -> Vec<&str> {
        self.iter().map(|packet| packet.text.as_str()).collect()
    }
}
