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
    assert_eq!(namespace("/chat/größe"), "chat_2Fgr_C3_B6_C3_9Fe.all");
    assert_eq!(Subject::Bucket("/admin".into(), 17).path(), "admin.room.17");
    assert_eq!(Subject::Node("aB3_".into()).path(), "node.aB3_5F");
    assert_eq!(Subject::Nodes.path(), "nodes");
    assert_eq!(namespace(&"/x".repeat(5000)), "_hc0653d68ce1b8e48.all");
}

/// Computed by a program in another language; `docs/cluster-protocol.md` shows some of them.
#[test]
fn rooms_hash_into_the_buckets_they_always_did() {
    let known = [
        ("", 453, 61),
        ("a", 300, 20),
        ("foobar", 360, 20),
        ("room", 634, 10),
        ("lobby", 723, 83),
        ("chat:42", 549, 65),
        ("größe", 154, 14),
        ("日本語", 231, 51),
        ("🎺", 192, 72),
        ("aB3_kQ2mR8sT5uV1wX4y", 963, 79),
    ];
    for (room, of_1024, of_100) in known {
        assert_eq!((bucket_of(room, 1024), bucket_of(room, 100)), (of_1024, of_100), "{room:?}");
    }
    assert_eq!(bucket_of("foobar", 1), 0);
    assert_eq!(bucket_of("foobar", 0), 0, "it is checked elsewhere that there are any");
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
