//! Draining: clients leave at a pace, each with what it is owed, and come back by themselves elsewhere.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fanfare::{
    Ack, AckError, Admin, DisconnectReason, DrainOptions, Drained, Io, MemoryHub, Options, Socket,
};
use futures_util::future::{join, join_all};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::client::{Answer, Client, Http, Polling, head, hung_up};
use crate::support::{DEADLINE, eventually, free_port, judge_folder, serve, with_patience};

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";
/// The code of a server that goes away.
const GOING_AWAY: Option<u16> = Some(1001);
/// A time that no test waits for.
const NEVER_MS: u64 = 3_600_000;

/// Nobody waits for balancers, and a connection may take as long as it likes.
fn patient() -> DrainOptions {
    DrainOptions { wait_ms: 0, connections_per_second: 0, grace_ms: NEVER_MS, timeout_ms: NEVER_MS }
}

fn io(drain: DrainOptions) -> Io {
    Io::builder().options(Options { reactors: 2, drain, ..Options::default() }).build()
}

fn begin(io: &Io) -> JoinHandle<Drained> {
    let io = io.clone();
    tokio::spawn(async move { io.drain().await })
}

async fn done(draining: JoinHandle<Drained>) -> Drained {
    tokio::time::timeout(DEADLINE, draining).await.expect("it is drained in time").expect("no panic")
}

/// Waits until new sessions are refused, from when on connections are closed. What it asks for is refused before, too,
/// but for another reason: this leaves no session behind. A server whose clients need no new connections may have closed
/// its door by then.
async fn begun(url: &str) {
    let start = Instant::now();
    loop {
        let Some(mut http) = Http::try_connect(url).await else { return };
        match http.try_get("/socket.io/?EIO=3&transport=polling").await {
            Ok(answer) if answer.status == 503 => {
                hung_up(&mut http).await;
                return;
            }
            // Accepted by the kernel alone, when the door was closed.
            Err(_) => return,
            Ok(_) => {}
        }
        assert!(start.elapsed() < DEADLINE, "it takes new sessions still");
    }
}

/// Waits until every connection that is left knows that it is to go.
async fn turn_has_come(io: &Io) {
    let start = Instant::now();
    while !io.observe().await.connections.iter().all(|connection| connection.leaving) {
        assert!(start.elapsed() < DEADLINE, "some are not asked to leave");
    }
}

/// Whether this answer to a poll lets every client know that it has to start again.
fn is_end(answer: &Answer) -> bool {
    answer.status == 400 && answer.body.contains("Session ID unknown")
}

/// Handlers of "work" that answer when they are permitted to.
fn working(io: &Io) -> Arc<Semaphore> {
    let permits = Arc::new(Semaphore::new(0));
    let permitted = permits.clone();
    io.on("work", async move |ack: Ack| {
        permitted.acquire().await.expect("a semaphore").forget();
        ack.send("done")
    });
    permits
}

#[tokio::test]
async fn a_node_says_that_it_drains_and_serves_everybody_until_balancers_had_time() {
    let io = io(DrainOptions { wait_ms: NEVER_MS, timeout_ms: 2 * NEVER_MS, ..patient() });
    io.on("hello", async |ack: Ack| ack.send(()));
    let url = serve(&io).await;
    let operations = Admin::new(io.clone());
    let mut client = Client::connect(&url).await;
    assert!(!io.is_draining() && operations.reasons().is_empty());
    assert!(operations.metrics().contains("\nfanfare_draining 0\n"));
    let draining = begin(&io);
    eventually("it says so", || io.is_draining()).await;
    assert!(operations.reasons()[0].starts_with("draining: "), "{:?}", operations.reasons());
    assert!(operations.metrics().contains("\nfanfare_draining 1\n"));
    assert_eq!(client.ask("hello").await, []);
    let mut late = Client::connect(&url).await;
    assert_eq!(late.ask("hello").await, []);
    // A program that cannot wait may close it.
    let (left, ()) = join(join(client.closed(), late.closed()), io.close()).await;
    assert_eq!(left, (vec![], vec![]));
    assert_eq!(done(draining).await, Drained::default());
}

#[tokio::test]
async fn a_node_without_clients_waits_for_nobody() {
    let drain = DrainOptions { wait_ms: NEVER_MS, timeout_ms: 2 * NEVER_MS, ..patient() };
    let unused = io(drain);
    let url = serve(&unused).await;
    assert_eq!(done(begin(&unused)).await, Drained::default());
    assert!(TcpStream::connect(url.trim_start_matches("http://")).await.is_err());
    // Neither does one whose clients leave meanwhile, nor one that never listened.
    let left = io(drain);
    let client = Client::connect(&serve(&left).await).await;
    let draining = begin(&left);
    eventually("it says so", || left.is_draining()).await;
    drop(client);
    assert_eq!(done(draining).await, Drained::default());
    assert_eq!(done(begin(&io(drain))).await, Drained::default());
}

// Compatibility: io-drain
#[tokio::test]
async fn connections_are_closed_at_a_pace_and_without_a_disconnect_packet() {
    const CLIENTS: usize = 40;
    const PER_SECOND: u32 = 50;
    let io = io(DrainOptions { connections_per_second: PER_SECOND, ..patient() });
    let closed = Arc::new(Mutex::new(Vec::new()));
    let noted = closed.clone();
    io.on_disconnect(async move |reason: DisconnectReason| {
        noted.lock().unwrap().push((Instant::now(), reason));
    });
    let url = serve(&io).await;
    let mut clients = Client::connect_many(&url, CLIENTS).await;
    let start = Instant::now();
    let draining = begin(&io);
    let farewells = join_all(clients.iter_mut().map(Client::farewell)).await;
    assert!(farewells.iter().all(|farewell| *farewell == (vec![], GOING_AWAY)), "{farewells:?}");
    drop(clients);
    assert_eq!(done(draining).await, Drained { connections: CLIENTS as u64, cut: 0 });
    assert_eq!(io.metrics().drained.get(), CLIENTS as u64);
    let mut closed = closed.lock().unwrap().clone();
    closed.sort_by_key(|(at, _)| *at);
    assert_eq!(closed.len(), CLIENTS);
    for (n, (at, reason)) in closed.into_iter().enumerate() {
        let due = Duration::from_secs_f64((n + 1) as f64 / f64::from(PER_SECOND));
        assert!(at >= start + due, "the {n}th was closed after {:?} instead of {due:?}", at - start);
        assert_eq!(reason, DisconnectReason::ServerShuttingDown);
    }
}

#[tokio::test]
async fn handlers_that_run_finish_and_their_acknowledgements_arrive_before_the_end() {
    let io = io(patient());
    let permits = working(&io);
    let url = serve(&io).await;
    let (mut busy, mut idle) = (Client::connect(&url).await, Client::connect(&url).await);
    let mut polling = Polling::connect(&url).await;
    busy.send("21[\"work\"]").await;
    busy.send("22[\"work\"]").await;
    polling.send("23[\"work\"]").await;
    eventually("they work", || io.metrics().handlers.get() == 3).await;
    let draining = begin(&io);
    assert_eq!(idle.farewell().await, (vec![], GOING_AWAY));
    assert_eq!(io.metrics().drained.get(), 1);
    assert_eq!(io.metrics().connections.get(), 2, "a connection with something under way stays");
    permits.add_permits(3);
    assert_eq!(busy.farewell().await, (vec!["31[\"done\"]".into(), "32[\"done\"]".into()], GOING_AWAY));
    assert_eq!(polling.receive().await, "33[\"done\"]");
    assert!(is_end(&polling.poll().await));
    assert_eq!(done(draining).await, Drained { connections: 3, cut: 0 });
}

#[tokio::test]
async fn a_handler_that_waits_for_its_client_gets_the_answer() {
    let io = io(patient());
    io.on("order", async |socket: Socket, ack: Ack| -> Result<(), AckError> {
        let sure: String = socket.emit_with_ack("sure?", ()).await?;
        ack.send(sure)?;
        Ok(())
    });
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("27[\"order\"]").await;
    let question = client.receive().await.text;
    let id =
        question.strip_prefix('2').and_then(|rest| rest.strip_suffix("[\"sure?\"]")).expect("a question");
    let draining = begin(&io);
    begun(&url).await;
    client.send(&format!("3{id}[\"yes\"]")).await;
    assert_eq!(client.farewell().await, (vec!["37[\"yes\"]".into()], GOING_AWAY));
    assert_eq!(done(draining).await, Drained { connections: 1, cut: 0 });
}

#[tokio::test]
async fn nothing_new_is_read_of_a_client_that_is_about_to_go() {
    let io = io(patient());
    let permits = working(&io);
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("21[\"work\"]").await;
    eventually("it works", || io.metrics().handlers.get() == 1).await;
    let draining = begin(&io);
    begun(&url).await;
    turn_has_come(&io).await;
    client.send("22[\"work\"]").await;
    for _ in 0..200 {
        turn_has_come(&io).await;
        assert_eq!(io.metrics().events.get(), 1);
    }
    permits.add_permits(2);
    assert_eq!(client.farewell().await, (vec!["31[\"done\"]".into()], GOING_AWAY));
    assert_eq!(done(draining).await, Drained { connections: 1, cut: 0 });
    assert_eq!(io.metrics().events.get(), 1);
}

#[tokio::test]
async fn handlers_that_do_not_finish_are_waited_for_no_longer_than_the_grace() {
    let io = io(DrainOptions { grace_ms: 50, ..patient() });
    let permits = working(&io);
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    client.send("21[\"work\"]").await;
    eventually("it works", || io.metrics().handlers.get() == 1).await;
    let draining = begin(&io);
    assert_eq!(client.farewell().await, (vec![], GOING_AWAY));
    permits.add_permits(1);
    drop(client);
    assert_eq!(done(draining).await, Drained { connections: 1, cut: 0 });
}

#[tokio::test]
async fn a_polling_client_gets_what_waits_for_it_over_new_connections_while_nobody_else_is_let_in() {
    let io = io(patient());
    let url = serve(&io).await;
    let mut polling = Polling::connect(&url).await;
    let mut kept_alive = Http::connect(&url).await;
    assert_eq!(kept_alive.get("/").await.status, 404);
    for n in 0..3 {
        io.emit("n", n).unwrap();
    }
    eventually("they wait for it", || io.metrics().deliveries.get() == 3).await;
    let draining = begin(&io);
    begun(&url).await;
    // A new session is refused wherever it is asked for, and its connection with it.
    let refused = kept_alive.get(HANDSHAKE).await;
    assert!(refused.status == 503 && refused.body.contains("draining"), "{refused:?}");
    hung_up(&mut kept_alive).await;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut http = Http::connect(&url).await;
    let path = "/socket.io/?EIO=4&transport=websocket";
    assert!(http.write(head("GET", path, upgrade).as_bytes()).await);
    assert_eq!(http.answer().await.expect("an answer").status, 503);
    // The session that polls is served on connections old and new.
    let mut fresh = Http::connect(&url).await;
    assert_eq!(fresh.post(&polling.path(), "42[\"unheard\"]").await.status, 200);
    let rest = fresh.get(&polling.path()).await;
    assert_eq!(rest.body, ["42[\"n\",0]", "42[\"n\",1]", "42[\"n\",2]"].join("\u{1e}"));
    assert!(is_end(&polling.poll().await));
    assert_eq!(done(draining).await, Drained { connections: 1, cut: 0 });
    let address = url.trim_start_matches("http://");
    assert!(TcpStream::connect(address).await.is_err(), "the kernel refuses");
}

#[tokio::test]
async fn a_client_whose_poll_waits_is_told_at_once() {
    let io = io(patient());
    let url = serve(&io).await;
    let mut polling = Polling::connect(&url).await;
    let (drained, told) = join(io.drain(), polling.poll()).await;
    assert!(is_end(&told), "{told:?}");
    assert_eq!(drained, Drained { connections: 1, cut: 0 });
}

#[tokio::test]
async fn an_upgrade_under_way_is_finished_before_the_end() {
    let io = io(patient());
    let url = serve(&io).await;
    let mut polling = Polling::connect(&url).await;
    let mut probe = Client::probe(&url, &polling.sid).await;
    probe.send_raw("2probe").await;
    assert_eq!(probe.raw().await.expect("an answer").to_text().expect("text"), "3probe");
    let draining = begin(&io);
    begun(&url).await;
    // So that the client can stop polling.
    assert_eq!(polling.poll().await.body, "6");
    io.emit("last", ()).unwrap();
    eventually("it waits for it", || io.metrics().deliveries.get() == 1).await;
    probe.send_raw("5").await;
    assert_eq!(probe.farewell().await, (vec!["2[\"last\"]".into()], GOING_AWAY));
    assert_eq!(done(draining).await, Drained { connections: 1, cut: 0 });
}

/// An app that ends may disconnect everybody itself, in the middle of it.
#[tokio::test]
async fn who_is_disconnected_while_draining_is_waited_for_no_longer_than_the_grace() {
    with_patience("it was the app that closed it", async |grace| {
        let io = io(DrainOptions { grace_ms: grace.as_millis() as u64, ..patient() });
        let url = serve(&io).await;
        // Between two polls: what waits for it cannot be sent.
        let client = Polling::connect(&url).await;
        io.emit("waits", ()).expect("there is room");
        let draining = begin(&io);
        turn_has_come(&io).await;
        io.disconnect_sockets(true).await.expect("it is done here");
        let drained = done(draining).await;
        drop(client);
        (drained == Drained { connections: 0, cut: 0 }).then_some(())
    })
    .await;
}

#[tokio::test]
async fn whoever_is_left_when_the_time_is_over_is_cut_off_and_counted() {
    with_patience("the idle one goes in time", async |time| {
        let io = io(DrainOptions { timeout_ms: time.as_millis() as u64, ..patient() });
        let permits = working(&io);
        let url = serve(&io).await;
        let mut clients = Client::connect_many(&url, 3).await;
        for client in &mut clients[..2] {
            client.send("21[\"work\"]").await;
        }
        eventually("they work", || io.metrics().handlers.get() == 2).await;
        let draining = begin(&io);
        let idle = clients[2].farewell().await.1;
        assert_eq!(clients[0].farewell().await, (vec![], None));
        assert_eq!(clients[1].farewell().await, (vec![], None));
        permits.add_permits(2);
        drop(clients);
        let drained = done(draining).await;
        assert_eq!(drained.connections + drained.cut, 3);
        (idle == GOING_AWAY && drained == Drained { connections: 1, cut: 2 }).then_some(())
    })
    .await;
}

#[tokio::test]
async fn clients_of_all_transports_leave_and_nothing_of_them_stays() {
    let io = io(DrainOptions { connections_per_second: 200, ..patient() });
    let url = serve(&io).await;
    let clients = Client::connect_many(&url, 20).await;
    let polling = join_all((0..20).map(|_| Polling::connect(&url))).await;
    let websockets =
        clients.into_iter().map(async |mut client| assert_eq!(client.farewell().await.1, GOING_AWAY));
    let polls = polling.into_iter().map(async |mut client| assert!(is_end(&client.poll().await)));
    let draining = begin(&io);
    join(join_all(websockets), join_all(polls)).await;
    assert_eq!(done(draining).await, Drained { connections: 40, cut: 0 });
    assert_eq!((io.metrics().connections.get(), io.metrics().sockets.get()), (0, 0));
}

#[tokio::test]
async fn the_cluster_hears_of_the_last_disconnect_and_then_of_the_node_s_own() {
    let hub = MemoryHub::new(1);
    let options = Options { reactors: 2, drain: patient(), ..Options::default() };
    let node = || Io::builder().options(options.clone()).bus(hub.bus()).build();
    let (leaving, staying) = (node(), node());
    let teller = leaving.clone();
    leaving.on_disconnect(async move |socket: Socket| teller.emit("left", socket.id().to_string()));
    let (from, to) = (serve(&leaving).await, serve(&staying).await);
    eventually("they know each other", || staying.nodes().len() == 1 && leaving.nodes().len() == 1).await;
    let mut witness = Client::connect(&to).await;
    let (mut client, id) = Client::connect_as(&from, "").await;
    let draining = begin(&leaving);
    assert_eq!(client.farewell().await.1, GOING_AWAY);
    assert_eq!(witness.receive().await.arguments(), [json!("left"), json!(id)]);
    drop(client);
    assert_eq!(done(draining).await, Drained { connections: 1, cut: 0 });
    eventually("the node has said goodbye", || staying.nodes().is_empty()).await;
    drop(witness);
    staying.close().await;
}

/// The official JavaScript client proves it in `rolling.rs`.
#[tokio::test]
async fn python_clients_of_all_transports_come_back_by_themselves() {
    let python = std::env::var("JUDGE_PYTHON").unwrap_or_else(|_| "python3".into());
    let address = format!("127.0.0.1:{}", free_port());
    let listen = async || {
        let io = io(patient());
        io.listen(&address).await.expect("a free port");
        io
    };
    let first = listen().await;
    let mut clients = Command::new(python)
        .args(["python_returns.py", &format!("http://{address}")])
        .current_dir(judge_folder())
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Python runs");
    eventually("they are there", || first.metrics().sockets.get() == 3).await;
    eventually("one has upgraded", || first.metrics().upgrades.get() == 1).await;
    assert_eq!(done(begin(&first)).await, Drained { connections: 3, cut: 0 });
    let second = listen().await;
    eventually("they are back", || second.metrics().sockets.get() == 3).await;
    drop(clients.stdin.take());
    let ended = tokio::time::timeout(DEADLINE, clients.wait()).await.expect("they end").expect("a status");
    assert!(ended.success());
    second.close().await;
}
