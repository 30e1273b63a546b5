use tokio::sync::mpsc;

use super::*;
use crate::options::ClientLimits;

/// The envelopes that NATS carries unless told otherwise.
const BUS_BYTES: usize = 16 * 1024 * 1024;

/// The replies to request 7, when reactors say this.
async fn replies(reactors: Vec<Vec<wire::RemoteSocket>>, bytes_max: usize) -> Vec<wire::Reply> {
    let (told, local) = mpsc::unbounded_channel();
    reactors.into_iter().for_each(|sockets| told.send(sockets).unwrap());
    drop(told);
    let pieces =
        Pieces::of(local, bytes_max, |socket| socket, |reply, socket| reply.sockets.push(socket)).await;
    let replies: Vec<_> = pieces.replies(7).collect();
    assert!(replies.iter().all(|reply| reply.request == 7 && reply.encoded_len() <= bytes_max));
    let (last, others) = replies.split_last().expect("one at least");
    assert!(!last.more && others.iter().all(|reply| reply.more && reply.left_out == 0));
    assert!((1..).zip(&replies).all(|(piece, reply)| reply.piece == piece));
    replies
}

fn socket(auth_bytes: usize) -> wire::RemoteSocket {
    wire::RemoteSocket { auth: "x".repeat(auth_bytes), ..Default::default() }
}

#[tokio::test]
async fn nobody_is_an_answer_too() {
    assert_eq!(replies(Vec::new(), BUS_BYTES).await.len(), 1);
    assert_eq!(replies(vec![Vec::new(), Vec::new()], BUS_BYTES).await.len(), 1);
}

#[tokio::test]
async fn replies_are_cut_by_bytes_whatever_the_number_of_sockets() {
    let many = replies(vec![vec![socket(500); 900], vec![socket(0); 9_000]], BUS_BYTES).await;
    assert!((2..5).contains(&many.len()), "{}", many.len());
    assert_eq!(many.iter().map(|reply| reply.sockets.len()).sum::<usize>(), 9_900);
    assert!(many.iter().all(|reply| reply.encoded_len() <= REPLY_BYTES + HEAD_BYTES));
    let large = replies(vec![vec![socket(900_000); 20]], BUS_BYTES).await;
    assert!(large.iter().all(|reply| reply.sockets.len() == 1));
    assert_eq!(large.len(), 20);
}

#[tokio::test]
async fn what_the_bus_does_not_carry_is_left_out_alone() {
    let sockets = vec![socket(10), socket(5_000), socket(10), socket(1_000), socket(5_001)];
    let replies = replies(vec![sockets], 4_000).await;
    assert_eq!(replies.iter().map(|reply| reply.sockets.len()).sum::<usize>(), 3);
    assert_eq!(replies.last().map(|reply| reply.left_out), Some(2));
}

/// All that the limits allow together, and the largest head of a request.
#[tokio::test]
async fn the_largest_socket_that_there_may_be_by_default_is_told() {
    let limits = ClientLimits::default();
    let (rooms, head) = (limits.rooms_per_socket_max, 64 * 1024);
    let name = "r".repeat(limits.room_bytes_per_socket_max / rooms);
    let largest = wire::RemoteSocket {
        rooms: vec![name; rooms],
        data: "d".repeat(limits.shared_data_bytes_max),
        auth: "a".repeat(limits.auth_bytes_max),
        url: "u".repeat(head),
        headers: "h".repeat(head),
        ..Default::default()
    };
    let replies = replies(vec![vec![largest; 30]], BUS_BYTES).await;
    assert_eq!((replies.len(), replies[29].left_out), (30, 0));
}
