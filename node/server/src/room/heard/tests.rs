use super::*;
use crate::node::Node;
use crate::options::Options;
use fanfare_socketio::encode;

const MAILBOX: usize = 16;

fn rooms_with_a_shard_down() -> (Arc<Node>, Rooms) {
    let node = Node::alone(Options { reactors: 1, mailbox_messages_max: MAILBOX, ..Options::default() });
    let rooms = Rooms::new(&"/".into(), node.clone());
    rooms.down.store(1, Relaxed);
    (node, rooms)
}

fn hear(rooms: &Rooms) -> Result<(), Overloaded> {
    let target = Arc::new(Target::default());
    let packet = Packet::new(encode::connect("/", "id"), false);
    rooms.hear_broadcast(&target, &packet, false)
}

#[test]
fn a_shard_that_will_be_rebuilt_gets_what_is_heard_meanwhile() {
    let (node, rooms) = rooms_with_a_shard_down();
    assert!(hear(&rooms).is_ok());
    assert_eq!((rooms.parked[0].lock().len(), node.metrics.bus_undelivered.get()), (1, 0));
}

#[test]
fn a_shard_that_will_be_rebuilt_is_kept_no_more_than_its_mailbox_takes() {
    let (node, rooms) = rooms_with_a_shard_down();
    let taken = (0..=MAILBOX).filter(|_| hear(&rooms).is_ok()).count();
    assert_eq!(
        (taken, rooms.parked[0].lock().len(), node.metrics.bus_undelivered.get()),
        (MAILBOX, MAILBOX, 1)
    );
}

#[test]
fn a_shard_that_was_given_up_loses_what_is_heard_and_that_is_counted() {
    let (node, rooms) = rooms_with_a_shard_down();
    node.give_up();
    assert!(hear(&rooms).is_err());
    assert_eq!(node.metrics.bus_undelivered.get(), 1);
}

/// Its clients were let go before its threads ended: nothing is lost for anybody.
#[test]
fn a_node_that_ends_loses_nothing_of_what_it_still_hears() {
    let (node, rooms) = rooms_with_a_shard_down();
    node.end();
    assert!(hear(&rooms).is_ok());
    assert_eq!((rooms.parked[0].lock().len(), node.metrics.bus_undelivered.get()), (0, 0));
}
