//! Examples with a page of their own, in a real browser.

use fanfare::{Bytes, Io, Options};

use super::whiteboard;
use crate::client::Client;
use crate::support::{judge, judge_folder, serve};

#[tokio::test]
async fn strokes_are_shown_to_all_windows_and_to_those_that_come_later() {
    let bundle = judge_folder().join("node_modules/socket.io/client-dist");
    let options = Options { reactors: 2, ..Options::default() };
    let io = whiteboard::whiteboard(Io::builder().options(options).client_dist(bundle));
    let url = serve(&io).await;
    judge("whiteboard.mjs", &[&url]).await;

    // What is not a stroke is neither kept nor handed on, and what is comes as it was sent.
    let (mut one, _) = Client::connect_as(&url, "").await;
    let board = one.receive().await.attachments;
    assert!(!board[0].is_empty(), "the browser has drawn");
    let (mut two, _) = Client::connect_as(&url, "").await;
    two.receive().await;
    let stroke = b"\xff\0\0\x01\0\x01\0\x02";
    for stroke in [&b"\xff\0\0\x02\0\x01\0\x02"[..], stroke] {
        one.feed(r#"51-["stroke",{"_placeholder":true,"num":0}]"#).await;
        one.feed_binary(Bytes::from_static(stroke)).await;
        one.flush().await;
    }
    assert_eq!(two.receive().await.attachments, [&stroke[..]]);
    let (mut three, _) = Client::connect_as(&url, "").await;
    let kept = three.receive().await.attachments;
    assert_eq!(kept[0].strip_prefix(&*board[0]), Some(&stroke[..]));
    drop((one, two, three));
    io.close().await;
}
