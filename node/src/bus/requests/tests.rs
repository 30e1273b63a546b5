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
