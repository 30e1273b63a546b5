//! Events between servers (JavaScript's `serverSideEmit`).

use std::hash::BuildHasher;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytestring::ByteString;
use fanfare_proto::wire;
use fanfare_proto::wire::envelope::Body;
use futures_util::FutureExt;
use rustc_hash::FxBuildHasher;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::debug;

use super::query::{Scope, ask, finish, put};
use super::response::{ClusterResponse, RequestError};
use crate::cluster::outbound::{ClusterLink, FromNode};
use crate::namespace::NamespaceCore;
use crate::node::Node;
use crate::room::Target;
use crate::socket::{Called, Failure, HandlerErrorKind, HandlerFuture, Outcome, Returned, ServerContext};
use fanfare_socketio::{Arguments, EncodeError, Encoded, encode};

/// One server's answer.
#[derive(Clone, Debug)]
pub struct ServerAnswer {
    /// The name of the node.
    pub node: String,
    /// Arguments of the answer.
    pub arguments: Arguments,
}

/// Sends an event to all other servers.
pub fn emit_to_servers(
    namespace: &Arc<NamespaceCore>,
    event: &str,
    arguments: &impl Serialize,
) -> Result<(), RequestError> {
    let Encoded { text, attachments } = encode::array(arguments)?;
    let Some(cluster) = &namespace.node.cluster else { return Ok(()) };
    let body = body(namespace, event, text, attachments, 0);
    cluster.check_size(&body)?;
    cluster.say_to_namespace(namespace.shared_name(), body);
    Ok(())
}

/// The same, with their answers.
pub async fn ask_servers(
    namespace: Arc<NamespaceCore>,
    event: &str,
    encoded: Result<Encoded, EncodeError>,
    scope: Scope,
) -> Result<ClusterResponse<Vec<ServerAnswer>>, RequestError> {
    let Encoded { text, attachments } = encoded?;
    let Some(cluster) = &namespace.node.cluster else {
        return Ok(ClusterResponse { value: Vec::new(), missing_nodes: Vec::new() });
    };
    let question = put(cluster, &namespace, &Target::default(), |request| {
        body(&namespace, event, text, attachments, request)
    })?;
    let mut collection = ask(&namespace, question, scope);
    let mut answers = Vec::new();
    while let Some(answer) = collection.next().await {
        let FromNode::Reply(node, reply) = answer else { continue };
        match Arguments::from_json_with(&reply.arguments, reply.attachments) {
            Ok(arguments) => answers.push(ServerAnswer { node: node.to_string(), arguments }),
            Err(_) => namespace.node.metrics.bus_invalid_messages.increment(),
        }
    }
    Ok(finish(&namespace, answers, collection))
}

fn body(
    namespace: &NamespaceCore,
    event: &str,
    arguments: ByteString,
    attachments: Vec<bytes::Bytes>,
    request: u64,
) -> Body {
    Body::ServerEvent(wire::ServerEvent {
        namespace: namespace.name().to_owned(),
        event: event.to_owned(),
        arguments: arguments.to_string(),
        attachments,
        request,
    })
}

/// One event of another server whose handlers have not finished.
struct InFlight {
    node: Arc<Node>,
    /// Permits of the event: its place and its turn, given back when the last handler has finished.
    _permits: [OwnedSemaphorePermit; 2],
}

impl InFlight {
    fn begin(node: &Arc<Node>, place: OwnedSemaphorePermit, turn: OwnedSemaphorePermit) -> Self {
        node.metrics.server_events_running.increment();
        Self { node: node.clone(), _permits: [place, turn] }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.node.metrics.server_events_running.decrement();
    }
}

/// Queue of other servers' events that wait while too many have not finished.
///
/// The node goes on reading the bus meanwhile: handlers may wait for answers of other nodes.
pub struct ServerEvents {
    node: Arc<Node>,
    /// One for each event that is handled or waits.
    places: Arc<Semaphore>,
    /// Bounded by the places.
    waiting: mpsc::UnboundedSender<Received>,
}

/// An event of another server that waits for its handlers.
struct Received {
    place: OwnedSemaphorePermit,
    namespace: Arc<NamespaceCore>,
    from: Arc<str>,
    event: wire::ServerEvent,
}

impl ServerEvents {
    /// Starts handling events on this thread, in the order of their arrival: as many at a time as one client may have
    /// under way, while as many more wait.
    pub fn start(node: &Arc<Node>, cluster: &Arc<ClusterLink>) -> Self {
        let max = node.options.events_in_flight_max.min(Semaphore::MAX_PERMITS / 2);
        let (waiting, mut received) = mpsc::unbounded_channel::<Received>();
        let (turns, cluster) = (Arc::new(Semaphore::new(max)), cluster.clone());
        actix_rt::spawn(async move {
            while let Some(event) = received.recv().await {
                // The semaphore is never closed.
                let Ok(turn) = turns.clone().acquire_owned().await else { return };
                dispatch(event, &cluster, turn);
            }
        });
        Self { node: node.clone(), places: Arc::new(Semaphore::new(2 * max)), waiting }
    }

    /// Takes an event of another server; dropped and counted if too many wait.
    pub fn heard(&self, namespace: Arc<NamespaceCore>, from: Arc<str>, event: wire::ServerEvent) {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            self.node.metrics.bus_undelivered.increment();
            debug!(event = event.event, "event of another server dropped: too many wait for their handlers");
            return;
        };
        // The task that takes them lives as long as this thread.
        let _ = self.waiting.send(Received { place, namespace, from, event });
    }
}

/// Runs the handlers of an event on a reactor, one namespace always on the same, so that events are handled in order.
fn dispatch(received: Received, cluster: &Arc<ClusterLink>, turn: OwnedSemaphorePermit) {
    let Received { place, namespace, from, event } = received;
    let in_flight = Arc::new(InFlight::begin(&namespace.node, place, turn));
    let metrics = &namespace.node.metrics;
    metrics.server_events.increment();
    let Ok(arguments) = Arguments::from_json_with(&event.arguments, event.attachments) else {
        return metrics.bus_invalid_messages.increment();
    };
    let reply = (event.request != 0).then(|| replier(cluster, from.clone(), event.request));
    let context = ServerContext {
        namespace: namespace.clone(),
        name: event.event.into(),
        from: from.to_string(),
        arguments,
        reply,
    };
    let reactor = FxBuildHasher.hash_one(namespace.name()) as usize % namespace.node.reactors();
    let here = context.clone();
    let unfinished = in_flight.clone();
    if !namespace.node.spawn_on(reactor, move || handle(context, &unfinished)) {
        // The server does not listen (yet): this thread has time.
        handle(here, &in_flight);
    }
}

/// Sends the first answer of a server's handlers to the server that asked.
fn replier(cluster: &Arc<ClusterLink>, to: Arc<str>, request: u64) -> Arc<dyn Fn(Encoded) + Send + Sync> {
    let (cluster, is_open) = (cluster.clone(), AtomicBool::new(true));
    Arc::new(move |encoded: Encoded| {
        if is_open.swap(false, Relaxed) {
            let reply = wire::Reply {
                request,
                arguments: encoded.text.to_string(),
                attachments: encoded.attachments,
                ..Default::default()
            };
            cluster.say_to_node(&to, Body::Reply(reply));
        }
    })
}

fn handle(context: ServerContext, in_flight: &Arc<InFlight>) {
    for handler in context.namespace.handlers().for_server_event(&context.name) {
        let called = std::panic::catch_unwind(AssertUnwindSafe(|| handler.callback().call(context.clone())));
        match called {
            Ok(Ok(Called::Ended(outcome))) => ended(&context, Ok(outcome)),
            Ok(Ok(Called::Running(future))) => {
                drop(actix_rt::spawn(run(context.clone(), future, in_flight.clone())));
            }
            Ok(Err(rejection)) => report(&context, rejection.into()),
            Err(panic) => report(&context, HandlerErrorKind::panicked(&*panic)),
        }
    }
}

async fn run(context: ServerContext, future: HandlerFuture<Outcome>, _until_then: Arc<InFlight>) {
    ended(&context, AssertUnwindSafe(future).catch_unwind().await);
}

fn ended(context: &ServerContext, outcome: std::thread::Result<Outcome>) {
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(Returned(error))) => report(context, HandlerErrorKind::Returned(error)),
        Err(panic) => report(context, HandlerErrorKind::panicked(&*panic)),
    }
}

fn report(context: &ServerContext, kind: HandlerErrorKind) {
    let (namespace, event) = (context.namespace.clone(), context.name.to_string());
    Failure { namespace, socket: None, event, kind }.report();
}
