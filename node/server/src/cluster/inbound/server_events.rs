//! Events between servers (JavaScript's `serverSideEmit`).

use std::hash::BuildHasher;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use fanfare_proto::wire;
use fanfare_proto::wire::envelope::Body;
use futures_util::FutureExt;
use rustc_hash::FxBuildHasher;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::debug;

use super::own_events::{self, handle_here};
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

/// Sends an event to all other servers, and with `include_self` to this one.
pub fn emit_to_servers(
    namespace: &Arc<NamespaceCore>,
    event: &str,
    arguments: &impl Serialize,
    include_self: bool,
) -> Result<(), RequestError> {
    let encoded = encode::array(arguments)?;
    if namespace.is_closed() {
        return Ok(());
    }
    let cluster = namespace.node.cluster.as_ref();
    let body = cluster.map(|_| body(namespace, event, &encoded, 0));
    if let Some((cluster, body)) = cluster.zip(body.as_ref()) {
        cluster.check_size(body)?;
    }
    if include_self {
        handle_here(namespace, event, &encoded, None)?;
    }
    if let Some((cluster, body)) = cluster.zip(body) {
        cluster.say_to_namespace(namespace.shared_name(), body);
    }
    Ok(())
}

/// The same, with their answers.
pub async fn ask_servers(
    namespace: Arc<NamespaceCore>,
    event: &str,
    encoded: Result<Encoded, EncodeError>,
    scope: Scope,
    include_self: bool,
) -> Result<ClusterResponse<Vec<ServerAnswer>>, RequestError> {
    let encoded = encoded?;
    let question = match &namespace.node.cluster {
        Some(cluster) => put(cluster, &namespace, &Target::default(), |request| {
            body(&namespace, event, &encoded, request)
        })?,
        None => None,
    };
    let here = match include_self {
        true => {
            let (sink, here) = own_events::answers();
            handle_here(&namespace, event, &encoded, Some(sink))?;
            Some(here)
        }
        false => None,
    };
    let mut collection = ask(&namespace, question, scope);
    let mut answers = Vec::new();
    if let Some(mut here) = here {
        match collection.here(&mut here).await {
            Some(answer) => answers.push(answer),
            None => collection.misses_here(),
        }
    }
    while let Some(answer) = collection.next().await {
        let FromNode::Reply(node, reply) = answer else { continue };
        match Arguments::from_json_with(&reply.arguments, reply.attachments) {
            Ok(arguments) => answers.push(ServerAnswer { node: node.to_string(), arguments }),
            Err(_) => namespace.node.metrics.bus_invalid_messages.increment(),
        }
    }
    Ok(finish(&namespace, answers, collection))
}

fn body(namespace: &NamespaceCore, event: &str, encoded: &Encoded, request: u64) -> Body {
    Body::ServerEvent(wire::ServerEvent {
        namespace: namespace.name().to_owned(),
        event: event.to_owned(),
        arguments: encoded.text.to_string(),
        attachments: encoded.attachments.clone(),
        request,
    })
}

/// One event of a server whose handlers have not finished.
pub(super) struct InFlight {
    node: Arc<Node>,
    /// Permits of another server's event: its place and its turn, given back when the last handler has finished.
    _permits: Option<[OwnedSemaphorePermit; 2]>,
}

impl InFlight {
    pub fn begin(node: &Arc<Node>, permits: Option<[OwnedSemaphorePermit; 2]>) -> Self {
        node.metrics.server_events_running.increment();
        Self { node: node.clone(), _permits: permits }
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
    let in_flight = Arc::new(InFlight::begin(&namespace.node, Some([place, turn])));
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
fn replier(cluster: &Arc<ClusterLink>, to: Arc<str>, request: u64) -> Reply {
    let cluster = cluster.clone();
    first_answer(move |encoded| {
        let reply = wire::Reply {
            request,
            arguments: encoded.text.to_string(),
            attachments: encoded.attachments,
            ..Default::default()
        };
        cluster.say_to_node(&to, Body::Reply(reply));
    })
}

/// Way of handlers to answer an event of a server.
type Reply = Arc<dyn Fn(Encoded) + Send + Sync>;

/// Passes the first answer on.
pub(super) fn first_answer(pass: impl Fn(Encoded) + Send + Sync + 'static) -> Reply {
    let is_open = AtomicBool::new(true);
    Arc::new(move |encoded| {
        if is_open.swap(false, Relaxed) {
            pass(encoded);
        }
    })
}

pub(super) fn handle(context: ServerContext, in_flight: &Arc<InFlight>) {
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
