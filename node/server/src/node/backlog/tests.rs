use super::*;

#[test]
fn a_backlog_is_bounded_in_number_and_bytes() {
    let options = ClusterOptions { backlog_messages_max: 3, backlog_bytes_max: 100, ..Default::default() };
    let backlog = Arc::new(Backlog::default());
    let enter = |bytes| backlog.enter(bytes, &options);
    let (one, two) = (enter(60), enter(40));
    assert!(one.is_some() && two.is_some());
    assert!(enter(1).is_none(), "too many bytes");
    drop(one);
    let three = enter(1);
    let four = enter(1);
    assert!(three.is_some() && four.is_some());
    assert!(enter(1).is_none(), "too many");
    drop((two, three, four));
    let large = enter(1_000);
    assert!(large.is_some(), "it would never fit");
    assert!(enter(1).is_none());
    drop(large);
    let Backlog { messages, bytes } = &*backlog;
    assert_eq!((messages.load(Relaxed), bytes.load(Relaxed)), (0, 0));
}
