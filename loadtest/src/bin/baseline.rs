//! `baseline`: the relay contract over WebSocket on a bare epoll loop, one thread, no framework, no features.
//!
//! The yardstick for servers: the cost of the kernel and the protocol alone. It must never grow what a real server
//! needs (heartbeats, limits, namespaces, slow-consumer policy), nor be used as one: it trusts its clients.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::mem;
use std::net::SocketAddr;

use clap::{Parser, ValueEnum};
use fanfare_loadtest::{
    Opcode, Packet, apply_mask, parse_frame, parse_packet, parse_request, push_frame,
    push_switching_protocols,
};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

const LISTENER: Token = Token(usize::MAX);
const BUFFER_BYTES: usize = 64 * 1024;
const EVENTS_PER_WAKE: usize = 1024;
/// No heartbeats: an interval of a day.
const OPEN: &[u8] =
    br#"0{"sid":"baseline","upgrades":[],"pingInterval":86400000,"pingTimeout":86400000,"maxPayload":1000000}"#;
const CONNECTED: &[u8] = br#"40{"sid":"baseline"}"#;

/// Baseline: a bare server that shows what delivering a message costs without a server framework.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Address to listen at
    #[arg(long, default_value = "127.0.0.1:3100")]
    listen: SocketAddr,
    /// Way in which deliveries leave
    #[arg(long, value_enum, default_value = "batched")]
    mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// One write(2) for every delivery
    Direct,
    /// Deliveries wait in a buffer per connection; one write(2) per connection and wake-up
    Batched,
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let mut baseline = Baseline::listen(options.listen, options.mode)?;
    let (mode, address) = (options.mode, baseline.listener.local_addr()?);
    println!("baseline ({mode:?}) listens on {address} with process id {}", std::process::id());
    baseline.serve()
}

struct Baseline {
    poll: Poll,
    listener: TcpListener,
    connections: Slab<Connection>,
    rooms: HashMap<Vec<u8>, Vec<usize>>,
    mode: Mode,
    /// Shared by all connections; taken out while what it holds is being handled.
    buffer: Vec<u8>,
    /// Connections to flush at the end of the wake-up.
    dirty: Vec<usize>,
    /// Scratch for the text and the frame that is being sent.
    text: Vec<u8>,
    frame: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    is_upgraded: bool,
    is_dirty: bool,
    rooms: Vec<Vec<u8>>,
    /// The incomplete frame at the end of the last read.
    carry: Vec<u8>,
    outbox: Vec<u8>,
    written: usize,
}

impl Baseline {
    fn listen(address: SocketAddr, mode: Mode) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(address)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            connections: Slab::new(),
            rooms: HashMap::new(),
            mode,
            buffer: vec![0; BUFFER_BYTES],
            dirty: Vec::new(),
            text: Vec::new(),
            frame: Vec::new(),
        })
    }

    /// Serves until the operating system refuses.
    fn serve(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_PER_WAKE);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    Token(id) => self.ready(id, event.is_writable(), event.is_read_closed()),
                }
            }
            while let Some(id) = self.dirty.pop() {
                self.flush(id);
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let entry = self.connections.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(entry.key()), interest)?;
            entry.insert(Connection::new(stream));
        }
    }

    fn ready(&mut self, id: usize, is_writable: bool, is_read_closed: bool) {
        if is_writable && self.connections.get(id).is_some_and(|connection| !connection.outbox.is_empty()) {
            self.mark_dirty(id);
        }
        let mut buffer = mem::take(&mut self.buffer);
        let is_alive = self.read(id, &mut buffer, is_read_closed);
        self.buffer = buffer;
        if !is_alive {
            self.drop_connection(id);
        }
    }

    /// Reads and handles what there is; false when the connection is over.
    fn read(&mut self, id: usize, buffer: &mut Vec<u8>, is_read_closed: bool) -> bool {
        loop {
            let Some(connection) = self.connections.get_mut(id) else { return true };
            let carried = connection.carry.len();
            if carried == buffer.len() {
                buffer.resize(carried * 2, 0);
            }
            let filled = match connection.stream.read(&mut buffer[carried..]) {
                Ok(0) => return false,
                Ok(count) => carried + count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return false,
            };
            buffer[..carried].copy_from_slice(&connection.carry);
            connection.carry.clear();
            let Some(used) = self.consume(id, &mut buffer[..filled]) else { return false };
            self.connections[id].carry.extend_from_slice(&buffer[used..filled]);
            if filled < buffer.len() && !is_read_closed {
                return true;
            }
        }
    }

    /// Handles every complete frame; how many bytes they were, or `None` when the connection is over.
    fn consume(&mut self, id: usize, bytes: &mut [u8]) -> Option<usize> {
        let mut used = 0;
        if !self.connections[id].is_upgraded {
            let Some((length, key)) = parse_request(bytes).ok()? else { return Some(0) };
            push_switching_protocols(&mut self.connections[id].outbox, key);
            self.connections[id].is_upgraded = true;
            used = length;
            self.send(id, Opcode::Text, OPEN);
        }
        while let Some(frame) = parse_frame(&bytes[used..]).ok()? {
            let payload = &mut bytes[used..][frame.payload.clone()];
            apply_mask(payload, frame.mask?);
            used += frame.payload.end;
            match frame.opcode {
                Opcode::Text => self.packet(id, parse_packet(payload, b"").ok()?)?,
                Opcode::Ping => self.send(id, Opcode::Pong, payload),
                Opcode::Close => {
                    self.send(id, Opcode::Close, payload);
                    self.flush(id);
                    return None;
                }
                _ => {}
            }
        }
        Some(used)
    }

    fn packet(&mut self, id: usize, packet: Packet<'_>) -> Option<()> {
        match packet {
            Packet::Connect(_) => self.send(id, Opcode::Text, CONNECTED),
            Packet::Event { ack, data } => self.event(id, ack, data)?,
            Packet::Disconnect | Packet::Close => return None,
            _ => {}
        }
        Some(())
    }

    /// The relay contract.
    fn event(&mut self, id: usize, ack: Option<u64>, data: &[u8]) -> Option<()> {
        let (name, arguments) = split_value(data.strip_prefix(b"[")?.strip_suffix(b"]")?)?;
        let mut answer: &[u8] = b"";
        match name {
            b"\"join\"" => self.join(id, arguments),
            b"\"leave\"" => self.leave(id, arguments),
            b"\"emit\"" => {
                let (room, payload) = split_value(arguments)?;
                let members = self.rooms.get_mut(room).map(mem::take).unwrap_or_default();
                self.deliver(members.iter().copied(), payload);
                if let Some(room) = self.rooms.get_mut(room) {
                    *room = members;
                }
            }
            b"\"broadcast\"" => {
                let all: Vec<usize> = self.connections.iter().map(|(id, _)| id).collect();
                self.deliver(all.into_iter(), arguments);
            }
            b"\"echo\"" => answer = arguments,
            _ => return None,
        }
        if let Some(ack) = ack {
            let mut text = mem::take(&mut self.text);
            text.clear();
            write!(text, "43{ack}[").ok()?;
            text.extend_from_slice(answer);
            text.push(b']');
            self.send(id, Opcode::Text, &text);
            self.text = text;
        }
        Some(())
    }

    fn join(&mut self, id: usize, room: &[u8]) {
        let joined = &mut self.connections[id].rooms;
        if !joined.iter().any(|name| name == room) {
            joined.push(room.to_vec());
            self.rooms.entry(room.to_vec()).or_default().push(id);
        }
    }

    fn leave(&mut self, id: usize, room: &[u8]) {
        self.connections[id].rooms.retain(|name| name != room);
        if let Some(members) = self.rooms.get_mut(room) {
            members.retain(|member| *member != id);
            if members.is_empty() {
                self.rooms.remove(room);
            }
        }
    }

    /// Encodes once, then one write or one copy for each member.
    fn deliver(&mut self, members: impl Iterator<Item = usize>, payload: &[u8]) {
        self.text.clear();
        self.text.extend_from_slice(b"42[\"msg\",");
        self.text.extend_from_slice(payload);
        self.text.push(b']');
        let mut frame = mem::take(&mut self.frame);
        frame.clear();
        push_frame(&mut frame, Opcode::Text, &self.text, None);
        for member in members {
            self.send_frame(member, &frame);
        }
        self.frame = frame;
    }

    fn send(&mut self, id: usize, opcode: Opcode, payload: &[u8]) {
        let mut frame = mem::take(&mut self.frame);
        frame.clear();
        push_frame(&mut frame, opcode, payload, None);
        self.send_frame(id, &frame);
        self.frame = frame;
    }

    fn send_frame(&mut self, id: usize, frame: &[u8]) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if self.mode == Mode::Direct && connection.outbox.is_empty() {
            // A failed write shows up again as a failed read, which ends the connection.
            let written = connection.stream.write(frame).unwrap_or(0);
            connection.outbox.extend_from_slice(&frame[written..]);
            return;
        }
        connection.outbox.extend_from_slice(frame);
        self.mark_dirty(id);
    }

    fn mark_dirty(&mut self, id: usize) {
        let connection = &mut self.connections[id];
        if !connection.is_dirty {
            connection.is_dirty = true;
            self.dirty.push(id);
        }
    }

    fn flush(&mut self, id: usize) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.is_dirty = false;
        while connection.written < connection.outbox.len() {
            match connection.stream.write(&connection.outbox[connection.written..]) {
                Ok(count) => connection.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
        connection.outbox.clear();
        connection.written = 0;
    }

    fn drop_connection(&mut self, id: usize) {
        for room in mem::take(&mut self.connections[id].rooms) {
            self.leave(id, &room);
        }
        self.connections.remove(id);
    }
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            is_upgraded: false,
            is_dirty: false,
            rooms: Vec::new(),
            carry: Vec::new(),
            outbox: Vec::new(),
            written: 0,
        }
    }
}

/// Splits the first JSON value off a list of values: `(value, rest)`, without the comma between them.
fn split_value(values: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for (index, byte) in values.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => return Some((&values[..index], &values[index + 1..])),
            _ => {}
        }
    }
    Some((values, b""))
}

#[cfg(test)]
mod tests {
    use super::split_value;

    #[test]
    fn values_are_split_at_the_top_level_only() {
        assert_eq!(
            split_value(br#""a,\"b",{"c":[1,2]},3"#),
            Some((&br#""a,\"b""#[..], &br#"{"c":[1,2]},3"#[..]))
        );
        assert_eq!(split_value(br#"{"c":[1,2]},3"#), Some((&br#"{"c":[1,2]}"#[..], &b"3"[..])));
        assert_eq!(split_value(b"3"), Some((&b"3"[..], &b""[..])));
    }
}
