//! A proxy before an honest server that commits one fault: in the hundredth delivery that passes it, or, where that
//! is said, in all of them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use fanfare_loadtest::{Opcode, apply_mask, parse_frame, push_frame};

/// Fault that strikes one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Drops it.
    Lose,
    /// Sends it twice.
    Double,
    /// Sends it after its successor on the same connection.
    Swap,
    /// Changes its filler.
    Alter,
    /// Closes the connection instead.
    Cut,
    /// Lets nothing pass for this long, on any connection.
    Stall(Duration),
    /// Delays every delivery this much.
    Delay(Duration),
    /// Keeps members that leave, and tells them that they left.
    KeepLeavers,
    /// No fault: all deliveries come in fragments around a ping, and one is preceded by a heartbeat, which counts as
    /// having struck when its pong has come back.
    FragmentAndPing,
}

const STRIKES_AT: usize = 100;

/// The running proxy.
pub struct FaultyProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    fault: Fault,
    deliveries: AtomicUsize,
    has_struck: AtomicBool,
    stalled_until: Mutex<Option<Instant>>,
}

impl FaultyProxy {
    pub fn before(server: SocketAddr, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = listener.local_addr().expect("bound");
        let (deliveries, has_struck) = (AtomicUsize::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared { fault, deliveries, has_struck, stalled_until: Mutex::default() });
        let for_connections = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("accepts");
                let server = TcpStream::connect(server).expect("connects");
                let both = || (client.try_clone().expect("clones"), server.try_clone().expect("clones"));
                let ((client_in, server_out), (client_out, server_in)) = (both(), both());
                let (up, down) = (Arc::clone(&for_connections), Arc::clone(&for_connections));
                thread::spawn(move || pump(client_in, server_out, |frame, out| up.upstream(frame, out)));
                thread::spawn(move || {
                    let mut held = Vec::new();
                    pump(server_in, client_out, |frame, out| down.downstream(frame, &mut held, out));
                });
            }
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub fn has_struck(&self) -> bool {
        self.shared.has_struck.load(Ordering::SeqCst)
    }
}

/// One frame as it came, and what it says.
struct Passing<'a> {
    bytes: &'a [u8],
    payload: Vec<u8>,
}

impl Shared {
    fn upstream(&self, frame: &Passing<'_>, out: &mut Vec<u8>) -> bool {
        if self.fault == Fault::FragmentAndPing && frame.payload == b"3" {
            self.has_struck.store(true, Ordering::SeqCst);
        }
        if self.fault == Fault::KeepLeavers && frame.payload.starts_with(b"420[\"leave\"") {
            // An echo is acknowledged as well.
            self.has_struck.store(true, Ordering::SeqCst);
            push_frame(out, Opcode::Text, b"420[\"echo\",0]", Some([1, 2, 3, 4]));
            return true;
        }
        out.extend_from_slice(frame.bytes);
        true
    }

    /// Passes a frame on, or not; false to close the connection.
    fn downstream(&self, frame: &Passing<'_>, held: &mut Vec<u8>, out: &mut Vec<u8>) -> bool {
        let is_delivery = frame.payload.starts_with(b"42[\"msg\"");
        let is_chosen = is_delivery && self.deliveries.fetch_add(1, Ordering::SeqCst) == STRIKES_AT;
        if is_chosen && !matches!(self.fault, Fault::FragmentAndPing | Fault::KeepLeavers) {
            self.has_struck.store(true, Ordering::SeqCst);
        }
        self.stall(is_chosen);
        match self.fault {
            Fault::Delay(delay) if is_delivery => {
                // Deliveries are far enough apart that none waits for the one before.
                thread::sleep(delay);
                out.extend_from_slice(frame.bytes);
            }
            Fault::FragmentAndPing if is_delivery => {
                if is_chosen {
                    push_frame(out, Opcode::Text, b"2", None);
                }
                push_fragments(out, &frame.payload);
            }
            Fault::Lose if is_chosen => {}
            Fault::Double if is_chosen => out.extend_from_slice(&[frame.bytes, frame.bytes].concat()),
            Fault::Swap if is_chosen => held.extend_from_slice(frame.bytes),
            Fault::Alter if is_chosen => {
                let mut altered = frame.bytes.to_vec();
                let filler = altered.len() - 5;
                altered[filler] = b'y';
                out.extend_from_slice(&altered);
            }
            Fault::Cut if is_chosen => return false,
            _ => {
                out.extend_from_slice(frame.bytes);
                out.append(held);
            }
        }
        true
    }
}

impl Shared {
    /// Waits while a stall lasts, which begins with the chosen delivery.
    fn stall(&self, is_chosen: bool) {
        let Fault::Stall(time) = self.fault else { return };
        let until = {
            let mut until = self.stalled_until.lock().expect("never held by a panic");
            if is_chosen {
                *until = Some(Instant::now() + time);
            }
            *until
        };
        if let Some(until) = until {
            thread::sleep(until.saturating_duration_since(Instant::now()));
        }
    }
}

/// Appends the message as three frames with a ping between them (RFC 6455 section 5.4).
fn push_fragments(out: &mut Vec<u8>, payload: &[u8]) {
    let (first, rest) = payload.split_at(payload.len() / 2);
    let start = out.len();
    push_frame(out, Opcode::Text, first, None);
    out[start] &= 0x7F;
    push_frame(out, Opcode::Ping, b"still there?", None);
    let middle = out.len();
    push_frame(out, Opcode::Continuation, rest, None);
    out[middle] &= 0x7F;
    push_frame(out, Opcode::Continuation, b"", None);
}

/// Moves one direction: the HTTP head as it is, then frame by frame.
fn pump(mut from: TcpStream, mut to: TcpStream, mut pass: impl FnMut(&Passing<'_>, &mut Vec<u8>) -> bool) {
    let (mut bytes, mut is_open) = (Vec::new(), false);
    let mut buffer = [0; 65_536];
    'reading: while let Ok(count @ 1..) = from.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
        let mut out = Vec::new();
        if !is_open {
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            out.extend(bytes.drain(..end + 4));
            is_open = true;
        }
        while let Some(frame) = parse_frame(&bytes).expect("both sides are ours") {
            let mut payload = bytes[frame.payload.clone()].to_vec();
            apply_mask(&mut payload, frame.mask.unwrap_or_default());
            if !pass(&Passing { bytes: &bytes[..frame.payload.end], payload }, &mut out) {
                break 'reading;
            }
            bytes.drain(..frame.payload.end);
        }
        if to.write_all(&out).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
