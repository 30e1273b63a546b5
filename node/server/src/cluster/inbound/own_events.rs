//! Events that a server sends to itself too: its handlers run as for those of other servers.

use std::hash::BuildHasher;
use std::sync::Arc;

use fanfare_socketio::{Arguments, Encoded};
use rustc_hash::FxBuildHasher;
use tokio::sync::mpsc;

use super::response::{Local, RequestError};
use super::server_events::{InFlight, ServerAnswer, first_answer, handle};
use crate::namespace::NamespaceCore;
use crate::socket::ServerContext;

/// Runs this node's handlers of an event that it sends itself. With `answers` the first answer comes there; the channel
/// ends without one when no handler is left that could answer.
///
/// # Errors
/// If no handler was run: the server does not run, or too many events of servers have not finished.
pub fn handle_here(
    namespace: &Arc<NamespaceCore>,
    event: &str,
    encoded: &Encoded,
    answers: Option<mpsc::UnboundedSender<ServerAnswer>>,
) -> Result<(), RequestError> {
    let node = &namespace.node;
    let max = i64::try_from(node.options.events_in_flight_max).unwrap_or(i64::MAX).saturating_mul(2);
    if node.metrics.server_events_running.get() >= max {
        return Err(RequestError::Overloaded);
    }
    let arguments = read(encoded)?;
    let own_name = node.tag.as_str().to_owned();
    let reply = answers.map(|answers| {
        let node = own_name.clone();
        first_answer(move |encoded| {
            if let Ok(arguments) = read(&encoded) {
                // The caller may have stopped waiting.
                let _ = answers.send(ServerAnswer { node: node.clone(), arguments });
            }
        })
    });
    let (namespace, name) = (namespace.clone(), event.into());
    let context = ServerContext { namespace, name, from: own_name, arguments, reply };
    let reactor = FxBuildHasher.hash_one(context.namespace.name()) as usize % node.reactors();
    let in_flight = Arc::new(InFlight::begin(node, None));
    if node.spawn_on(reactor, move || handle(context, &in_flight)) {
        Ok(())
    } else {
        Err(RequestError::NotRunning)
    }
}

/// The arguments that this node has encoded.
fn read(encoded: &Encoded) -> Result<Arguments, RequestError> {
    let read = Arguments::from_json_with(&encoded.text, encoded.attachments.clone());
    read.map_err(|error| RequestError::Encode(serde_json::Error::io(std::io::Error::other(error)).into()))
}

/// A channel for the answer of this node.
pub fn answers() -> (mpsc::UnboundedSender<ServerAnswer>, Local<ServerAnswer>) {
    // One answer, the first.
    mpsc::unbounded_channel()
}
