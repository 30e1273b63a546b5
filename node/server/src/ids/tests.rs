use super::*;

#[test]
fn an_id_names_its_node_and_reactor_and_survives_a_round_trip() {
    let node = NodeTag::random();
    for reactor in 0..REACTORS_MAX {
        let id = SocketId::generate(node, reactor);
        assert_eq!(id.as_str().len(), 20);
        assert_eq!(id.reactor(), reactor);
        assert_eq!(id.node(), node);
        assert_eq!(SocketId::parse(id.as_str()), Some(id));
    }
}

#[test]
fn what_cannot_be_an_id_is_refused() {
    for text in ["", "short", "aaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaa!", "äaaaaaaaaaaaaaaaaaa"] {
        assert_eq!(SessionId::parse(text), None, "{text}");
    }
}

#[test]
fn a_session_id_does_not_show_itself_in_logs() {
    let id = SessionId::generate(NodeTag::random(), 0);
    assert!(!format!("{id:?}").contains(id.as_str()));
}

#[test]
fn a_session_id_takes_fifteen_characters_of_the_alphabet_and_nothing_else() {
    let node = NodeTag::random();
    let id = SessionId::with_secret(node, 7, "abcdefghijABC-_").expect("an id");
    assert_eq!(id.as_str(), format!("{}HabcdefghijABC-_", node.as_str()));
    assert_eq!(id.reactor(), 7);
    for secret in ["", "abcdefghijABC-", "abcdefghijABC-_x", "abcdefghijABC-.", "äbcdefghijABC-"] {
        assert_eq!(SessionId::with_secret(node, 7, secret), None, "{secret}");
    }
}

#[test]
fn a_socket_id_is_read_as_it_is_written() {
    let id = SocketId::generate(NodeTag::random(), 7);
    let json = serde_json::to_string(&id).expect("text");
    assert_eq!(serde_json::from_str::<SocketId>(&json).expect("an id"), id);
    assert!(serde_json::from_str::<SocketId>(r#""lobby""#).is_err());
}
