//! Questions about the sockets of the cluster: which, how many, in which rooms.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fanfare_proto::wire;
use fanfare_proto::wire::envelope::Body;
use fanfare_proto::wire::request::Question;
use tokio::sync::mpsc;

use super::gathered::{Collection, Gathered, RequestError};
use super::sockets::SocketInfo;
use crate::bus::{FromNode, Ticket, target as wire_target};
use crate::ids::Room;
use crate::namespace::NamespaceCore;
use crate::room::{Overloaded, Target};

/// What the reactors of this node say.
pub type Local<T> = mpsc::UnboundedReceiver<T>;

/// Which sockets are meant?
pub async fn fetch(
    namespace: &Arc<NamespaceCore>,
    target: Target,
    scope: Scope,
) -> Result<Gathered<Vec<SocketInfo>>, RequestError> {
    let ticket = ask(namespace, &target, scope, Question::Fetch)?;
    let mut found = merged(fetch_here(namespace, target)?).await;
    let mut collection = Collection::new(ticket, scope.timeout);
    while let Some(answer) = collection.next().await {
        if let FromNode::Reply(_, reply) = answer {
            found.extend(reply.sockets.into_iter().filter_map(SocketInfo::from_wire));
        }
    }
    Ok(finish(namespace, found, collection))
}

/// How many sockets are meant?
pub async fn count(
    namespace: &Arc<NamespaceCore>,
    target: Target,
    scope: Scope,
) -> Result<Gathered<u64>, RequestError> {
    let ticket = ask(namespace, &target, scope, Question::Count)?;
    let mut sum = summed(count_here(namespace, target)?).await;
    let mut collection = Collection::new(ticket, scope.timeout);
    while let Some(answer) = collection.next().await {
        if let FromNode::Reply(_, reply) = answer {
            sum += reply.count;
        }
    }
    Ok(finish(namespace, sum, collection))
}

/// In which rooms are they, and how many of them in each?
pub async fn rooms(
    namespace: &Arc<NamespaceCore>,
    target: Target,
    scope: Scope,
) -> Result<Gathered<BTreeMap<Room, u64>>, RequestError> {
    let ticket = ask(namespace, &target, scope, Question::Rooms)?;
    let mut rooms: BTreeMap<Room, u64> = BTreeMap::new();
    for (room, members) in merged(rooms_here(namespace, target)?).await {
        *rooms.entry(room).or_default() += members;
    }
    let mut collection = Collection::new(ticket, scope.timeout);
    while let Some(answer) = collection.next().await {
        let FromNode::Reply(_, reply) = answer else { continue };
        for room in reply.rooms {
            *rooms.entry(room.name.into()).or_default() += room.members;
        }
    }
    Ok(finish(namespace, rooms, collection))
}

/// Who is asked, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// This node alone (LOCAL-1).
    pub local: bool,
    /// How long other nodes have.
    pub timeout: Duration,
}

// This node's part. Each is asked for in order with the emits of this thread.

pub fn fetch_here(
    namespace: &Arc<NamespaceCore>,
    target: Target,
) -> Result<Local<Vec<SocketInfo>>, Overloaded> {
    each_reactor(namespace, target, |namespace, target| {
        let sockets = namespace.rooms.select_here(target).into_iter().filter_map(|id| namespace.socket(id));
        sockets.filter_map(|socket| SocketInfo::of(&socket)).collect()
    })
}

pub fn count_here(namespace: &Arc<NamespaceCore>, target: Target) -> Result<Local<u64>, Overloaded> {
    each_reactor(namespace, target, |namespace, target| namespace.rooms.select_here(target).len() as u64)
}

pub fn rooms_here(
    namespace: &Arc<NamespaceCore>,
    target: Target,
) -> Result<Local<Vec<(Room, u64)>>, Overloaded> {
    each_reactor(namespace, target, |namespace, target| namespace.rooms.census_here(target))
}

/// Everything the reactors say, as one.
pub async fn merged<T>(mut local: Local<Vec<T>>) -> Vec<T> {
    let mut all = Vec::new();
    while let Some(some) = local.recv().await {
        all.extend(some);
    }
    all
}

/// The sum of what the reactors say.
pub async fn summed(mut local: Local<u64>) -> u64 {
    let mut sum = 0;
    while let Some(some) = local.recv().await {
        sum += some;
    }
    sum
}

/// Does something on each reactor that may have members, and hands out what it returns.
pub fn each_reactor<T: Send + 'static>(
    namespace: &Arc<NamespaceCore>,
    target: Target,
    work: fn(&NamespaceCore, &Target) -> T,
) -> Result<Local<T>, Overloaded> {
    // One result for each reactor.
    let (results, local) = mpsc::unbounded_channel();
    let (core, meant) = (namespace.clone(), Arc::new(target));
    namespace.rooms.on_shards(&meant.clone(), move || {
        // Who asked may have gone.
        let _ = results.send(work(&core, &meant));
    })?;
    Ok(local)
}

/// Asks the other nodes; `None` if there are none to be asked.
fn ask(
    namespace: &NamespaceCore,
    target: &Target,
    scope: Scope,
    question: fn(wire::Target) -> Question,
) -> Result<Option<Ticket>, RequestError> {
    let Some(cluster) = namespace.node.cluster.as_ref().filter(|_| !scope.local) else { return Ok(None) };
    if !cluster.is_connected() {
        return Err(RequestError::Disconnected);
    }
    let ticket = cluster.ask_all(namespace.name());
    let target = wire_target(namespace.name(), &target.rooms, &target.except);
    let request = Body::Request(wire::Request { id: ticket.id, question: Some(question(target)) });
    cluster.check_size(&request)?;
    cluster.say_to_namespace(namespace.shared_name(), request);
    Ok(Some(ticket))
}

pub fn finish<T>(namespace: &NamespaceCore, value: T, collection: Collection) -> Gathered<T> {
    let missing_nodes = collection.missing_nodes();
    if !missing_nodes.is_empty() {
        namespace.node.metrics.requests_incomplete.increment();
    }
    Gathered { value, missing_nodes }
}
