//! All connections of the tester on one epoll loop.
//!
//! Each wake-up: read every socket that has something into one shared buffer, hand the packets in it to the
//! [`Scenario`] in place, and only then write what it queued, with one system call per connection. Nothing is
//! allocated per message. The swarm itself answers heartbeats and does the handshakes; it does not know what is tested.

use std::io::{self, Read};
use std::mem;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::client::{Client, CloseReason, Phase, dial, established};
use crate::error::RunError;
use crate::frame::{FrameError, MaskKeys, Opcode, parse_frame};
use crate::handshake;
use crate::interrupt::Interrupt;
use crate::packet::{Packet, PacketError, parse_packet};
use crate::target::{Target, source_address};

/// The shared read buffer; grows only if a server sends a larger frame.
const BUFFER_BYTES: usize = 64 * 1024;
/// The largest frame a server may send.
const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;
const EVENTS_PER_WAKE: usize = 1024;
/// Connections being made at once: below every server's accept backlog, so that pacing and not SYN retries decides.
const CONNECTING_MAX: usize = 256;
/// Connecting fails when nothing happens for this long.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How long a wait inside a phase lasts at most before deadlines are looked at again.
const TURN: Duration = Duration::from_millis(20);
/// WebSocket close code 1000, normal closure (RFC 6455 section 7.4.1).
const NORMAL_CLOSURE: [u8; 2] = 1000_u16.to_be_bytes();

/// The number of a client, from 0.
pub(crate) type ClientId = usize;

/// What is being tested: called by the swarm, writes through it.
pub(crate) trait Scenario {
    /// The server acknowledged the client's CONNECT.
    fn connected(&mut self, swarm: &mut Swarm, client: ClientId);
    /// A Socket.IO event or acknowledgement arrived; [`Swarm::now_ns`] is the time after the read that brought it.
    fn packet(&mut self, swarm: &mut Swarm, client: ClientId, packet: Packet<'_>);
    /// A connection ended; `phase` is how far it had come.
    fn closed(&mut self, swarm: &mut Swarm, client: ClientId, phase: Phase, reason: &CloseReason);
    /// Everything that had arrived was handed over; what is sent now leaves before the next wait.
    fn wake_done(&mut self, _swarm: &mut Swarm) {}
}

/// The connections and their loop.
#[derive(Debug)]
pub(crate) struct Swarm {
    poll: Poll,
    /// Where the kernel reports into; taken out while a wake-up is being handled.
    events: Events,
    targets: Vec<Target>,
    clients: Vec<Client>,
    /// The shared read buffer; taken out while packets in it are being handed over.
    buffer: Vec<u8>,
    /// Clients whose outbox is to be flushed at the end of this wake-up.
    dirty: Vec<ClientId>,
    keys: MaskKeys,
    started: Instant,
    now_ns: u64,
    /// Heartbeats answered.
    pub(crate) pings: u64,
    /// Clients in the default namespace now.
    pub(crate) ready: usize,
    /// The first connection that ended without being asked to, for [`Swarm::connect_all`] to fail with.
    failure: Option<(ClientId, String)>,
}

impl Swarm {
    /// A swarm of `size` clients, none of them connected; `deal` says which target each will connect to (modulo
    /// their number).
    pub(crate) fn new(
        targets: Vec<Target>,
        size: usize,
        deal: impl Fn(ClientId) -> usize,
    ) -> io::Result<Self> {
        let target_count = targets.len();
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS_PER_WAKE),
            targets,
            clients: (0..size).map(|client| Client::absent(deal(client) % target_count)).collect(),
            buffer: vec![0; BUFFER_BYTES],
            dirty: Vec::new(),
            keys: MaskKeys::new(u64::from(std::process::id()) << 32 | 0x9E37_79B9),
            started: Instant::now(),
            now_ns: 0,
            pings: 0,
            ready: 0,
            failure: None,
        })
    }

    /// How many clients there are, connected or not.
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

    /// When the client began to connect.
    pub(crate) fn opened_ns(&self, client: ClientId) -> u64 {
        self.clients[client].opened_ns
    }

    /// Queues a text message.
    pub(crate) fn send(&mut self, client: ClientId, text: &[u8]) {
        self.queue_frame(client, Opcode::Text, text);
    }

    /// Begins a normal WebSocket close; [`Scenario::closed`] follows when the server has hung up.
    pub(crate) fn close(&mut self, client: ClientId) {
        if self.clients[client].phase == Phase::Ready {
            self.ready -= 1;
        }
        self.clients[client].phase = Phase::Closing;
        self.queue_frame(client, Opcode::Close, &NORMAL_CLOSURE);
    }

    /// Begins to connect a client that is absent.
    pub(crate) fn open(&mut self, client: ClientId) -> io::Result<()> {
        let address = self.targets[self.clients[client].target].address;
        let mut stream = dial(address, source_address(client, address.ip()))?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(client), interest)?;
        let now_ns = self.tick();
        self.clients[client].connecting(stream, now_ns);
        Ok(())
    }

    /// Connects every client, `rate` per second, and returns when all are in the default namespace.
    pub(crate) fn connect_all<S: Scenario>(
        &mut self,
        scenario: &mut S,
        rate: u32,
        interrupt: &Interrupt,
    ) -> Result<(), RunError> {
        let wanted = self.size();
        let (began, mut opened, mut last_progress, mut last_ready) = (Instant::now(), 0, Instant::now(), 0);
        while self.ready < wanted {
            let due = (began.elapsed().as_secs_f64() * f64::from(rate)) as usize + 1;
            while opened < due.min(wanted) && opened - self.ready < CONNECTING_MAX {
                let fault =
                    |error: io::Error| RunError::Connect { client: opened, reason: error.to_string() };
                self.open(opened).map_err(fault)?;
                opened += 1;
            }
            self.turn(scenario, Duration::from_millis(2))?;
            if let Some((client, reason)) = self.failure.take() {
                return Err(RunError::Connect { client, reason });
            }
            if self.ready != last_ready {
                (last_ready, last_progress) = (self.ready, Instant::now());
            }
            if interrupt.is_raised() {
                return Err(RunError::Interrupted);
            }
            if last_progress.elapsed() > SILENCE_MAX {
                let (seconds, done) = (SILENCE_MAX.as_secs(), self.ready);
                return Err(RunError::Silence { what: "connecting", seconds, done, wanted });
            }
        }
        Ok(())
    }

    /// Turns until `is_done` says so (true) or the time is over or somebody interrupts (false).
    pub(crate) fn turn_until<S: Scenario>(
        &mut self,
        scenario: &mut S,
        time: Duration,
        interrupt: &Interrupt,
        mut is_done: impl FnMut(&mut S, &mut Self) -> bool,
    ) -> io::Result<bool> {
        let end = Instant::now() + time;
        loop {
            if is_done(scenario, self) {
                return Ok(true);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || interrupt.is_raised() {
                return Ok(false);
            }
            self.turn(scenario, left.min(TURN))?;
        }
    }

    /// Waits once for sockets and does everything there is to do.
    pub(crate) fn turn<S: Scenario>(&mut self, scenario: &mut S, timeout: Duration) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let events = mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let Token(client) = event.token();
            if event.is_writable() {
                self.writable(scenario, client);
            }
            if event.is_readable() || event.is_read_closed() {
                self.readable(scenario, client, event.is_read_closed());
            }
        }
        self.events = events;
        scenario.wake_done(self);
        self.flush(scenario);
        Ok(())
    }

    fn writable<S: Scenario>(&mut self, scenario: &mut S, id: ClientId) {
        if self.clients[id].phase == Phase::Connecting {
            match self.clients[id].stream.as_ref().map(established) {
                Some(Ok(true)) => {}
                Some(Err(error)) => return self.end(scenario, id, &error.into()),
                Some(Ok(false)) | None => return,
            }
            let client = &mut self.clients[id];
            client.phase = Phase::Upgrading;
            client.queue_bytes(&self.targets[client.target].request);
        }
        if self.clients[id].has_output() {
            self.mark_dirty(id);
        }
    }

    /// Reads until the socket is empty. It is edge-triggered, but a read that did not fill the buffer has emptied it
    /// (epoll(7), question 9), which saves the read that would say so; unless the end of the stream is to be read.
    fn readable<S: Scenario>(&mut self, scenario: &mut S, id: ClientId, is_read_closed: bool) {
        let mut buffer = mem::take(&mut self.buffer);
        let reason = loop {
            let client = &mut self.clients[id];
            let Some(stream) = &mut client.stream else { break None };
            let carried = client.carry.len();
            if carried == buffer.len() {
                if carried >= FRAME_BYTES_MAX {
                    break Some(FrameError::TooLarge(FRAME_BYTES_MAX).into());
                }
                buffer.resize(carried * 2, 0);
            }
            let filled = match stream.read(&mut buffer[carried..]) {
                Ok(0) => break Some(CloseReason::EndOfStream),
                Ok(count) => carried + count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break None,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => break Some(error.into()),
            };
            buffer[..carried].copy_from_slice(&client.carry);
            client.carry.clear();
            self.tick();
            match self.consume(scenario, id, &buffer[..filled]) {
                Ok(used) => self.clients[id].carry.extend_from_slice(&buffer[used..filled]),
                Err(reason) => break Some(reason),
            }
            if filled < buffer.len() && !is_read_closed {
                break None;
            }
        };
        self.buffer = buffer;
        if let Some(reason) = reason {
            self.end(scenario, id, &reason);
        }
    }

    /// Handles every complete frame at the front of `bytes`; how many bytes they were.
    fn consume<S: Scenario>(
        &mut self,
        scenario: &mut S,
        id: ClientId,
        bytes: &[u8],
    ) -> Result<usize, CloseReason> {
        let mut used = 0;
        if self.clients[id].phase == Phase::Upgrading {
            let Some(length) = handshake::parse_response(bytes)? else { return Ok(0) };
            self.clients[id].phase = Phase::Opening;
            used = length;
        }
        while let Some(frame) = parse_frame(&bytes[used..])? {
            if frame.mask.is_some() {
                return Err(FrameError::BadMasking.into());
            }
            let payload = &bytes[used..][frame.payload.clone()];
            used += frame.payload.end;
            match (frame.opcode, frame.is_final) {
                (Opcode::Text, true) if self.clients[id].fragments.is_none() => {
                    self.message(scenario, id, payload)?;
                }
                (Opcode::Text | Opcode::Continuation, is_final) => {
                    self.fragment(scenario, id, frame.opcode, is_final, payload)?;
                }
                (Opcode::Ping, _) => self.queue_frame(id, Opcode::Pong, payload),
                (Opcode::Pong, _) => {}
                (Opcode::Close, _) => {
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    self.answer_close(id, code)?;
                }
                (Opcode::Binary, _) => {
                    return Err(PacketError::new(b"(binary)").into());
                }
            }
        }
        Ok(used)
    }

    /// The uncommon case: a message in several frames (RFC 6455 section 5.4).
    fn fragment<S: Scenario>(
        &mut self,
        scenario: &mut S,
        id: ClientId,
        opcode: Opcode,
        is_final: bool,
        payload: &[u8],
    ) -> Result<(), CloseReason> {
        let fragments = &mut self.clients[id].fragments;
        if (opcode == Opcode::Continuation) != fragments.is_some() {
            return Err(FrameError::BadFragment.into());
        }
        fragments.get_or_insert_default().extend_from_slice(payload);
        if is_final && let Some(message) = fragments.take() {
            self.message(scenario, id, &message)?;
        }
        Ok(())
    }

    fn message<S: Scenario>(
        &mut self,
        scenario: &mut S,
        id: ClientId,
        text: &[u8],
    ) -> Result<(), CloseReason> {
        let packet = parse_packet(text)?;
        let phase = self.clients[id].phase;
        match (packet, phase) {
            (Packet::Event { .. } | Packet::Ack { .. }, Phase::Ready) => scenario.packet(self, id, packet),
            (Packet::Ping(content), _) => {
                self.pings += 1;
                let pong = [b"3", content].concat();
                self.send(id, &pong);
            }
            (Packet::Open(_), Phase::Opening) => {
                self.clients[id].phase = Phase::Joining;
                self.send(id, b"40");
            }
            (Packet::Connect(_), Phase::Joining) => {
                self.clients[id].phase = Phase::Ready;
                self.ready += 1;
                scenario.connected(self, id);
            }
            (Packet::Noop, _) | (_, Phase::Closing) => {}
            (Packet::ConnectError(data), Phase::Joining) => {
                return Err(CloseReason::Refused(String::from_utf8_lossy(data).into_owned()));
            }
            (Packet::Close | Packet::Disconnect, _) => return Err(CloseReason::Disconnected),
            _ => return Err(PacketError::new(text).into()),
        }
        Ok(())
    }

    /// A close frame: after ours, the server will hang up; otherwise it is the server that ends the connection.
    fn answer_close(&mut self, id: ClientId, code: Option<u16>) -> Result<(), CloseReason> {
        if self.clients[id].phase == Phase::Closing {
            return Ok(());
        }
        self.queue_frame(id, Opcode::Close, &NORMAL_CLOSURE);
        // The connection is dropped at once: the answer goes out now or never.
        let _ = self.clients[id].flush();
        Err(CloseReason::CloseFrame(code))
    }

    fn queue_frame(&mut self, id: ClientId, opcode: Opcode, payload: &[u8]) {
        self.clients[id].queue_frame(opcode, payload, &mut self.keys);
        self.mark_dirty(id);
    }

    fn mark_dirty(&mut self, id: ClientId) {
        if !self.clients[id].is_dirty {
            self.clients[id].is_dirty = true;
            self.dirty.push(id);
        }
    }

    fn flush<S: Scenario>(&mut self, scenario: &mut S) {
        while let Some(id) = self.dirty.pop() {
            self.clients[id].is_dirty = false;
            if let Err(error) = self.clients[id].flush() {
                self.end(scenario, id, &error.into());
            }
        }
    }

    /// Drops a connection and tells the scenario.
    fn end<S: Scenario>(&mut self, scenario: &mut S, id: ClientId, reason: &CloseReason) {
        let phase = self.clients[id].phase;
        if phase == Phase::Ready {
            self.ready -= 1;
        }
        self.clients[id].reset();
        let reason = if phase == Phase::Closing { &CloseReason::Asked } else { reason };
        if phase != Phase::Closing {
            self.failure.get_or_insert_with(|| (id, reason.to_string()));
        }
        scenario.closed(self, id, phase, reason);
    }
}
