//! Admission of a client: middlewares first, then the room shard, then the CONNECT packet.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::value::RawValue;
use tracing::debug;

use super::core::NamespaceCore;
use crate::metrics::Metrics;
use crate::outbox::Packet;
use crate::socket::{
    Called, ConnectContext, ConnectRejection, Failure, HandlerErrorKind, Link, Rejection, RejectionKind,
    SocketCore,
};
use fanfare_engineio::request::Protocol;
use fanfare_socketio::encode;

/// Asks the middlewares in order; the first refusal decides. A panic is a refusal that tells the client nothing.
pub(super) async fn decide(socket: Arc<SocketCore>) -> Result<(), ConnectRejection> {
    socket.namespace.heard().await;
    let middlewares = socket.namespace.handlers().middlewares.clone();
    for middleware in middlewares {
        let context = ConnectContext { socket: socket.clone() };
        let asked = AssertUnwindSafe(async {
            match middleware.callback().call(context).map_err(|rejection| reject(&socket, rejection))? {
                Called::Ended(decision) => decision,
                Called::Running(future) => future.await,
            }
        });
        asked.catch_unwind().await.unwrap_or_else(|panic| {
            report(&socket, HandlerErrorKind::panicked(&*panic));
            Err(ConnectRejection { message: "internal server error".into(), data: None })
        })?;
    }
    Ok(())
}

fn report(socket: &Arc<SocketCore>, kind: HandlerErrorKind) {
    let (namespace, socket) = (socket.namespace.clone(), Some(socket.clone()));
    Failure { namespace, socket, event: "middleware".to_owned(), kind }.report();
}

/// A parameter that cannot be made refuses the client; the program hears of it if it is at fault.
fn reject(socket: &Arc<SocketCore>, rejection: Rejection) -> ConnectRejection {
    if rejection.kind() == RejectionKind::Missing {
        report(socket, rejection.clone().into());
    }
    ConnectRejection { message: rejection.text_for_client(), data: None }
}

/// Tells the client that it may not enter.
pub(super) fn refuse(socket: &SocketCore, refusal: &ConnectRejection) {
    let metrics = &socket.namespace.node.metrics;
    metrics.rejections.increment();
    debug!(%socket.id, reason = refusal.message, "client refused");
    send_refusal(metrics, &socket.link, socket.namespace.name(), &refusal.message, refusal.data.as_deref());
}

/// Sends a CONNECT_ERROR packet for a namespace.
pub(crate) fn send_refusal(
    metrics: &Metrics,
    link: &Link,
    namespace: &str,
    message: &str,
    data: Option<&RawValue>,
) {
    let encoded = match link.protocol {
        Protocol::V4 => encode::connect_error(namespace, message, data),
        Protocol::V3 => encode::error(namespace, message, data),
    };
    let packet = Packet::new(encoded, true);
    // If the connection is closed, there is nobody left to tell.
    link.outbox.push(&packet, false);
    link.count_sent(metrics, &packet);
}

/// Lets a client in: from now on broadcasts reach it, and CONNECT is the first packet that does.
/// Returns false if the client is gone, or there is no shard just now.
pub(super) fn admit(namespace: &NamespaceCore, socket: &Arc<SocketCore>) -> bool {
    if socket.link.outbox.is_closed() || !socket.admit() {
        return false;
    }
    let encoded = match socket.link.protocol {
        Protocol::V4 => encode::connect(namespace.name(), socket.id.as_str()),
        Protocol::V3 => encode::connect_without_id(namespace.name()),
    };
    let packet = Packet::new(encoded, true);
    socket.link.outbox.push(&packet, false);
    socket.link.count_sent(&namespace.node.metrics, &packet);
    namespace.remember(socket);
    socket.enter_shard()
}
