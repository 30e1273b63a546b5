//! Limits against abuse: below each nothing happens; beyond it a client that asks too much gets the documented answer,
//! or waits, and nobody else notices.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fanfare::{Ack, ClientLimits, Data, EmitError, Io, Limit, Options, Socket};
use fanfare_test_support::relay;

use crate::client::{Answer, Client, Http, Polling, head, hung_up};
use crate::support::{DEADLINE, eventually, judge, nothing_stays, serve};

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A server with such limits, an event `hello` that is answered, and one `note` whose numbers are kept in order.
fn limited(limits: ClientLimits, options: Options) -> (Io, Arc<Mutex<Vec<u32>>>) {
    let io = Io::builder().options(Options { reactors: 2, limits, ..options }).build();
    io.on("hello", async |ack: Ack| ack.send(()));
    let noted = Arc::new(Mutex::new(Vec::new()));
    let notes = noted.clone();
    io.on("note", async move |Data((n, _)): Data<(u32, String)>| {
        notes.lock().unwrap().push(n);
        Ok::<_, EmitError>(())
    });
    (io, noted)
}

/// Everything that the limits have counted.
fn counted(io: &Io) -> u64 {
    io.metrics().limits.get()
}

/// A handshake as from that address, over a connection of its own.
async fn handshake(url: &str, path: &str, more: &str) -> Answer {
    Http::connect(url).await.get_with(path, more).await
}

fn assert_refused(answer: &Answer, message: &str) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.body, format!("{{\"code\":4,\"message\":\"{message}\"}}"));
    let header = |name: &str| answer.headers.iter().find_map(|line| line.strip_prefix(name));
    let seconds: u32 = header("retry-after: ").expect("when to come again").parse().expect("seconds");
    assert!(seconds > 0);
    assert_eq!(header("content-type: "), Some("application/json"));
    assert_eq!(header("connection: "), Some("close"));
}

// Handshakes

#[tokio::test]
async fn a_handshake_beyond_the_connections_of_a_node_is_refused_until_somebody_goes() {
    let (io, _) = limited(ClientLimits { connections_max: 3, ..ClientLimits::default() }, Options::default());
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    let other = Client::connect(&url).await;
    let mut polling = Polling::connect(&url).await;
    assert_eq!(counted(&io), 0);
    for _ in 0..3 {
        assert_refused(&handshake(&url, POLLING, "").await, "too many connections");
        assert_refused(&handshake(&url, WEBSOCKET, UPGRADE).await, "too many connections");
    }
    assert_eq!((io.metrics().limits.of(Limit::Connections).get(), counted(&io)), (6, 6));
    assert_eq!(io.metrics().refusals.get(), 6);
    // Clients inside go on, and an upgrade takes no place of its own.
    client.ask("hello").await;
    let mut probe = Client::probe(&url, &polling.sid).await;
    probe.send_raw("2probe").await;
    assert_eq!(probe.raw().await.expect("an answer").to_text().expect("text"), "3probe");

    drop(other);
    eventually("it has gone", || io.metrics().connections.get() < 3).await;
    let again = Client::connect(&url).await;
    assert_refused(&handshake(&url, POLLING, "").await, "too many connections");
    // A session that the server ends has its place until it is gone: until its client answered the Close frame, or took
    // the last answer, or its time for that was over.
    for socket in io.local_sockets() {
        socket.disconnect_all();
    }
    while polling.poll().await.status == 200 {}
    eventually("they are disconnected", || io.metrics().connections.get() == 0).await;
    eventually_refused_no_more(&url, 3).await;
    assert_refused(&handshake(&url, POLLING, "").await, "too many connections");
    drop((again, client));
    io.close().await;
}

/// Takes so many places as they become free.
async fn eventually_refused_no_more(url: &str, places: usize) {
    let start = Instant::now();
    let mut taken = 0;
    while taken < places {
        assert!(start.elapsed() < DEADLINE, "{taken} of {places} places became free");
        match handshake(url, POLLING, "").await.status == 200 {
            true => taken += 1,
            false => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

#[tokio::test]
async fn handshakes_that_come_to_nothing_take_no_place() {
    const PLACES: usize = 2;
    let limits = ClientLimits { connections_max: PLACES, ..ClientLimits::default() };
    let (io, _) = limited(limits, Options::default());
    let url = serve(&io).await;
    for n in 1..=20 {
        // Refused after they were let in.
        let no_key = "connection: upgrade\r\nupgrade: websocket\r\n";
        assert_eq!(handshake(&url, WEBSOCKET, no_key).await.status, 400);
        assert_eq!(handshake(&url, "/socket.io/?EIO=3&transport=polling", "").await.status, 400);
        // Gone as soon as there is a WebSocket.
        let mut http = Http::connect(&url).await;
        http.write(head("GET", WEBSOCKET, UPGRADE).as_bytes()).await;
        assert!(http.hears_within(DEADLINE).await);
        drop(http);
        let metrics = io.metrics();
        eventually("it has come and gone", || metrics.connects.get() == n && metrics.connections.get() == 0)
            .await;
    }
    nothing_stays(&io).await;
    drop(Client::connect_many(&url, PLACES).await);
    assert_eq!(counted(&io), 0);
    io.close().await;
}

#[tokio::test]
async fn one_address_gets_so_many_connections_and_behind_a_proxy_each_client_has_its_own() {
    let limits = ClientLimits {
        connections_per_address_max: 2,
        trusted_proxies: vec!["127.0.0.0/8".into()],
        ..ClientLimits::default()
    };
    let (io, _) = limited(limits, Options::default());
    let addresses = Arc::new(Mutex::new(Vec::new()));
    let seen = addresses.clone();
    io.on_connect(async move |socket: Socket| {
        seen.lock().unwrap().push(socket.handshake().address.to_string());
        Ok::<_, EmitError>(())
    });
    let url = serve(&io).await;
    let from = |address: &str| format!("x-forwarded-for: {address}\r\n");
    for address in ["192.0.2.1", "8.8.8.8, 192.0.2.1", "2001:db8:1:2::3", "2001:db8:1:2:ffff::4"] {
        assert_eq!(handshake(&url, POLLING, &from(address)).await.status, 200);
    }
    assert_eq!(counted(&io), 0);
    for address in ["192.0.2.1", "192.0.2.2, 192.0.2.1", "2001:db8:1:2::9", "192.0.2.2, 192.0.2.1, 127.0.0.9"]
    {
        let refused = handshake(&url, POLLING, &from(address)).await;
        assert_refused(&refused, "too many connections from this address");
    }
    assert_eq!((io.metrics().limits.of(Limit::ConnectionsPerAddress).get(), counted(&io)), (4, 4));
    assert_eq!(handshake(&url, POLLING, &from("192.0.2.2")).await.status, 200);
    assert_eq!(handshake(&url, POLLING, &from("2001:db8:1:3::3")).await.status, 200);
    // The proxy itself, that tells nobody.
    let mut client = Client::connect(&url).await;
    client.ask("hello").await;
    assert!(addresses.lock().unwrap()[0].starts_with("127.0.0.1:"));
    io.close().await;
}

#[tokio::test]
async fn who_is_no_trusted_proxy_cannot_choose_an_address() {
    let limits = ClientLimits { connections_per_address_max: 2, ..ClientLimits::default() };
    let (io, _) = limited(limits, Options::default());
    let url = serve(&io).await;
    for n in 0..6 {
        let answer = handshake(&url, POLLING, &format!("x-forwarded-for: 192.0.2.{n}\r\n")).await;
        assert_eq!(answer.status, if n < 2 { 200 } else { 503 });
    }
    io.close().await;
}

#[tokio::test]
async fn handshakes_beyond_their_pace_are_refused_and_later_ones_are_not() {
    const PACE: u32 = 1;
    let limits = ClientLimits { handshakes_per_second: PACE, ..ClientLimits::default() };
    let (io, _) = limited(limits, Options::default());
    let start = Instant::now();
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    assert_eq!(counted(&io), 0);
    let (mut admitted, mut refused) = (1, 0);
    while refused < 20 {
        assert!(start.elapsed() < DEADLINE, "nothing is refused");
        match handshake(&url, POLLING, "").await {
            answer if answer.status == 200 => admitted += 1,
            answer => {
                assert_refused(&answer, "too many handshakes");
                refused += 1;
            }
        }
    }
    // A full bucket, and what has come since.
    let most = f64::from(PACE) * (start.elapsed().as_secs_f64() + 1.0);
    assert!(admitted >= PACE && f64::from(admitted) <= most, "{admitted} were admitted");
    assert_eq!((io.metrics().limits.of(Limit::Handshakes).get(), counted(&io)), (refused, refused));
    client.ask("hello").await;
    while handshake(&url, POLLING, "").await.status != 200 {
        assert!(start.elapsed() < DEADLINE, "nobody is let in any more");
    }
    io.close().await;
}

#[tokio::test]
async fn the_official_client_hears_of_a_refusal_and_comes_in_when_there_is_room() {
    // So that a judge that ends without a word is noticed soon.
    let options = Options { ping_interval_ms: 500, ping_timeout_ms: 2_400, ..Options::default() };
    let (io, _) = limited(ClientLimits { connections_max: 1, ..ClientLimits::default() }, options);
    let url = serve(&io).await;
    for mode in ["polling", "websocket", "upgrade"] {
        judge("crowded.mjs", &[&url, mode]).await;
        eventually("its clients have gone", || io.metrics().connections.get() == 0).await;
    }
    assert!(io.metrics().limits.of(Limit::Connections).get() >= 3);
    io.close().await;
}

// What one client sends

const NOTES: u32 = 40;

/// Events per second, of which the first few may come at once.
fn slow_events() -> ClientLimits {
    ClientLimits { events_per_second: 20, burst_ms: 200, ..ClientLimits::default() }
}

/// The least that `NOTES` events take at the pace of [`slow_events`].
fn at_least() -> Duration {
    Duration::from_millis(u64::from(NOTES - 6) * 1000 / 20)
}

#[tokio::test]
async fn a_websocket_client_that_sends_too_many_events_is_read_more_slowly_and_loses_none() {
    let (io, noted) = limited(slow_events(), Options::default());
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.ask("hello").await;
    assert_eq!(counted(&io), 0);
    let start = Instant::now();
    for n in 0..NOTES {
        client.feed(&format!("2[\"note\",{n},\"\"]")).await;
    }
    client.flush().await;
    // Others are served meanwhile.
    let mut other = Client::connect(&url).await;
    other.ask("hello").await;
    eventually("all are handled", || noted.lock().unwrap().len() == NOTES as usize).await;
    assert!(start.elapsed() >= at_least(), "they were handled in {:?}", start.elapsed());
    assert!(noted.lock().unwrap().iter().copied().eq(0..NOTES));
    let pauses = io.metrics().limits.of(Limit::Events).get();
    assert!((1..=u64::from(NOTES)).contains(&pauses) && counted(&io) == pauses, "{pauses} pauses");
    client.ask("hello").await;
    drop((client, other));
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_polling_client_that_sends_too_many_events_is_answered_later_and_loses_none() {
    // The wait is longer than the heartbeat, whose pong cannot be posted meanwhile; after it there is time to poll.
    let options = Options { ping_interval_ms: 1_000, ping_timeout_ms: 2_000, ..Options::default() };
    let (io, noted) = limited(slow_events(), options);
    let url = serve(&io).await;
    let mut client = Polling::connect(&url).await;
    let start = Instant::now();
    let body: Vec<String> = (0..2 * NOTES).map(|n| format!("42[\"note\",{n},\"\"]")).collect();
    assert_eq!(client.post(&body.join("\u{1e}")).await.status, 200);
    assert!(start.elapsed() >= 2 * at_least(), "they were handled in {:?}", start.elapsed());
    eventually("all are handled", || noted.lock().unwrap().len() == 2 * NOTES as usize).await;
    assert!(noted.lock().unwrap().iter().copied().eq(0..2 * NOTES));
    assert!(io.metrics().limits.of(Limit::Events).get() > 0);
    client.send("20[\"hello\"]").await;
    assert_eq!(client.receive().await, "30[]");
    io.close().await;
}

/// 8,000 bytes a second, of which the first 800 may come at once.
fn slow_bytes() -> ClientLimits {
    ClientLimits { bytes_per_second: 8_000, burst_ms: 100, ..ClientLimits::default() }
}

#[tokio::test]
async fn a_client_that_sends_too_many_bytes_is_read_more_slowly_and_loses_none() {
    let options = Options { max_payload_bytes: 10_000, ..Options::default() };
    let (io, noted) = limited(slow_bytes(), options);
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.ask("hello").await;
    assert_eq!(counted(&io), 0);
    let start = Instant::now();
    for n in 0..5 {
        client.feed(&format!("2[\"note\",{n},\"{}\"]", "x".repeat(4_000))).await;
    }
    client.flush().await;
    eventually("all are handled", || noted.lock().unwrap().len() == 5).await;
    // Four of them are paid for before the last one is read.
    let least = Duration::from_millis((4 * 4_000 - 800) * 1000 / 8_000);
    assert!(start.elapsed() >= least, "they were handled in {:?}", start.elapsed());
    assert_eq!(*noted.lock().unwrap(), [0, 1, 2, 3, 4]);
    let pauses = io.metrics().limits.of(Limit::Bytes).get();
    assert!(pauses >= 4 && counted(&io) == pauses, "{pauses} pauses");
    io.close().await;
}

#[tokio::test]
async fn attachments_count_as_bytes_and_not_as_events() {
    let limits = ClientLimits { bytes_per_second: 8_000, ..slow_events() };
    let (io, _) = limited(limits, Options { max_payload_bytes: 10_000, ..Options::default() });
    io.on("bytes", async |ack: Ack| ack.send(()));
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    let places: Vec<String> = (0..10).map(|n| format!("{{\"_placeholder\":true,\"num\":{n}}}")).collect();
    client.feed(&format!("510-0[\"bytes\",{}]", places.join(","))).await;
    for _ in 0..10 {
        client.feed_binary(vec![0; 400].into()).await;
    }
    client.flush().await;
    client.ask("hello").await;
    assert!(io.metrics().limits.of(Limit::Bytes).get() > 0);
    assert_eq!(io.metrics().limits.of(Limit::Events).get(), 0);
    io.close().await;
}

/// A server with such limits, where a pong is due a second after its ping: so long the client may be held up.
fn quick_heartbeat(limits: ClientLimits) -> (Io, Arc<Mutex<Vec<u32>>>) {
    let options = Options { ping_interval_ms: 100, ping_timeout_ms: 1_000, ..Options::default() };
    limited(limits, Options { max_payload_bytes: 40_000, ..options })
}

/// Answers pings until the event `hello`, sent with id 999999, is acknowledged. The number of pings.
async fn pings_until_greeted(client: &mut Client) -> usize {
    let (mut pings, start) = (0, Instant::now());
    loop {
        assert!(start.elapsed() < DEADLINE, "it is read no more");
        let message = client.raw().await.expect("the connection lives");
        match message.to_text().expect("text") {
            "2" => {
                pings += 1;
                client.send_raw("3").await;
            }
            "43999999[]" => return pings,
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_pause_longer_than_the_heartbeat_ends_nobody_and_pings_go_on_meanwhile() {
    let (io, noted) = quick_heartbeat(slow_bytes());
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    // 32,000 bytes are paid for after four seconds, four times as long as a pong may take.
    client.send(&format!("2[\"note\",1,\"{}\"]", "x".repeat(32_000))).await;
    client.feed("2[\"note\",2,\"\"]").await;
    client.feed("2999999[\"hello\"]").await;
    client.flush().await;
    assert!(pings_until_greeted(&mut client).await > 3);
    assert_eq!(*noted.lock().unwrap(), [1, 2]);
    // It has answered them all: nobody else is spared for it.
    let silent = Client::connect(&url).await;
    nothing_stays_but_who_answers(&io, &mut client).await;
    drop(silent);
    io.close().await;
}

#[tokio::test]
async fn pongs_that_stand_behind_many_short_pauses_are_not_missed() {
    let (io, noted) = quick_heartbeat(slow_events());
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    // Twice as long as usual, so that several pongs are due meanwhile.
    for n in 0..2 * NOTES {
        client.feed(&format!("2[\"note\",{n},\"\"]")).await;
    }
    client.feed("2999999[\"hello\"]").await;
    client.flush().await;
    assert!(pings_until_greeted(&mut client).await > 3);
    assert!(noted.lock().unwrap().iter().copied().eq(0..2 * NOTES));
    io.close().await;
}

/// Waits until one session is left, whose client goes on answering pings.
async fn nothing_stays_but_who_answers(io: &Io, client: &mut Client) {
    let start = Instant::now();
    while io.metrics().connections.get() > 1 {
        assert!(start.elapsed() < DEADLINE, "a client that answers no ping is kept");
        let message = client.raw().await.expect("the connection lives");
        assert_eq!(message.to_text().expect("text"), "2");
        client.send_raw("3").await;
    }
}

#[tokio::test]
async fn a_client_that_vanishes_while_it_is_not_read_is_noticed() {
    let (io, noted) = quick_heartbeat(slow_bytes());
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send(&format!("2[\"note\",1,\"{}\"]", "x".repeat(16_000))).await;
    eventually("it is paused", || counted(&io) == 1).await;
    // The connection stays, and nothing comes any more.
    nothing_stays(&io).await;
    assert_eq!(*noted.lock().unwrap(), [1]);
    drop(client);
    io.close().await;
}

// Rooms and namespaces

/// Pauses excuse missing pongs, and queued ones count: a body full of them must not keep a session for an hour.
#[tokio::test]
async fn a_polling_client_that_vanishes_while_its_post_is_read_slowly_is_noticed() {
    let options = Options {
        ping_interval_ms: 1_000,
        ping_timeout_ms: 1_000,
        polling_close_timeout_ms: 100,
        ..Options::default()
    };
    let (io, _) = limited(slow_events(), options);
    let url = serve(&io).await;
    let client = Polling::connect(&url).await;
    let body = vec!["3"; 50_000].join("\u{1e}");
    let mut http = Http::connect(&url).await;
    let length = format!("content-length: {}\r\n", body.len());
    http.write(format!("{}{body}", head("POST", &client.path(), &length)).as_bytes()).await;
    eventually("it is read more slowly", || io.metrics().limits.of(Limit::Events).get() > 0).await;
    drop((http, client));
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_socket_joins_no_more_rooms_than_it_may_and_is_told() {
    let (io, _) =
        limited(ClientLimits { rooms_per_socket_max: 3, ..ClientLimits::default() }, Options::default());
    io.on("join", async |socket: Socket, Data(rooms): Data<Vec<String>>, ack: Ack| {
        match socket.join(rooms).await {
            Ok(()) => ack.send("joined"),
            Err(error @ EmitError::TooManyRooms(_)) => ack.send(error.to_string()),
            Err(other) => Err(other),
        }
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    let refused = "30[\"too many rooms: a socket may be in 3\"]";
    let mut counted_so_far = 0;
    for (rooms, answer) in [
        ("[\"a\",\"b\"]", "30[\"joined\"]"),
        ("[\"b\",\"a\"]", "30[\"joined\"]"),
        // All of them or none.
        ("[\"c\",\"d\"]", refused),
        ("[\"c\",\"c\",\"a\"]", "30[\"joined\"]"),
        ("[\"d\"]", refused),
        ("[]", "30[\"joined\"]"),
    ] {
        client.send(&format!("20[\"join\",{rooms}]")).await;
        assert_eq!(client.receive().await.text, answer, "{rooms}");
        counted_so_far += u64::from(answer == refused);
        assert_eq!(
            (io.metrics().limits.of(Limit::Rooms).get(), counted(&io)),
            (counted_so_far, counted_so_far)
        );
    }
    // From another thread the answer comes when it was tried.
    let socket = io.local_sockets().pop().expect("it is connected");
    assert!(matches!(socket.join("d").await, Err(EmitError::TooManyRooms(_))));
    assert_eq!(socket.rooms().len(), 4, "three, and its own");
    io.to("a").sockets_join("d").await.expect("the node is alone").into_value();
    assert_eq!(socket.rooms().len(), 4);
    assert_eq!(io.metrics().limits.of(Limit::Rooms).get(), counted_so_far + 2);
    io.to("d").emit("ghost", ()).expect("an emit");
    socket.leave("a").await.expect("it leaves");
    socket.join("d").await.expect("there is room again");
    io.to("d").emit("in", ()).expect("an emit");
    assert_eq!(client.receive().await.text, "2[\"in\"]");
    // Another one has as much.
    let mut other = Client::connect(&url).await;
    other.send("20[\"join\",[\"x\",\"y\",\"z\"]]").await;
    assert_eq!(other.receive().await.text, "30[\"joined\"]");
    drop((client, other));
    nothing_stays(&io).await;
    io.close().await;
}

/// The default bound on the memory of a client's rooms.
#[tokio::test]
async fn a_client_fills_no_memory_with_rooms_by_default() {
    let (io, _) = limited(ClientLimits::default(), Options::default());
    io.on("join", async |socket: Socket, Data((prefix, count)): Data<(String, u32)>, ack: Ack| {
        let rooms: Vec<String> = (0..count).map(|n| format!("{prefix}{n:06}")).collect();
        match socket.join(rooms).await {
            Ok(()) => ack.send("joined"),
            Err(error) => ack.send(error.to_string()),
        }
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    let long = |bytes: usize| "x".repeat(bytes - 6);
    let mut ask = async |prefix: &str, count: u32| {
        client.send(&format!("20[\"join\",\"{prefix}\",{count}]")).await;
        client.receive().await.text.to_string()
    };
    let joined = "30[\"joined\"]";
    let (too_long, too_many_bytes) = (
        "30[\"the name of a room has 1025 bytes, and may have at most 1024\"]",
        "30[\"too many rooms: the names of all rooms of a socket may have 1048576 bytes\"]",
    );
    assert_eq!(ask(&long(1025), 1).await, too_long);
    assert_eq!(ask(&long(1024), 1025).await, too_many_bytes, "all or none");
    assert_eq!(ask(&long(1024), 1023).await, joined);
    assert_eq!(ask(&long(1024), 1023).await, joined, "it is in these already");
    assert_eq!(ask(&long(1023), 2).await, too_many_bytes);
    assert_eq!(ask(&long(1023), 1).await, joined);
    assert_eq!(ask(&long(1024), 1024).await, too_many_bytes, "there is one byte left");
    let limits = &io.metrics().limits;
    assert_eq!((limits.of(Limit::RoomNames).get(), limits.of(Limit::Rooms).get()), (1, 3));
    // Leaving gives back what joining took.
    let socket = io.local_sockets().pop().expect("it is connected");
    socket.leave(socket.rooms()).await.expect("it leaves");
    assert_eq!(ask("r", 10_001).await, "30[\"too many rooms: a socket may be in 10000\"]");
    assert_eq!(ask("r", 10_000).await, joined);
    assert_eq!(ask("s", 1).await, "30[\"too many rooms: a socket may be in 10000\"]");
    // A name that is too long is told at once, on any thread.
    let refused = socket.join("x".repeat(1025)).result();
    assert!(matches!(refused, Err(EmitError::RoomNameTooLong(_))), "{refused:?}");
    drop(client);
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn the_relay_tells_its_clients_which_join_was_refused() {
    let limits = ClientLimits { rooms_per_socket_max: 1, room_name_bytes_max: 10, ..ClientLimits::default() };
    let io = Io::builder().options(Options { limits, ..Options::default() }).build();
    relay::install(&io);
    let mut client = Client::connect(&serve(&io).await).await;
    client.send("20[\"join\",\"a\"]").await;
    assert_eq!(client.receive().await.text, "30[]");
    client.send("21[\"join\",\"b\"]").await;
    assert_eq!(client.receive().await.text, "31[\"too many rooms: a socket may be in 1\"]");
    client.send("22[\"join\",\"eleven byte\"]").await;
    let refused = "32[\"the name of a room has 11 bytes, and may have at most 10\"]";
    assert_eq!(client.receive().await.text, refused);
    assert_eq!(io.metrics().handler_errors.get(), 0);
    io.close().await;
}

#[tokio::test]
async fn a_connection_enters_no_more_namespaces_than_it_may_and_is_told() {
    let limits = ClientLimits { namespaces_per_connection_max: 2, ..ClientLimits::default() };
    let (io, _) = limited(limits, Options::default());
    for name in ["/a", "/b", "/c"] {
        io.of(name);
    }
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.join("/a", "").await.expect("one more is allowed");
    assert_eq!(counted(&io), 0);
    assert_eq!(client.join("/b", "").await, Err("{\"message\":\"too many namespaces\"}".into()));
    assert_eq!(client.join("/nowhere", "").await, Err("{\"message\":\"Invalid namespace\"}".into()));
    assert_eq!((io.metrics().limits.of(Limit::Namespaces).get(), counted(&io)), (1, 1));
    // It goes on with those that it is in, others are not concerned, and a client that leaves one may enter another.
    client.ask("hello").await;
    let mut other = Client::connect(&url).await;
    other.join("/b", "").await.expect("another connection");
    client.send("1/a,").await;
    client.join("/b", "").await.expect("it left one");
    assert_eq!(client.join("/c", "").await, Err("{\"message\":\"too many namespaces\"}".into()));
    drop((client, other));
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_client_enters_with_no_more_auth_than_it_may_and_is_told() {
    let limits = ClientLimits { auth_bytes_max: 100, ..ClientLimits::default() };
    let (io, _) = limited(limits, Options::default());
    io.of("/a");
    let url = serve(&io).await;
    let auth = |bytes: usize| format!("{{\"t\":\"{}\"}}", "x".repeat(bytes - 8));
    let mut client = Client::connect_as(&url, &auth(100)).await.0;
    assert_eq!(counted(&io), 0);
    let refused = "{\"message\":\"auth is too large: it may have at most 100 bytes\"}";
    assert_eq!(client.join("/a", &auth(101)).await, Err(refused.into()));
    assert_eq!((io.metrics().limits.of(Limit::Auth).get(), counted(&io)), (1, 1));
    assert_eq!(io.metrics().rejections.get(), 1);
    // It goes on, and may try again.
    client.ask("hello").await;
    client.join("/a", &auth(100)).await.expect("it is small enough");
    drop(client);
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_payload_of_64_kib_may_be_connected_with_by_default_and_no_larger_one() {
    let (io, _) = limited(ClientLimits::default(), Options::default());
    let url = serve(&io).await;
    let auth = |bytes: usize| format!("{{\"t\":\"{}\"}}", "x".repeat(bytes - 8));
    let _client = Client::connect_as(&url, &auth(65_536)).await.0;
    let refused = Client::open(&url).await.join("/", &auth(65_537)).await.unwrap_err();
    assert!(refused.contains("65536 bytes"), "{refused}");
    io.close().await;
}

#[tokio::test]
async fn a_socket_shares_no_more_than_it_may() {
    let limits = ClientLimits { shared_data_bytes_max: 100, ..ClientLimits::default() };
    let (io, _) = limited(limits, Options::default());
    let url = serve(&io).await;
    let _client = Client::connect(&url).await;
    let socket = &io.local_sockets()[0];
    // With its quotes.
    socket.share("x".repeat(98)).unwrap();
    let refused = socket.share("y".repeat(99)).unwrap_err();
    assert!(
        matches!(refused, EmitError::SharedDataTooLarge(error) if (error.bytes, error.max) == (101, 100))
    );
    assert_eq!((io.metrics().limits.of(Limit::SharedData).get(), counted(&io)), (1, 1));
    let found = io.fetch_sockets().await.unwrap();
    assert_eq!(found[0].data::<String>(), Some("x".repeat(98)), "what was there before stays");
    io.close().await;
}

// Connections with nothing under way

/// Waits until the server has closed this connection, which must not have been told anything.
async fn closed(http: &mut Http) {
    assert_eq!(hung_up(http).await, "");
}

/// Connections that have said nothing.
async fn silent(url: &str, count: usize) -> Vec<Http> {
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(Http::connect(url).await);
    }
    connections
}

#[tokio::test]
async fn an_address_keeps_so_many_idle_connections_and_those_that_were_idle_for_longest_are_closed() {
    let limits = ClientLimits { idle_connections_per_address_max: 3, ..ClientLimits::default() };
    let (io, _) = limited(limits, Options::default());
    let url = serve(&io).await;
    // Under way: WebSockets, and polls that wait.
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(Client::connect(&url).await);
    }
    let mut poll = Http::connect(&url).await;
    let open = poll.get(POLLING).await.body;
    let open: serde_json::Value = serde_json::from_str(&open[1..]).expect("an open packet carries JSON");
    let path = format!("{POLLING}&sid={}", open["sid"].as_str().expect("a session id"));
    poll.write(head("GET", &path, "").as_bytes()).await;
    let is_seen = |connections, idle| {
        let metrics = io.metrics();
        (metrics.http_connections.get(), metrics.http_connections_idle.get()) == (connections, idle)
    };
    eventually("nothing is idle", || is_seen(1, 0)).await;
    // When each reactor has done something else, the poll waits.
    for _ in 0..3 {
        for client in &mut clients {
            client.ask("hello").await;
        }
    }
    let mut idle = silent(&url, 3).await;
    eventually("they are idle", || is_seen(4, 3)).await;
    // Between two requests a connection is idle too, and the youngest after each.
    assert_eq!(idle[0].get("/").await.status, 404);
    eventually("it is idle again", || is_seen(4, 3)).await;
    assert_eq!(counted(&io), 0);
    idle.extend(silent(&url, 2).await);
    closed(&mut idle[1]).await;
    closed(&mut idle[2]).await;
    assert_eq!((io.metrics().limits.of(Limit::IdleConnectionsPerAddress).get(), counted(&io)), (2, 2));
    for kept in [0, 3, 4] {
        assert_eq!(idle[kept].get("/").await.status, 404);
    }
    for client in &mut clients {
        client.ask("hello").await;
    }
    assert_eq!(io.metrics().connections.get(), 11);
    assert!(!poll.hears_within(Duration::ZERO).await, "the poll still waits");
    drop((idle, poll, clients));
    eventually("nothing is idle", || io.metrics().http_connections_idle.get() == 0).await;
    io.close().await;
}

#[tokio::test]
async fn a_trusted_proxy_keeps_as_many_idle_connections_as_the_node_may() {
    let limits = ClientLimits {
        idle_connections_per_address_max: 1,
        idle_connections_max: 5,
        trusted_proxies: vec!["127.0.0.0/8".into()],
        ..ClientLimits::default()
    };
    let (io, _) = limited(limits, Options::default());
    let url = serve(&io).await;
    let mut idle = silent(&url, 5).await;
    eventually("they are idle", || io.metrics().http_connections_idle.get() == 5).await;
    assert_eq!(counted(&io), 0);
    idle.extend(silent(&url, 1).await);
    let first_closed = futures_util::future::select_all(idle.iter_mut().map(|http| Box::pin(closed(http))));
    first_closed.await;
    assert_eq!((io.metrics().limits.of(Limit::IdleConnections).get(), counted(&io)), (1, 1));
    io.close().await;
}

#[tokio::test]
async fn a_connection_between_two_requests_has_a_time_of_its_own() {
    let options = Options { header_timeout_ms: 300, ..Options::default() };
    let (io, _) = limited(ClientLimits::default(), options);
    let url = serve(&io).await;
    let mut between = Http::connect(&url).await;
    assert_eq!(between.get("/").await.status, 404);
    // Two whole times for a head pass.
    for _ in 0..2 {
        closed(&mut Http::connect(&url).await).await;
    }
    assert_eq!(io.metrics().head_timeouts.get(), 2);
    assert_eq!(between.get("/").await.status, 404);
    // From its first byte on, a further head has no more time than the first.
    between.write(b"GET / HTTP/1.1\r\n").await;
    drip(&mut between).await;
    assert_eq!(io.metrics().head_timeouts.get(), 3);
    io.close().await;

    let options = Options { keep_alive_timeout_ms: 300, ..Options::default() };
    let (io, _) = limited(ClientLimits::default(), options);
    let url = serve(&io).await;
    let mut fresh = Http::connect(&url).await;
    let mut between = Http::connect(&url).await;
    assert_eq!(between.get("/").await.status, 404);
    closed(&mut between).await;
    assert_eq!(fresh.get("/").await.status, 404);
    assert_eq!(io.metrics().head_timeouts.get(), 0);
    io.close().await;
}

/// As with the official server.
#[tokio::test]
async fn the_head_of_a_request_has_at_most_16_kib() {
    let (io, _) = limited(ClientLimits::default(), Options::default());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = heads.clone();
    io.on_connect(async move |socket: Socket| {
        seen.lock().unwrap().push(socket.handshake().header("x-large").map(str::len));
        Ok::<_, EmitError>(())
    });
    let url = serve(&io).await;
    let large = |bytes: usize| format!("x-large: {}\r\n", "x".repeat(bytes));
    let answer = handshake(&url, POLLING, &large(15_000)).await;
    let open: serde_json::Value = serde_json::from_str(&answer.body[1..]).expect("an open packet");
    let path = format!("{POLLING}&sid={}", open["sid"].as_str().expect("a session id"));
    assert_eq!(Http::connect(&url).await.post(&path, "40").await.status, 200);
    eventually("it is connected", || heads.lock().unwrap().as_slice() == [Some(15_000)]).await;
    assert_eq!(handshake(&url, POLLING, &large(17_000)).await.status, 431);
    io.close().await;
}

// Slowness (heads that never end are in `reaping`)

/// A server without patience, but for a client that has to answer or to poll: its machine may be busy.
fn impatient() -> Io {
    let options = Options {
        header_timeout_ms: 300,
        body_timeout_ms: 300,
        ping_interval_ms: 1_000,
        ping_timeout_ms: 2_000,
        close_timeout_ms: 200,
        polling_close_timeout_ms: 200,
        reactors: 2,
        ..Options::default()
    };
    Io::builder().options(options).build()
}

/// Sends a byte at a time, each well within every limit, until the server does not want any more.
async fn drip(http: &mut Http) {
    let start = Instant::now();
    while http.write(b"x").await {
        assert!(start.elapsed() < DEADLINE, "the server reads on and on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_websocket_handshake_that_comes_byte_by_byte_is_cut_off() {
    let io = impatient();
    let url = serve(&io).await;
    let mut http = Http::connect(&url).await;
    let whole = head("GET", WEBSOCKET, UPGRADE);
    http.write(whole.trim_end().as_bytes()).await;
    http.write(b"\r\nx-more: ").await;
    drip(&mut http).await;
    nothing_stays(&io).await;
    assert_eq!(io.metrics().connects.get(), 0);
    io.close().await;
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_refused() {
    let io = impatient();
    let url = serve(&io).await;
    let polling = Polling::connect(&url).await;
    let mut post = Http::connect(&url).await;
    post.write(head("POST", &polling.path(), "content-length: 100000\r\n").as_bytes()).await;
    post.write(b"42[\"").await;
    let start = Instant::now();
    while !post.hears_within(Duration::from_millis(20)).await {
        assert!(start.elapsed() < DEADLINE, "the server reads on and on");
        post.write(b"x").await;
    }
    assert_eq!(post.answer().await.expect("an answer").status, 408);
    hung_up(&mut post).await;
    drop(polling);
    nothing_stays(&io).await;
    io.close().await;
}

#[tokio::test]
async fn a_websocket_message_that_never_ends_ends_with_the_heartbeat() {
    let io = impatient();
    let url = serve(&io).await;
    let mut http = Http::connect(&url).await;
    http.write(head("GET", WEBSOCKET, UPGRADE).as_bytes()).await;
    eventually("it is a session", || io.metrics().connections.get() == 1).await;
    // A text message of 65,535 bytes, masked with zeros.
    http.write(b"\x81\xfe\xff\xff\0\0\0\0").await;
    http.write(b"40").await;
    drip(&mut http).await;
    nothing_stays(&io).await;
    io.close().await;
}

// Settings that cannot be meant

#[tokio::test]
async fn limits_that_contradict_themselves_are_told() {
    let limits = ClientLimits {
        bytes_per_second: 1_000,
        burst_ms: u64::MAX,
        trusted_proxies: ["10.0.0.0/8", "10.0.0.1", "::1", "fd00::/8", "10.0.0.0/40", "proxy.example"]
            .map(String::from)
            .to_vec(),
        ..ClientLimits::default()
    };
    let io = Io::builder().options(Options { limits, ..Options::default() }).build();
    let told = io.listen("127.0.0.1:0").await.err().expect("a refusal").to_string();
    for fault in [
        "limits.bytes_per_second must be at least a sixtieth of max_payload_bytes, which is 16667",
        "limits.burst_ms",
        "\"10.0.0.0/40\" is neither an address",
        "\"proxy.example\" is neither an address",
    ] {
        assert!(told.contains(fault), "{fault} in {told}");
    }
    assert_eq!(told.matches(" is neither an address").count(), 2, "{told}");
}
