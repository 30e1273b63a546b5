//! All connections of the tester on one epoll loop.
//!
//! Each wake-up: read every socket that has something into one shared buffer, hand the packets in it to the
//! [`Handler`] in place, and only then write what it queued, with one system call per connection. Nothing is
//! allocated per message. The swarm itself answers heartbeats and does the handshakes; it does not know what is tested.

use std::io;
use std::mem;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::client::frame::MaskKeys;
use crate::client::packet::Packet;
use crate::client::target::Dialing;
use crate::client::{Client, CloseReason, Slot, Stage};
use crate::error::RunError;
use crate::measure::ledger::Ledger;
use crate::measure::series::{Counters, Observer, Series};
use crate::swarm::interrupt::Interrupt;
use crate::swarm::timer::Timer;

pub(crate) mod control;
pub(crate) mod interrupt;
mod longpoll;
mod ramp_up;
mod session;
mod sockets;
pub(crate) mod timer;
mod websocket;

/// The shared read buffer; grows only if a server sends a larger frame.
const BUFFER_BYTES: usize = 64 * 1024;
const EVENTS_PER_WAKE: usize = 1024;
/// Longest wait inside a phase before deadlines are looked at again.
const TURN: Duration = Duration::from_millis(20);
const TIMER: Token = Token(usize::MAX);

/// The number of a client, from 0.
pub(crate) type ClientId = usize;

/// Reactions of a scenario to its clients: called by the swarm, writes through it.
pub(crate) trait Handler {
    /// The server acknowledged the client's CONNECT with this JSON.
    fn connected(&mut self, swarm: &mut Swarm, client: ClientId, data: &[u8]);
    /// A Socket.IO event or acknowledgement arrived, with its attachment if it has one; [`Swarm::now_ns`] is the time
    /// after the read that brought it.
    fn packet(&mut self, swarm: &mut Swarm, client: ClientId, packet: Packet<'_>, attachment: Option<&[u8]>);
    /// A connection ended; `stage` is how far it had come.
    fn closed(&mut self, swarm: &mut Swarm, client: ClientId, stage: Stage, reason: &CloseReason);
    /// Everything that had arrived was handed over; what is sent now leaves before the next wait.
    fn wake_done(&mut self, _swarm: &mut Swarm) {}
    /// The books, to be read once per interval of the time series.
    fn ledger(&mut self) -> &mut Ledger;
}

/// The connections and their loop.
#[derive(Debug)]
pub(crate) struct Swarm {
    poll: Poll,
    /// Buffer for the kernel's reports; taken out while a wake-up is being handled.
    events: Events,
    timer: Timer,
    dialing: Dialing,
    clients: Vec<Client>,
    /// The shared read buffer; taken out while packets in it are being handed over.
    buffer: Vec<u8>,
    /// Clients whose outboxes are to be flushed at the end of this wake-up.
    dirty: Vec<ClientId>,
    /// Clients that read again, and may have something to read that was already reported.
    resumed: Vec<ClientId>,
    keys: MaskKeys,
    started: Instant,
    now_ns: u64,
    /// Heartbeats answered.
    pub(crate) pings: u64,
    /// Clients in their namespace now.
    pub(crate) ready: usize,
    counters: Counters,
    /// Intervals of every second so far.
    pub(crate) series: Series,
    /// The first connection that ended without being asked to, for [`Swarm::connect_all`] to fail with.
    failure: Option<RunError>,
}

impl Swarm {
    /// A swarm of `size` clients, none of them connected; `deal` says which target each will connect to (modulo
    /// their number).
    pub(crate) fn new(
        dialing: Dialing,
        size: usize,
        deal: impl Fn(ClientId) -> usize,
        observer: Observer,
    ) -> io::Result<Self> {
        let (targets, routes) = (dialing.targets.len(), &dialing.routes);
        let client = |id| Client::absent(deal(id) % targets, routes[id / targets % routes.len()]);
        let clients = (0..size).map(client).collect();
        let poll = Poll::new()?;
        Ok(Self {
            timer: Timer::new(poll.registry(), TIMER)?,
            poll,
            events: Events::with_capacity(EVENTS_PER_WAKE),
            keys: MaskKeys::new(dialing.seed << 32 | 0x9E37_79B9),
            dialing,
            clients,
            buffer: vec![0; BUFFER_BYTES],
            dirty: Vec::new(),
            resumed: Vec::new(),
            started: Instant::now(),
            now_ns: 0,
            pings: 0,
            ready: 0,
            counters: Counters::default(),
            series: Series::new(observer),
            failure: None,
        })
    }

    /// Takes the reason of the first connection that ended without being asked to.
    pub(crate) fn take_failure(&mut self) -> Option<RunError> {
        self.failure.take()
    }

    /// Makes the error of a run that cannot go on without this client.
    fn absence(&self, id: ClientId, reason: &CloseReason) -> RunError {
        let url = self.dialing.targets[self.clients[id].target].url.clone();
        match reason {
            CloseReason::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                RunError::Refused { url }
            }
            reason => RunError::Connect { client: id, url, reason: reason.to_string() },
        }
    }

    /// Number of clients, connected or not.
    pub(crate) fn size(&self) -> usize {
        self.clients.len()
    }

    /// Nanoseconds since the swarm began, as of the last read or [`Swarm::tick`].
    pub(crate) fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// Reads the clock.
    pub(crate) fn tick(&mut self) -> u64 {
        self.now_ns = self.started.elapsed().as_nanos() as u64;
        self.now_ns
    }

    /// Time at which the client began to connect.
    pub(crate) fn opened_ns(&self, client: ClientId) -> u64 {
        self.clients[client].opened_ns
    }

    pub(crate) fn stage_of(&self, client: ClientId) -> Stage {
        self.clients[client].stage
    }

    /// Ends the running interval of the time series; the next ones belong to this phase.
    pub(crate) fn enter(&mut self, ledger: &mut Ledger, phase: &str, is_measured: bool) {
        self.cut_interval(ledger);
        self.series.enter(phase, is_measured);
    }

    fn cut_interval(&mut self, ledger: &mut Ledger) {
        let now_ns = self.tick();
        let counters = Counters { connected: self.ready as u64, ..self.counters };
        self.series.cut(now_ns, counters, ledger);
    }

    /// Makes sure that the loop wakes at this time.
    pub(crate) fn wake_at(&mut self, at_ns: u64) {
        let now_ns = self.now_ns;
        // The timer is a plain file descriptor set to a valid time: this cannot fail, and a wait is short anyway.
        let _ = self.timer.set(at_ns, now_ns);
    }

    /// Turns until `is_done` says so (true), or until the time is over or the run is interrupted (false).
    pub(crate) fn turn_until<H: Handler>(
        &mut self,
        handler: &mut H,
        time: Duration,
        interrupt: &Interrupt,
        mut is_done: impl FnMut(&mut H, &mut Self) -> bool,
    ) -> io::Result<bool> {
        let end = Instant::now() + time;
        loop {
            if is_done(handler, self) {
                return Ok(true);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || interrupt.is_raised() {
                return Ok(false);
            }
            self.turn(handler, left.min(TURN))?;
        }
    }

    /// Waits once for sockets and does everything there is to do.
    pub(crate) fn turn<H: Handler>(&mut self, handler: &mut H, timeout: Duration) -> io::Result<()> {
        let timeout = if self.resumed.is_empty() { timeout } else { Duration::ZERO };
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let events = mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            if event.token() == TIMER {
                continue;
            }
            let (client, slot) = addressee(event.token());
            if event.is_writable() {
                self.writable(handler, client, slot);
            }
            if event.is_readable() || event.is_read_closed() {
                self.readable(handler, client, slot, event.is_read_closed());
            }
        }
        self.events = events;
        for client in mem::take(&mut self.resumed) {
            self.readable(handler, client, Slot::Main, true);
        }
        handler.wake_done(self);
        self.flush(handler);
        if self.series.is_due(self.now_ns) {
            self.cut_interval(handler.ledger());
        }
        Ok(())
    }
}

fn token(client: ClientId, slot: Slot) -> Token {
    Token(client * 2 + slot as usize)
}

fn addressee(token: Token) -> (ClientId, Slot) {
    let slot = if token.0.is_multiple_of(2) { Slot::Main } else { Slot::Side };
    (token.0 / 2, slot)
}
