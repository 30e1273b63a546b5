use fanfare_proto::{Bus, Inbound, MemoryHub, Subscription};

use super::*;

/// A node's link, and what another node hears of it.
fn link_and_listener() -> (Arc<ClusterLink>, Subscription) {
    let (hub, tag) = (MemoryHub::new(1), NodeTag::random());
    let identity = Identity::new(tag.as_str());
    let (bus, _) = Box::new(hub.bus()).start(identity.clone());
    let (listener, subscription) = Box::new(hub.bus()).start(Identity::new("else"));
    listener.subscribe(Subject::Nodes);
    (ClusterLink::new(bus, identity, tag, ClusterOptions::default()), subscription)
}

fn request(id: u64) -> Body {
    Body::Request(wire::Request { id, question: None })
}

#[tokio::test]
async fn no_heartbeat_follows_the_goodbye() {
    let (link, mut subscription) = link_and_listener();
    let heartbeat = || Body::Heartbeat(wire::Heartbeat::default());
    link.show_life(heartbeat());
    link.say_goodbye();
    link.show_life(heartbeat());
    link.say_to_all(Body::RollCall(wire::RollCall {}));
    let mut heard = Vec::new();
    while !matches!(heard.last(), Some(Body::RollCall(_))) {
        let next = std::future::poll_fn(|cx| subscription.as_mut().poll_next(cx)).await;
        if let Inbound::Envelope(envelope) = next.expect("the bus goes on") {
            heard.push(envelope.body);
        }
    }
    assert!(matches!(&*heard, [Body::Heartbeat(_), Body::Goodbye(_), Body::RollCall(_)]), "{heard:?}");
}

#[tokio::test]
async fn what_is_said_after_the_bus_was_left_is_counted() {
    let (link, _subscription) = link_and_listener();
    link.say_to_all(request(1));
    link.bus.close(Duration::ZERO).await;
    link.say_to_all(request(2));
    link.say_to_all(request(3));
    assert_eq!(link.bus.meters().dropped.get(), 2);
}

/// A request that counts on a node is told when it goes: it cannot go between being counted on and the request being known.
#[tokio::test]
async fn no_node_goes_unnoticed_while_it_is_asked() {
    let (link, _subscription) = link_and_listener();
    let heartbeat = wire::Heartbeat { namespaces: vec!["/".into()], ..Default::default() };
    link.update_peers(|peers| (peers.heard(&"aaaa".into(), 1, heartbeat, Instant::now()), Vec::new()));
    let requests = link.requests.clone();
    let until_looked = requests.pause();
    let asking = std::thread::spawn({
        let link = link.clone();
        move || link.question(&"/".into(), &[], request).expect("it is small").expect("another node exists")
    });
    // Held for as long as the request is not known, and not just for the moment in which the peers are taken.
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut looks_in_a_row = 0;
    while looks_in_a_row < 100 {
        looks_in_a_row = if link.peers.try_lock().is_none() { looks_in_a_row + 1 } else { 0 };
        assert!(Instant::now() < deadline, "a node may leave before anybody would tell the request");
        std::thread::sleep(Duration::from_micros(100));
    }
    drop(until_looked);
    let mut question = asking.join().expect("it does not panic");
    link.update_peers(|peers| (peers.left("aaaa", 1), vec!["aaaa".into()]));
    assert!(matches!(question.ticket.next().await, Some(FromNode::Gone(node)) if *node == *"aaaa"));
}
