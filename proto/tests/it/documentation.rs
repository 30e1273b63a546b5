//! `docs/cluster-protocol.md` says what is so.

use fanfare_proto::{ROOM_BUCKETS, Subject, bucket_of};

const PAGE: &str = include_str!("../../../docs/cluster-protocol.md");

fn assert_row(cells: &[String]) {
    let row = format!("| {} |", cells.join(" | "));
    assert!(PAGE.lines().any(|line| line == row), "the page has no row {row}");
}

#[test]
fn the_page_names_namespaces_as_nodes_do() {
    let long = format!("/{}", "x".repeat(65));
    for namespace in ["/", "/admin", "/chat/größe", "/a.b *>", "/_", &*long] {
        let times = if namespace == long { " (65 times `x`)" } else { "" };
        let path = Subject::Namespace(namespace.into()).path();
        assert_row(&[format!("`{namespace}`{times}"), format!("`{path}`")]);
    }
    assert!(PAGE.contains(&format!("`{}`", Subject::Node("aB3_".into()).path())));
}

#[test]
fn the_page_knows_the_buckets() {
    for room in ["a", "lobby", "chat:42", "größe", "日本語", "🎺"] {
        let (hash, bucket) = (bucket_of(room, u32::MAX), bucket_of(room, ROOM_BUCKETS));
        assert_row(&[format!("`{room}`"), format!("`{hash:#010x}`"), bucket.to_string()]);
    }
}

#[test]
fn the_page_shows_the_emitter_as_it_is() {
    let emitter = include_str!("../../../node/tests/judge/emitter/emit.mjs");
    assert!(PAGE.contains(&format!("```js\n{emitter}```\n")));
}
