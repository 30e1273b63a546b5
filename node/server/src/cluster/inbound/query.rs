//! Queries about the sockets of the cluster: the sockets, their number, their rooms.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fanfare_proto::wire;
use fanfare_proto::wire::envelope::Body;
use fanfare_proto::wire::request::Question;
use tokio::sync::mpsc;

use super::response::{ClusterResponse, Collection, Local, RequestError};
use super::sockets::SocketInfo;
use crate::cluster::outbound::{ClusterLink, FromNode, target as wire_target};
use crate::ids::Room;
use crate::namespace::NamespaceCore;
use crate::room::{Asker, Overloaded, Target};

/// Fetches the selected sockets.
pub async fn fetch(
    namespace: &Arc<NamespaceCore>,
    target: Target,
    scope: Scope,
) -> Result<ClusterResponse<Vec<SocketInfo>>, RequestError> {
    let question = question(namespace, &target, scope, Question::Fetch)?;
    let mut here = fetch_here(namespace, target, Asker::Here)?;
    let mut collection = ask(namespace, question, scope);
    let mut found = Vec::new();
    while let Some(sockets) = collection.here(&mut here).await {
        found.extend(sockets);
    }
    while let Some(answer) = collection.next().await {
        if let FromNode::Reply(_, reply) = answer {
            found.extend(reply.sockets.into_iter().filter_map(SocketInfo::from_wire));
        }
    }
    Ok(finish(namespace, found, collection))
}

/// Counts the selected sockets.
pub async fn count(
    namespace: &Arc<NamespaceCore>,
    target: Target,
    scope: Scope,
) -> Result<ClusterResponse<u64>, RequestError> {
    let question = question(namespace, &target, scope, Question::Count)?;
    let mut here = count_here(namespace, target, Asker::Here)?;
    let mut collection = ask(namespace, question, scope);
    let mut sum = 0_u64;
    while let Some(count) = collection.here(&mut here).await {
        sum += count;
    }
    while let Some(answer) = collection.next().await {
        if let FromNode::Reply(_, reply) = answer {
            sum = sum.saturating_add(reply.count);
        }
    }
    Ok(finish(namespace, sum, collection))
}

/// Returns the rooms of the selected sockets, and the number of these in each.
pub async fn rooms(
    namespace: &Arc<NamespaceCore>,
    target: Target,
    scope: Scope,
) -> Result<ClusterResponse<BTreeMap<Room, u64>>, RequestError> {
    let question = question(namespace, &target, scope, Question::Rooms)?;
    let mut here = rooms_here(namespace, target, Asker::Here)?;
    let mut collection = ask(namespace, question, scope);
    let mut rooms: BTreeMap<Room, u64> = BTreeMap::new();
    let mut add = |room: Room, members: u64| {
        let sum = rooms.entry(room).or_default();
        *sum = sum.saturating_add(members);
    };
    while let Some(some) = collection.here(&mut here).await {
        some.into_iter().for_each(|(room, members)| add(room, members));
    }
    while let Some(answer) = collection.next().await {
        let FromNode::Reply(_, reply) = answer else { continue };
        reply.rooms.into_iter().for_each(|room| add(room.name.into(), room.members));
    }
    Ok(finish(namespace, rooms, collection))
}

/// Nodes to ask, and the time they have.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// This node alone (LOCAL-1).
    pub local: bool,
    /// Time that other nodes have.
    pub timeout: Duration,
}

// This node's part. Each is asked for in order with the emits of this thread.

pub fn fetch_here(
    namespace: &Arc<NamespaceCore>,
    target: Target,
    asker: Asker,
) -> Result<Local<Vec<SocketInfo>>, Overloaded> {
    each_reactor(namespace, target, asker, |namespace, target| {
        let sockets = namespace.rooms.select_here(target).into_iter().filter_map(|id| namespace.socket(id));
        sockets.filter_map(|socket| SocketInfo::of(&socket)).collect()
    })
}

pub fn count_here(
    namespace: &Arc<NamespaceCore>,
    target: Target,
    asker: Asker,
) -> Result<Local<u64>, Overloaded> {
    each_reactor(namespace, target, asker, |namespace, target| {
        namespace.rooms.select_here(target).len() as u64
    })
}

pub fn rooms_here(
    namespace: &Arc<NamespaceCore>,
    target: Target,
    asker: Asker,
) -> Result<Local<Vec<(Room, u64)>>, Overloaded> {
    each_reactor(namespace, target, asker, |namespace, target| namespace.rooms.census_here(target))
}

/// Sums the answers of the reactors.
pub async fn summed(mut local: Local<u64>) -> u64 {
    let mut sum = 0;
    while let Some(some) = local.recv().await {
        sum += some;
    }
    sum
}

/// Runs work on each reactor that may have members, and hands out the results.
pub fn each_reactor<T: Send + 'static>(
    namespace: &Arc<NamespaceCore>,
    target: Target,
    asker: Asker,
    work: fn(&NamespaceCore, &Target) -> T,
) -> Result<Local<T>, Overloaded> {
    // One result for each reactor.
    let (results, local) = mpsc::unbounded_channel();
    let (core, meant) = (namespace.clone(), Arc::new(target));
    namespace.rooms.on_shards(&meant.clone(), asker, move || {
        // The caller may have gone.
        let _ = results.send(work(&core, &meant));
    })?;
    Ok(local)
}

/// The question for the other nodes; `None` if there are none to be asked.
fn question(
    namespace: &NamespaceCore,
    target: &Target,
    scope: Scope,
    question: fn(wire::Target) -> Question,
) -> Result<Option<crate::cluster::outbound::Question>, RequestError> {
    let Some(cluster) = namespace.node.cluster.as_ref().filter(|_| !scope.local) else { return Ok(None) };
    let target_wire = wire_target(namespace.name(), &target.rooms, &target.except);
    let body = |id| Body::Request(wire::Request { id, question: Some(question(target_wire)) });
    put(cluster, namespace, target, body)
}

/// Makes a question of a body; `None` if it concerns this node alone.
pub fn put(
    cluster: &ClusterLink,
    namespace: &NamespaceCore,
    target: &Target,
    body: impl FnOnce(u64) -> Body,
) -> Result<Option<crate::cluster::outbound::Question>, RequestError> {
    if namespace.is_closed() {
        return Ok(None);
    }
    let question = cluster.question(namespace.audience(), &target.rooms, body)?;
    if question.is_some() && !cluster.is_connected() {
        return Err(RequestError::Disconnected);
    }
    Ok(question)
}

/// Asks, now that this node's reactors were asked.
pub fn ask(
    namespace: &NamespaceCore,
    question: Option<crate::cluster::outbound::Question>,
    scope: Scope,
) -> Collection {
    let ticket =
        namespace.node.cluster.as_ref().zip(question).map(|(cluster, question)| cluster.ask(question));
    Collection::new(&namespace.node, ticket, scope.timeout)
}

pub fn finish<T>(namespace: &NamespaceCore, value: T, collection: Collection) -> ClusterResponse<T> {
    let missing_nodes = collection.missing_nodes();
    if !missing_nodes.is_empty() {
        namespace.node.metrics.requests_incomplete.increment();
    }
    ClusterResponse { value, missing_nodes }
}
