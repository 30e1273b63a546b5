//! Events, acknowledgements, rooms and bytes.

use std::time::Duration;

use fanfare::Bytes;
use serde_json::json;

use super::{acks, background, binary, broadcast_acks, cheatsheet, errors, exchange, rooms, started};
use crate::client::Client;

#[tokio::test]
async fn acks_go_in_both_directions() {
    let (io, url) = started(acks::install).await;
    let mut client = Client::connect(&url).await;
    exchange(&mut client, r#"27["add",1,2]"#, "37[3]").await;
    for (answer, verdict) in [("42", "right"), ("41", "wrong")] {
        client.send(r#"28["quiz"]"#).await;
        let question = client.receive().await.text;
        let id = question.strip_suffix(r#"["question","6 * 7?"]"#).expect("the question");
        let id = id.strip_prefix('2').expect("an event");
        exchange(&mut client, &format!(r#"3{id}["{answer}"]"#), &format!(r#"38["{verdict}"]"#)).await;
    }
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn a_task_in_the_background_tells_the_time() {
    let (io, url) = started(|_| {}).await;
    let clock = background::clock(&io, Duration::from_millis(10));
    let mut client = Client::connect(&url).await;
    for _ in 0..2 {
        let told = client.receive().await.arguments();
        assert_eq!((&told[0], &told[2]), (&json!("time"), &json!(1)));
    }
    clock.abort();
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn bytes_are_handed_on_to_others() {
    let (io, url) = started(binary::install).await;
    let (mut one, mut two) = (Client::connect(&url).await, Client::connect(&url).await);
    let packet = r#"["upload",{"name":"a.txt","content":{"_placeholder":true,"num":0}}]"#;
    one.feed(&format!("51-7{packet}")).await;
    one.feed_binary(Bytes::from_static(b"abc")).await;
    one.flush().await;
    assert_eq!(one.receive().await.text, "37[3]");
    let uploaded = two.receive().await;
    assert_eq!(uploaded.arguments()[1]["name"], "a.txt");
    assert_eq!(uploaded.attachments, [Bytes::from_static(b"abc")]);
    drop((one, two));
    io.close().await;
}

#[tokio::test]
async fn everybody_is_asked_for_a_vote() {
    let (io, url) = started(broadcast_acks::install).await;
    let mut clients = Client::connect_many(&url, 3).await;
    clients[0].send(r#"27["poll","more?"]"#).await;
    for (client, answer) in clients.iter_mut().zip(["yes", "no", "yes"]) {
        let vote = client.receive().await.text;
        let id = vote.strip_suffix(r#"["vote","more?"]"#).and_then(|rest| rest.strip_prefix('2'));
        client.send(&format!(r#"3{}["{answer}"]"#, id.expect("the question"))).await;
    }
    assert_eq!(clients[0].receive().await.text, "37[2]");
    drop(clients);
    io.close().await;
}

#[tokio::test]
async fn the_cheat_sheet_reaches_who_it_says() {
    let (io, url) = started(cheatsheet::install).await;
    let (mut one, _) = Client::connect_as(&url, "{}").await;
    let (mut two, _) = Client::connect_as(&url, "{}").await;
    one.send(r#"2["cheatsheet"]"#).await;
    let mut to_sender = Vec::new();
    while to_sender.last().is_none_or(|event| event != "an event sent to all connected clients") {
        let packet = one.receive().await;
        if let Some(id) = packet.text.strip_suffix(r#"["question","do you think so?"]"#) {
            one.send(&format!(r#"3{}["yes"]"#, &id[1..])).await;
        }
        to_sender.push(packet.arguments()[0].as_str().expect("a name").to_owned());
    }
    to_sender.retain(|event| event != "maybe"); // volatile
    let expected = ["hello", "message", "bytes", "uncompressed", "what", "question", "big-announcement"];
    assert_eq!(to_sender[..7], expected);
    let mut to_other = Vec::new();
    while to_other.last().is_none_or(|event| event != "an event sent to all connected clients") {
        to_other.push(two.receive().await.arguments()[0].as_str().expect("a name").to_owned());
    }
    assert_eq!(to_other[..4], ["broadcast", "nice game", "nice game", "nice game"]);
    drop((one, two));
    io.close().await;
}

#[tokio::test]
async fn a_handler_that_fails_answers_with_nothing_and_the_socket_lives_on() {
    let (io, url) = started(errors::install).await;
    let mut client = Client::connect(&url).await;
    exchange(&mut client, r#"27["divide",6,0]"#, "37[]").await;
    exchange(&mut client, r#"28["divide","six"]"#, "38[]").await;
    exchange(&mut client, r#"29["divide",6,3]"#, "39[2]").await;
    exchange(&mut client, r#"2["whisper","hi"]"#, r#"2["whispered","hi"]"#).await;
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn a_room_hears_who_joins_speaks_and_leaves() {
    let (io, url) = started(rooms::install).await;
    let (mut one, mut two) = (Client::connect(&url).await, Client::connect(&url).await);
    exchange(&mut one, r#"27["join","lobby"]"#, "37[]").await;
    exchange(&mut two, r#"27["join","lobby"]"#, "37[]").await;
    assert_eq!(one.receive().await.arguments()[1], "lobby");
    exchange(&mut two, r#"28["members","lobby"]"#, "38[2]").await;
    two.send(r#"2["say","lobby","hi"]"#).await;
    assert_eq!(one.receive().await.text, r#"2["said","hi"]"#);
    drop(two);
    assert_eq!(one.receive().await.arguments()[0], "left");
    drop(one);
    io.close().await;
}
