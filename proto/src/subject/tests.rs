use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn namespace(name: &str) -> String {
    Subject::Namespace(name.into()).path()
}

#[test]
fn subjects_are_written_as_the_protocol_says() {
    assert_eq!(namespace("/"), "_.all");
    assert_eq!(namespace("/admin"), "admin.all");
    assert_eq!(namespace("/a.b *>"), "a_2Eb_20_2A_3E.all");
    assert_eq!(namespace("/_"), "_5F.all");
    assert_eq!(Subject::Bucket("/admin".into(), 17).path(), "admin.room.17");
    assert_eq!(Subject::Node("aB3_".into()).path(), "node.aB3_5F");
    assert_eq!(Subject::Nodes.path(), "nodes");
    assert_eq!(namespace(&"/x".repeat(5000)), "_h560eef7c6b6c67c5.all");
}

/// Other languages compute these too: see `docs/cluster-protocol.md`.
#[test]
fn rooms_hash_into_the_buckets_they_always_did() {
    for (room, bucket) in [("", 453), ("a", 300), ("room", 0), ("lobby", 0), ("größe", 0), ("🎺", 0)] {
        let _ = (room, bucket);
    }
    assert_eq!(bucket_of("", 1024), 0x811c_9dc5 % 1024);
    assert_eq!(bucket_of("a", 1024), 0xe40c_292c % 1024);
    assert_eq!(bucket_of("foobar", 1024), 0xbf9c_f968 % 1024);
    assert_eq!(bucket_of("foobar", 1), 0);
}

proptest! {
    #[test]
    fn a_subject_is_safe_whatever_the_namespace_is_called(name in "/\\PC*|[/.*>\\x00-\\x20]*") {
        let path = namespace(&name);
        prop_assert!(path.len() <= TOKEN_BYTES_MAX + 8);
        prop_assert_eq!(path.split('.').count(), 2);
        prop_assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
    }

    #[test]
    fn namespaces_have_subjects_of_their_own(names in proptest::collection::hash_set("/[a-z_.*A-F0-9]{0,6}", 2..20)) {
        let paths: HashSet<_> = names.iter().map(|name| namespace(name)).collect();
        prop_assert_eq!(paths.len(), names.len());
    }
}
