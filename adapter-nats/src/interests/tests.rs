use super::*;

const DELAY: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

fn interests() -> (Interests, Arc<BusMeters>) {
    let meters = Arc::new(BusMeters::default());
    (Interests::new(DELAY, meters.clone()), meters)
}

/// The steps of the reconciler.
fn subscribe(interests: &mut Interests) -> Vec<Arc<str>> {
    let fresh = interests.take_fresh();
    assert!(fresh.iter().all(|path| interests.subscribed(path)));
    let mark = interests.mark().expect("something was asked");
    interests.confirm(mark, true)
}

fn paths(paths: &[&str]) -> Vec<Arc<str>> {
    paths.iter().map(|path| (*path).into()).collect()
}

#[test]
fn a_subject_is_subscribed_to_once_and_then_confirmed() {
    let (mut interests, meters) = interests();
    assert!(interests.add("a"));
    assert!(!interests.add("a"));
    assert!(interests.add("b"));
    assert_eq!(meters.interests.get(), 2);
    assert_eq!(subscribe(&mut interests), paths(&["a", "b"]));
    assert_eq!(interests.mark(), None);
    assert!(interests.take_fresh().is_empty());
    assert!(interests.synced().is_none());
}

#[test]
fn a_wait_ends_when_everything_asked_before_is_confirmed() {
    let (mut interests, _) = interests();
    interests.add("a");
    let mut first = interests.synced().expect("it is not confirmed");
    let mark = interests.mark().expect("something was asked");
    interests.add("b");
    let mut second = interests.synced().expect("it is not confirmed");
    interests.confirm(mark, true);
    assert!(first.try_recv().is_ok());
    assert_eq!(second.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    interests.give_up();
    assert_eq!(second.try_recv(), Err(oneshot::error::TryRecvError::Closed));
}

#[test]
fn a_new_connection_has_to_confirm_again() {
    let (mut interests, _) = interests();
    interests.add("a");
    let before = interests.mark().expect("something was asked");
    interests.doubt();
    interests.confirm(before, true);
    assert!(interests.synced().is_some());
}

#[test]
fn what_is_unwanted_for_long_enough_is_unsubscribed() {
    let (mut interests, meters) = interests();
    let start = Instant::now();
    interests.add("a");
    interests.add("b");
    subscribe(&mut interests);
    assert!(interests.remove("a", start));
    assert!(!interests.remove("a", start + SECOND), "it is unwanted already");
    assert!(!interests.remove("c", start), "nobody wants it");
    assert_eq!(meters.interests.get(), 1);
    assert_eq!(interests.next_end(), Some(start + DELAY));
    assert!(interests.take_unwanted(start + DELAY - SECOND).is_empty());
    assert_eq!(interests.take_unwanted(start + DELAY), paths(&["a"]));
    assert_eq!(interests.next_end(), None);
    // It is new again.
    assert!(interests.add("a"));
    assert_eq!(subscribe(&mut interests), paths(&["a"]));
}

#[test]
fn a_subject_that_is_wanted_again_stays() {
    let (mut interests, meters) = interests();
    let start = Instant::now();
    interests.add("a");
    subscribe(&mut interests);
    interests.remove("a", start);
    assert!(!interests.add("a"), "it is subscribed to still");
    assert_eq!(meters.interests.get(), 1);
    assert!(interests.synced().is_none());
    assert!(interests.take_unwanted(start + DELAY).is_empty());
    assert_eq!(interests.next_end(), None);
}

#[test]
fn a_subject_that_comes_and_goes_is_kept_from_the_last_time_on() {
    let (mut interests, _) = interests();
    let start = Instant::now();
    interests.add("a");
    subscribe(&mut interests);
    for second in 0..10 {
        interests.remove("a", start + second * SECOND);
        interests.add("a");
    }
    interests.remove("a", start + 10 * SECOND);
    assert_eq!(interests.leaving.len(), 1, "the list does not grow");
    assert!(interests.take_unwanted(start + DELAY).is_empty());
    assert_eq!(interests.next_end(), Some(start + 10 * SECOND + DELAY));
    assert_eq!(interests.take_unwanted(start + 10 * SECOND + DELAY), paths(&["a"]));
}

#[test]
fn what_was_never_subscribed_to_need_not_be_unsubscribed() {
    let (mut interests, _) = interests();
    let start = Instant::now();
    interests.add("a");
    interests.remove("a", start);
    assert!(interests.take_unwanted(start + DELAY).is_empty());
    assert!(interests.take_fresh().is_empty());
    interests.add("a");
    assert_eq!(subscribe(&mut interests), paths(&["a"]));
}

#[test]
fn a_subscription_that_is_broken_off_is_made_later() {
    let (mut interests, _) = interests();
    interests.add("a");
    let fresh = interests.take_fresh();
    assert!(interests.take_fresh().is_empty());
    fresh.into_iter().for_each(|path| interests.put_back(path));
    assert_eq!(interests.take_fresh(), paths(&["a"]));
}
