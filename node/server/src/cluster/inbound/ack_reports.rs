//! Sends the acknowledgements of this node's clients to the node that asked for them.

use std::sync::Arc;
use std::time::Duration;

use fanfare_proto::wire;
use fanfare_proto::wire::envelope::Body;

use crate::cluster::outbound::ClusterLink;
use crate::ids::SocketId;
use crate::options::deadline_after;
use crate::socket::{AckUpdate, LocalAcks};
use fanfare_socketio::{Arguments, encode};

/// Number of answers that travel in one envelope at most.
const ANSWERS_MAX: usize = 512;
/// Bytes of answers from which an envelope is full.
const BYTES_MAX: usize = 256 * 1024;

/// Hands on the clients' answers until all have answered or gone, and reports that then. If the time is up before, it
/// sends nothing more: the asker has a clock of its own, and would take an early report for the end of silent clients.
pub async fn report(
    cluster: Arc<ClusterLink>,
    asker: Arc<str>,
    request: u64,
    mut acks: LocalAcks,
    timeout: Duration,
) {
    let deadline = deadline_after(timeout);
    loop {
        // The first one is waited for; what has come meanwhile travels with it.
        let first = match tokio::time::timeout_at(deadline, acks.next()).await {
            Ok(Some(first)) => first,
            Ok(None) => break,
            Err(_) => return,
        };
        let mut answers = wire::BroadcastAnswers { request, ..Default::default() };
        let (mut bytes, mut told) = (0, Some(first));
        while let Some(news) = told.take() {
            bytes += add(&mut answers, news);
            let count = answers.answers.len() + answers.asked.len();
            if count < ANSWERS_MAX && bytes < BYTES_MAX {
                told = acks.now();
            }
        }
        if !(answers.asked.is_empty() && answers.answers.is_empty()) {
            cluster.say_to_node(&asker, Body::BroadcastAnswers(answers));
        }
    }
    if !acks.is_complete {
        // Some were not asked: the asker must not take them for gone.
        return;
    }
    let last = wire::BroadcastAnswers { request, complete: true, ..Default::default() };
    cluster.say_to_node(&asker, Body::BroadcastAnswers(last));
}

/// Returns the bytes that were added.
fn add(answers: &mut wire::BroadcastAnswers, told: AckUpdate) -> usize {
    match told {
        AckUpdate::Asked(socket) => {
            answers.asked.push(socket.to_string());
            socket.as_str().len()
        }
        AckUpdate::Answer(socket, arguments) => match to_wire(socket, &arguments) {
            Some(answer) => {
                let bytes = answer.arguments.len()
                    + answer.attachments.iter().map(|bytes| bytes.len()).sum::<usize>();
                answers.answers.push(answer);
                bytes
            }
            None => 0,
        },
        // The asker knows it as one that did not answer.
        AckUpdate::Gone(_) => 0,
    }
}

fn to_wire(socket: SocketId, arguments: &Arguments) -> Option<wire::Answer> {
    // What was read from a client can be written again.
    let encoded = encode::array(arguments).ok()?;
    Some(wire::Answer {
        socket: socket.to_string(),
        arguments: encoded.text.to_string(),
        attachments: encoded.attachments,
    })
}
