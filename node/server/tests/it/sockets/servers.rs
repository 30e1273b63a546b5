//! Events to the servers of a cluster, this one included.

use std::time::Duration;

use fanfare::{Data, EventName, FromNode, Io, Options, RequestError, ServerAck, ServerAnswer};
use tokio::sync::Semaphore;

use super::{Journal, server};
use crate::cluster::Nodes;
use crate::support::{eventually, serve};

fn name(io: &Io) -> String {
    io.node_name().to_owned()
}

fn nodes_of(answers: &[ServerAnswer]) -> Vec<(String, String)> {
    let text = |answer: &ServerAnswer| answer.arguments.deserialize::<String>().expect("a text");
    let mut nodes: Vec<_> = answers.iter().map(|answer| (answer.node.clone(), text(answer))).collect();
    nodes.sort();
    nodes
}

// Compatibility: server-side-emit-self
#[tokio::test]
async fn a_server_may_be_among_those_that_handle_its_event_and_answer() {
    let journal = Journal::default();
    let note = journal.clone();
    let nodes = Nodes::start_with(3, Options { reactors: 2, ..Options::default() }, |io| {
        let (own, note) = (name(io), note.clone());
        io.on_server_event("news", async move |FromNode(from): FromNode, Data(n): Data<u32>| {
            note.note(format!("{own} {from} {n}"));
        });
        let own = name(io);
        io.on_server_event("name", async move |EventName(event): EventName, ack: ServerAck| {
            assert!(ack.is_wanted() && event == "name");
            ack.send(own.clone())
        });
    })
    .await;
    let names: Vec<String> = nodes.nodes.iter().map(name).collect();
    let io = &nodes.nodes[0];
    io.servers().include_self().emit("news", 1).expect("a bus");
    io.servers().emit("news", 2).expect("a bus");
    io.server_side_emit("news", 3).expect("a bus");
    eventually("everybody has heard", || journal.len() == 7).await;
    let mut expected: Vec<String> = names[1..]
        .iter()
        .flat_map(|node| (1..4).map(move |n| (node, n)))
        .map(|(node, n)| format!("{node} {} {n}", names[0]))
        .collect();
    expected.push(format!("{} {} 1", names[0], names[0]));
    expected.sort();
    let mut told = journal.take();
    told.sort();
    assert_eq!(told, expected);

    let mut all: Vec<_> = names.iter().map(|name| (name.clone(), name.clone())).collect();
    let answers = io.servers().include_self().emit_with_ack("name", ()).await.expect("a bus");
    assert!(answers.is_complete(), "{:?}", answers.missing_nodes);
    let others = io.servers().emit_with_ack("name", ()).await.expect("a bus");
    all.sort();
    assert_eq!(nodes_of(&answers), all);
    all.retain(|(node, _)| *node != names[0]);
    assert_eq!(nodes_of(&others), all);
    nodes.close().await;
}

#[tokio::test]
async fn a_server_on_its_own_answers_itself_and_is_missing_if_it_does_not() {
    let io = server();
    let early = io.servers().include_self().emit("name", ());
    assert!(matches!(early, Err(RequestError::NotRunning)), "{early:?}");
    io.on_server_event("name", async |ack: ServerAck| {
        ack.send("first")?;
        Ok::<_, fanfare::EmitError>(())
    });
    io.on_server_event("name", async |ack: ServerAck| ack.send("second"));
    io.on_server_event("silent", async |_: ServerAck| {});
    io.on_server_event("never", async |ack: ServerAck| {
        Semaphore::new(0).acquire().await.map(drop).ok();
        ack.send(())
    });
    serve(&io).await;
    let servers = io.servers().include_self();
    let answers = servers.emit_with_ack("name", ()).await.expect("room");
    assert_eq!(nodes_of(&answers), [(name(&io), "first".to_owned())]);
    assert!(answers.is_complete());
    // Without a handler that could still answer nobody waits for the time to be up.
    for event in ["silent", "nobody"] {
        let answers = servers.timeout(Duration::MAX).emit_with_ack(event, ()).await.expect("room");
        assert_eq!((answers.len(), &answers.missing_nodes), (0, &vec![name(&io)]), "{event}");
    }
    let answers = servers.timeout(Duration::from_millis(50)).emit_with_ack("never", ()).await.expect("room");
    assert_eq!((answers.len(), &answers.missing_nodes), (0, &vec![name(&io)]));
    assert!(io.servers().emit_with_ack("name", ()).await.expect("nobody to ask").is_empty());
    io.close().await;
}

#[tokio::test]
async fn events_to_itself_whose_handlers_do_not_finish_have_a_bound() {
    const MAX: usize = 3;
    let io = Io::builder()
        .options(Options { reactors: 1, events_in_flight_max: MAX, ..Options::default() })
        .build();
    let permits = std::sync::Arc::new(Semaphore::new(0));
    let wait = permits.clone();
    io.on_server_event("wait", async move || {
        wait.acquire().await.expect("it stays open").forget();
    });
    serve(&io).await;
    let servers = io.servers().include_self();
    for _ in 0..2 * MAX {
        servers.emit("wait", ()).expect("room");
    }
    assert!(matches!(servers.emit("wait", ()), Err(RequestError::Overloaded)));
    permits.add_permits(2 * MAX);
    eventually("they end", || io.metrics().server_events_running.get() == 0).await;
    servers.emit("wait", ()).expect("room again");
    permits.add_permits(1);
    io.close().await;
}
