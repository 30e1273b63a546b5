use futures_util::FutureExt;

use super::*;
use crate::ids::NodeTag;

fn id() -> SocketId {
    SocketId::generate(NodeTag::random(), 0)
}

#[test]
fn what_was_entered_is_confirmed_once_the_others_have_confirmed_it() {
    let (borrowed, first, second) = (Borrowed::default(), id(), id());
    assert!(borrowed.confirmed().now_or_never().is_some(), "nothing was entered");
    assert!(borrowed.enter(first));
    assert!(!borrowed.enter(first), "in another namespace: the others know already");
    let announcement = borrowed.announce();
    assert_eq!((announcement.count, announcement.ids), (1, vec![first.to_string()]));
    let change = announcement.to_confirm.expect("it is new");
    assert_eq!(borrowed.announce().to_confirm, None, "they were asked");
    assert!(borrowed.confirmed().now_or_never().is_none());
    assert!(borrowed.enter(second));
    borrowed.confirm(change);
    assert!(borrowed.confirmed().now_or_never().is_none(), "the second one is not confirmed");
    let later = borrowed.announce().to_confirm.expect("it is new");
    borrowed.confirm(later);
    borrowed.confirm(change);
    assert!(borrowed.confirmed().now_or_never().is_some());
}

#[test]
fn what_was_left_in_every_namespace_is_announced_no_more() {
    let (borrowed, id) = (Borrowed::default(), id());
    borrowed.enter(id);
    borrowed.enter(id);
    borrowed.leave(id);
    assert_eq!(borrowed.announce().count, 1);
    borrowed.leave(id);
    assert_eq!(borrowed.announce(), Announcement { count: 0, ids: Vec::new(), to_confirm: None });
}

#[test]
fn more_than_can_be_listed_are_announced_once_and_as_such() {
    let borrowed = Borrowed::default();
    let ids: Vec<_> = (0..LISTED_MAX + 10).map(|_| id()).collect();
    let told = ids.iter().filter(|id| borrowed.enter(**id)).count();
    assert_eq!(told, LISTED_MAX + 1);
    let announcement = borrowed.announce();
    assert_eq!((announcement.count as usize, announcement.ids.len()), (LISTED_MAX + 10, 0));
    ids[..10].iter().for_each(|id| borrowed.leave(*id));
    assert_eq!(borrowed.announce().ids.len(), LISTED_MAX);
}

#[test]
fn nobody_waits_for_others_that_cannot_be_told() {
    let borrowed = Borrowed::default();
    borrowed.enter(id());
    borrowed.give_up();
    assert!(borrowed.confirmed().now_or_never().is_some());
    assert!(borrowed.announce().to_confirm.is_some(), "once they can be told they have to confirm it");
}
