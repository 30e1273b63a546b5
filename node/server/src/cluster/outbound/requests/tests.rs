use super::*;

fn reply(node: &str) -> FromNode {
    FromNode::Reply(node.into(), wire::Reply::default())
}

#[tokio::test]
async fn a_request_ends_when_every_node_has_answered() {
    let requests = Arc::new(Requests::default());
    let mut ticket = requests.open(["aaaa".into(), "bbbb".into()]);
    assert!(requests.answer(ticket.id, reply("bbbb")));
    assert!(matches!(ticket.next().await, Some(FromNode::Reply(node, _)) if *node == *"bbbb"));
    assert!(requests.answer(ticket.id, reply("aaaa")));
    assert!(ticket.next().await.is_some());
    assert!(ticket.next().await.is_none());
}

/// Whether nodes are known not to have told everything, when one says so many pieces by their numbers.
async fn incomplete(pieces: &[u32], left_out: u64) -> bool {
    let requests = Arc::new(Requests::default());
    let mut ticket = requests.open(["aaaa".into(), "bbbb".into()]);
    requests.answer(ticket.id, reply("bbbb"));
    for (number, piece) in pieces.iter().enumerate() {
        let more = number + 1 < pieces.len();
        let left_out = if more { 0 } else { left_out };
        let reply = wire::Reply { piece: *piece, more, left_out, ..Default::default() };
        requests.answer(ticket.id, FromNode::Reply("aaaa".into(), reply));
    }
    for _ in 0..=pieces.len() {
        assert!(ticket.next().await.is_some());
    }
    assert!(ticket.next().await.is_none(), "the last piece ends it, whatever is missing");
    let incomplete: Vec<_> = ticket.incomplete().map(ToString::to_string).collect();
    assert!(incomplete.is_empty() || incomplete == ["aaaa"]);
    !incomplete.is_empty()
}

#[tokio::test]
async fn who_has_not_told_everything_is_known() {
    assert!(!incomplete(&[1], 0).await);
    assert!(!incomplete(&[1, 2, 3], 0).await);
    assert!(!incomplete(&[0, 0, 0], 0).await, "an older node does not number them");
    assert!(incomplete(&[1, 3], 0).await);
    assert!(incomplete(&[2], 0).await);
    assert!(incomplete(&[1, 2], 1).await);
}

#[tokio::test]
async fn a_dropped_request_leaves_nothing_behind() {
    let requests = Arc::new(Requests::default());
    let ticket = requests.open(["aaaa".into()]);
    let id = ticket.id;
    assert_eq!(requests.len(), 1);
    drop(ticket);
    assert_eq!(requests.len(), 0);
    assert!(!requests.answer(id, reply("aaaa")));
}
