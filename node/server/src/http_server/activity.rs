//! What goes on on one TCP connection, and how long it may be idle.
//!
//! hyper has one time for everything from the end of a request to the end of the next head. Here a head that has begun,
//! or that a new connection owes, has `header_timeout_ms`, and a connection between two requests has
//! `keep_alive_timeout_ms`. A client that takes nothing of its answer has `unread_timeout_ms`: the kernel's timer for that
//! does not act while the client goes on sending.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, Sleep};

use super::idle::IdleConnections;
use crate::options::{Options, ms};

/// One TCP connection, as its stream, its service and its task see it.
#[derive(Clone)]
pub(super) struct Activity(Arc<Shared>);

struct Shared {
    idle: Arc<IdleConnections>,
    /// Address that its idle time counts for; none for a trusted proxy.
    address: Option<IpAddr>,
    header_timeout: Duration,
    unread_timeout: Duration,
    keep_alive_timeout: Duration,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// Its number in the list of idle connections.
    listed: Option<u64>,
}

#[derive(Clone, Copy)]
enum Phase {
    /// The head of a request is awaited, or has begun, since then.
    Head(Instant),
    /// A request is being answered.
    UnderWay,
    /// The answer is in hyper's buffer. The network took something of it then, or it was put there then.
    Answered(Instant),
    /// The answer was written then, and no byte of a further request has come.
    Between(Instant),
}

/// Reason why a connection ends that makes no progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idle {
    /// The head of a request did not arrive in time.
    HeadTooSlow,
    /// There was no further request.
    NothingMore,
    /// The client took nothing of its answer for too long.
    Unread,
    /// Others need its place.
    Crowded,
}

impl Activity {
    /// A connection that was just accepted.
    pub fn new(idle: Arc<IdleConnections>, address: Option<IpAddr>, options: &Options) -> Self {
        Self(Arc::new(Shared {
            idle,
            address,
            header_timeout: ms(options.header_timeout_ms),
            unread_timeout: ms(options.unread_timeout_ms),
            keep_alive_timeout: ms(options.keep_alive_timeout_ms),
            state: Mutex::new(State { phase: Phase::Head(Instant::now()), listed: None }),
        }))
    }

    /// The same connection, once its proxy has told the client's address.
    pub fn of_client(&self, address: Option<IpAddr>) -> Self {
        let before = &*self.0;
        Self(Arc::new(Shared {
            idle: before.idle.clone(),
            address,
            header_timeout: before.header_timeout,
            unread_timeout: before.unread_timeout,
            keep_alive_timeout: before.keep_alive_timeout,
            state: Mutex::new(State { phase: before.state.lock().phase, listed: None }),
        }))
    }

    /// A request has arrived. False if the connection was closed at the same moment: then it must not be answered.
    pub fn begin(&self) -> bool {
        let mut state = self.0.state.lock();
        state.phase = Phase::UnderWay;
        state.listed.take().is_none_or(|number| self.0.idle.leave(number))
    }

    /// The whole answer was given to hyper.
    pub fn answered(&self) {
        self.0.state.lock().phase = Phase::Answered(Instant::now());
    }

    /// The network has taken something.
    pub fn wrote(&self) {
        let mut state = self.0.state.lock();
        if let Phase::Answered(since) = &mut state.phase {
            *since = Instant::now();
        }
    }

    /// Everything that hyper had was written.
    pub fn flushed(&self) {
        let mut state = self.0.state.lock();
        if matches!(state.phase, Phase::Answered(_)) {
            state.phase = Phase::Between(Instant::now());
        }
    }

    /// Bytes have come from the client.
    pub fn received(&self) {
        let mut state = self.0.state.lock();
        if matches!(state.phase, Phase::Between(_)) {
            state.phase = Phase::Head(Instant::now());
        }
    }

    /// Ready when the connection has been idle for too long, or is not to be kept any more. To be polled after each poll
    /// of what serves the connection: that is where everything else happens.
    pub fn poll_idle(&self, mut sleep: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<Idle> {
        let mut state = self.0.state.lock();
        let (until, end) = match state.phase {
            Phase::Head(since) => (since + self.0.header_timeout, Idle::HeadTooSlow),
            Phase::Between(since) => (since + self.0.keep_alive_timeout, Idle::NothingMore),
            Phase::Answered(since) => (since + self.0.unread_timeout, Idle::Unread),
            Phase::UnderWay => return Poll::Pending,
        };
        match state.listed {
            // Its request is not done: it is not idle.
            _ if end == Idle::Unread => {}
            None => state.listed = Some(self.0.idle.enter(self.0.address, cx.waker().clone())),
            Some(number) if !self.0.idle.contains(number) => return Poll::Ready(Idle::Crowded),
            Some(_) => {}
        }
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.poll(cx).map(|()| end)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(number) = self.state.get_mut().listed {
            self.idle.leave(number);
        }
    }
}
