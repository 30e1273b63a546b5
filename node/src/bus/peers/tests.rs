use super::*;

const PATIENCE: Duration = Duration::from_secs(6);
const TICK: Duration = Duration::from_millis(1);

fn heartbeat(namespaces: &[&str], borrowed_ids: u64) -> Heartbeat {
    let namespaces = namespaces.iter().map(ToString::to_string).collect();
    Heartbeat { namespaces, borrowed_ids, ..Heartbeat::default() }
}

#[test]
fn a_node_is_known_from_its_first_heartbeat_until_it_is_silent_for_too_long() {
    let (mut peers, start) = (Peers::default(), Instant::now());
    let name: Arc<str> = "aaaa".into();
    assert_eq!(peers.heard(&name, 1, heartbeat(&["/"], 0), start), Standing::New);
    assert_eq!(peers.heard(&name, 1, heartbeat(&["/"], 0), start + PATIENCE), Standing::Known);
    assert!(peers.sweep(start + 2 * PATIENCE - TICK, start, PATIENCE).is_empty());
    assert!(peers.knows("aaaa"));
    // While the bus was away nobody could be heard.
    assert!(peers.sweep(start + 9 * PATIENCE - TICK, start + 8 * PATIENCE, PATIENCE).is_empty());
    assert_eq!(peers.sweep(start + 3 * PATIENCE, start, PATIENCE), [name]);
    assert!(!peers.knows("aaaa"));
    assert!(peers.remembers("aaaa"));
}

#[test]
fn the_first_to_be_silent_for_too_long_is_known_beforehand() {
    let (mut peers, start) = (Peers::default(), Instant::now());
    assert_eq!(peers.next_silence(start, PATIENCE), None);
    peers.heard(&"aaaa".into(), 1, heartbeat(&["/"], 0), start + PATIENCE);
    peers.heard(&"bbbb".into(), 2, heartbeat(&["/"], 0), start);
    assert_eq!(peers.next_silence(start, PATIENCE), Some(start + PATIENCE));
    assert_eq!(peers.sweep(start + PATIENCE, start, PATIENCE), ["bbbb".into()], "neither sooner nor later");
    assert_eq!(peers.next_silence(start, PATIENCE), Some(start + 2 * PATIENCE));
    // Nobody could be heard before that.
    let since = start + 5 * PATIENCE;
    assert_eq!(peers.next_silence(since, PATIENCE), Some(since + PATIENCE));
}

#[test]
fn two_runs_under_one_name_are_noticed() {
    let (mut peers, now) = (Peers::default(), Instant::now());
    let name: Arc<str> = "aaaa".into();
    peers.heard(&name, 1, heartbeat(&[], 0), now);
    assert_eq!(peers.heard(&name, 2, heartbeat(&[], 0), now), Standing::Doubled);
    assert!(!peers.left("aaaa", 1), "another run's goodbye is not this one's");
    assert!(peers.left("aaaa", 2));
    assert!(!peers.left("aaaa", 2));
}

#[test]
fn only_nodes_that_serve_a_namespace_are_waited_for() {
    let (mut peers, now) = (Peers::default(), Instant::now());
    peers.heard(&"aaaa".into(), 1, heartbeat(&["/", "/admin"], 0), now);
    peers.heard(&"bbbb".into(), 2, heartbeat(&["/"], 3), now);
    assert_eq!(peers.serving("/admin"), ["aaaa".into()]);
    assert_eq!(peers.serving("/").len(), 2);
    assert!(peers.borrows_from("aaaa"));
    assert!(!peers.borrows_from("bbbb"), "its own sockets' ids are its own");
}

#[test]
fn a_node_that_comes_back_from_silence_is_known_by_its_name() {
    let (mut peers, start) = (Peers::default(), Instant::now());
    let name: Arc<str> = "aaaa".into();
    assert_eq!(peers.name_of(1), None);
    peers.heard(&name, 1, heartbeat(&[], 0), start);
    assert_eq!(peers.name_of(1), Some(name.clone()));
    assert_eq!(peers.sweep(start + PATIENCE, start, PATIENCE), std::slice::from_ref(&name));
    // What was lost of it is told before its next heartbeat is heard.
    assert_eq!(peers.name_of(1), Some(name.clone()));
    assert_eq!(peers.heard(&name, 1, heartbeat(&[], 0), start + 3 * PATIENCE), Standing::Back(3 * PATIENCE));
    assert_eq!(peers.heard(&name, 1, heartbeat(&[], 0), start + 3 * PATIENCE), Standing::Known);
    // Another run of it has not come back from anywhere.
    peers.sweep(start + 4 * PATIENCE, start, PATIENCE);
    assert_eq!(peers.heard(&name, 2, heartbeat(&[], 0), start + 5 * PATIENCE), Standing::New);
}

#[test]
fn of_nodes_that_fell_silent_so_many_are_remembered() {
    let (mut peers, start) = (Peers::default(), Instant::now());
    for run in 1..=3 * SILENT_MAX as u64 {
        peers.heard(&run.to_string().into(), run, heartbeat(&[], 0), start);
        peers.sweep(start + PATIENCE, start, PATIENCE);
    }
    assert_eq!(peers.silent.len(), SILENT_MAX);
    assert_eq!((peers.name_of(1), peers.name_of(3 * SILENT_MAX as u64).is_some()), (None, true));
}
