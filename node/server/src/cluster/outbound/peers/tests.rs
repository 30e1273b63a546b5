use super::*;

const PATIENCE: Duration = Duration::from_secs(6);
const TICK: Duration = Duration::from_millis(1);
const INTERVAL: Duration = Duration::from_secs(2);

fn peers() -> Peers {
    Peers::new(NodeTag::random(), INTERVAL)
}

fn heartbeat(namespaces: &[&str]) -> Heartbeat {
    let namespaces = namespaces.iter().map(ToString::to_string).collect();
    Heartbeat { namespaces, ..Heartbeat::default() }
}

#[test]
fn a_node_is_known_from_its_first_heartbeat_until_it_is_silent_for_too_long() {
    let (mut peers, start) = (peers(), Instant::now());
    let name: Arc<str> = "aaaa".into();
    assert_eq!(peers.heard(&name, 1, heartbeat(&["/"]), start), Standing::New);
    assert_eq!(peers.heard(&name, 1, heartbeat(&["/"]), start + PATIENCE), Standing::Known);
    assert!(peers.sweep(start + 2 * PATIENCE - TICK, start, PATIENCE).is_empty());
    assert!(peers.knows("aaaa"));
    // While the bus was away nobody could be heard.
    assert!(peers.sweep(start + 9 * PATIENCE - TICK, start + 8 * PATIENCE, PATIENCE).is_empty());
    assert_eq!(peers.sweep(start + 3 * PATIENCE, start, PATIENCE), [name]);
    assert!(!peers.knows("aaaa"));
    let directory = peers.take_directory().expect("it has changed");
    assert!(directory.knows(NodeTag::parse("aaaa").unwrap()), "it may only be cut off");
}

#[test]
fn the_first_to_be_silent_for_too_long_is_known_beforehand() {
    let (mut peers, start) = (peers(), Instant::now());
    assert_eq!(peers.next_silence(start, PATIENCE), None);
    peers.heard(&"aaaa".into(), 1, heartbeat(&["/"]), start + PATIENCE);
    peers.heard(&"bbbb".into(), 2, heartbeat(&["/"]), start);
    assert_eq!(peers.next_silence(start, PATIENCE), Some(start + PATIENCE));
    assert_eq!(peers.sweep(start + PATIENCE, start, PATIENCE), ["bbbb".into()], "neither sooner nor later");
    assert_eq!(peers.next_silence(start, PATIENCE), Some(start + 2 * PATIENCE));
    // Nobody could be heard before that.
    let since = start + 5 * PATIENCE;
    assert_eq!(peers.next_silence(since, PATIENCE), Some(since + PATIENCE));
}

#[test]
fn two_runs_under_one_name_are_noticed() {
    let (mut peers, now) = (peers(), Instant::now());
    let name: Arc<str> = "aaaa".into();
    peers.heard(&name, 1, heartbeat(&[]), now);
    assert_eq!(peers.heard(&name, 2, heartbeat(&[]), now), Standing::Doubled);
    assert!(!peers.left("aaaa", 1), "another run's goodbye is not this one's");
    assert!(peers.left("aaaa", 2));
    assert!(!peers.left("aaaa", 2));
}

#[test]
fn only_nodes_that_serve_a_namespace_are_waited_for() {
    let (mut peers, now) = (peers(), Instant::now());
    peers.heard(&"aaaa".into(), 1, heartbeat(&["/", "/admin"]), now);
    peers.heard(&"bbbb".into(), 2, Heartbeat { confirms: true, ..heartbeat(&["/"]) }, now);
    assert_eq!(peers.serving("/admin"), ["aaaa".into()]);
    assert_eq!(peers.serving("/").len(), 2);
    assert_eq!(peers.confirming(), ["bbbb".into()], "the other one is of an older release");
}

#[test]
fn so_many_made_up_names_are_forgotten_and_those_who_live_are_not() {
    let mut peers = peers();
    peers.heard(&"aaaa".into(), 1, heartbeat(&[]), Instant::now());
    (0..2 * NAMES_MAX).for_each(|_| peers.remember(NodeTag::random().as_str()));
    peers.remember("no node has such a name");
    let directory = peers.take_directory().expect("it has changed");
    assert!(directory.known_count() <= NAMES_MAX);
    assert!(directory.knows(NodeTag::parse("aaaa").unwrap()));
}

#[test]
fn a_directory_is_taken_when_it_has_changed() {
    let (mut peers, now) = (peers(), Instant::now());
    let tell = |peers: &mut Peers, borrowed: &[&str]| {
        let borrowed: Vec<_> = borrowed.iter().map(ToString::to_string).collect();
        let heartbeat = Heartbeat { borrowed_ids: borrowed.len() as u64, borrowed, ..Heartbeat::default() };
        peers.heard(&"aaaa".into(), 1, heartbeat, now);
        peers.take_directory().is_some()
    };
    assert!(tell(&mut peers, &[]), "a new node");
    assert!(!tell(&mut peers, &[]));
    assert!(tell(&mut peers, &["bbbb0123456789012345"]));
    assert!(!tell(&mut peers, &["bbbb0123456789012345"]));
    assert!(tell(&mut peers, &["bbbb5432109876543210"]), "another one");
    assert!(tell(&mut peers, &[]));
    tell(&mut peers, &["bbbb0123456789012345"]);
    peers.left("aaaa", 1);
    assert!(peers.take_directory().is_some(), "it has borrowed nothing any more");
}

#[test]
fn a_node_that_comes_back_from_silence_is_known_by_its_name() {
    let (mut peers, start) = (peers(), Instant::now());
    let name: Arc<str> = "aaaa".into();
    assert_eq!(peers.name_of(1), None);
    peers.heard(&name, 1, heartbeat(&[]), start);
    assert_eq!(peers.name_of(1), Some(name.clone()));
    assert_eq!(peers.sweep(start + PATIENCE, start, PATIENCE), std::slice::from_ref(&name));
    // What was lost of it is told before its next heartbeat is heard.
    assert_eq!(peers.name_of(1), Some(name.clone()));
    assert_eq!(peers.heard(&name, 1, heartbeat(&[]), start + 3 * PATIENCE), Standing::Back(3 * PATIENCE));
    assert_eq!(peers.heard(&name, 1, heartbeat(&[]), start + 3 * PATIENCE), Standing::Known);
    // Another run of it has not come back from anywhere.
    peers.sweep(start + 4 * PATIENCE, start, PATIENCE);
    assert_eq!(peers.heard(&name, 2, heartbeat(&[]), start + 5 * PATIENCE), Standing::New);
}

#[test]
fn of_nodes_that_fell_silent_so_many_are_remembered() {
    let (mut peers, start) = (peers(), Instant::now());
    for run in 1..=3 * SILENT_MAX as u64 {
        peers.heard(&run.to_string().into(), run, heartbeat(&[]), start);
        peers.sweep(start + PATIENCE, start, PATIENCE);
    }
    assert_eq!(peers.silent.len(), SILENT_MAX);
    assert_eq!((peers.name_of(1), peers.name_of(3 * SILENT_MAX as u64).is_some()), (None, true));
}
