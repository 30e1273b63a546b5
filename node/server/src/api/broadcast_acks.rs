//! The answers of many clients.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;

use futures_util::Stream;

use super::error::{AckError, EmitError};
use crate::cluster::inbound::ClusterAcks;
use crate::ids::SocketId;
use fanfare_socketio::FromAnswer;

/// Answers that came until everybody had answered or the time was up.
#[derive(Debug)]
pub struct BroadcastAcks<T> {
    /// One for each client that answered, in the order of arrival. An error means that the answer does not fit the type
    /// asked for.
    pub answers: Vec<(SocketId, Result<T, AckError>)>,
    /// The clients that were asked and did not answer, or were disconnected before.
    pub unanswered: Vec<SocketId>,
    /// The nodes that did not report which clients they asked, or left before their clients answered.
    pub missing_nodes: Vec<String>,
    /// Whether the time was up before everybody had answered or gone.
    pub timed_out: bool,
}

impl<T> BroadcastAcks<T> {
    /// Whether all clients that were asked have answered, on all nodes.
    pub fn is_complete(&self) -> bool {
        self.unanswered.is_empty() && self.missing_nodes.is_empty()
    }

    /// The answers that fit the type asked for.
    pub fn into_values(self) -> Vec<T> {
        self.answers.into_iter().filter_map(|(_, answer)| answer.ok()).collect()
    }
}

/// The clients' answers to come: all together when awaited, or one by one. The event was sent already; dropping this
/// forgets the answers.
#[must_use = "await it for the clients' answers; use `emit` if you need none"]
pub struct AckStream<T> {
    state: Result<ClusterAcks, EmitError>,
    answer: PhantomData<fn() -> T>,
}

impl<T> AckStream<T> {
    pub(super) fn new(asked: Result<ClusterAcks, EmitError>) -> Self {
        Self { state: asked, answer: PhantomData }
    }

    /// Whether the event was sent.
    ///
    /// # Errors
    /// Those of [`EmitError`]; nothing was sent then.
    pub fn result(&self) -> Result<(), &EmitError> {
        self.state.as_ref().map(|_| ())
    }
}

impl<T: FromAnswer> AckStream<T> {
    /// The next answer; `None` when everybody has answered, or the time is up, or nothing was sent.
    pub async fn next(&mut self) -> Option<(SocketId, Result<T, AckError>)> {
        let (socket, arguments) = self.state.as_mut().ok()?.next().await?;
        Some((socket, T::from_answer(arguments).map_err(AckError::from)))
    }

    /// The answers as they come.
    pub fn into_stream(self) -> impl Stream<Item = (SocketId, Result<T, AckError>)> {
        futures_util::stream::unfold(self, |mut answering| async {
            let answer = answering.next().await?;
            Some((answer, answering))
        })
    }
}

impl<T: FromAnswer + Send + 'static> IntoFuture for AckStream<T> {
    type Output = Result<BroadcastAcks<T>, EmitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut asked = self.state?;
            let mut answers = Vec::new();
            while let Some((socket, arguments)) = asked.next().await {
                answers.push((socket, T::from_answer(arguments).map_err(AckError::from)));
            }
            let unanswered = asked.unanswered().collect();
            Ok(BroadcastAcks {
                answers,
                unanswered,
                missing_nodes: asked.missing_nodes().to_vec(),
                timed_out: asked.timed_out(),
            })
        })
    }
}
