//! A load tester for Socket.IO servers, and the floor to hold its figures against.
//!
//! It shares no code with the server: its codec is a second opinion on the protocol. One process, one thread, one
//! epoll loop; the tester usually shares the machine with the server, so it must cost far less than what it measures.
//!
//! In reading order, each layer using only those above it:

// Pure: bytes and numbers in, bytes and numbers out.
mod frame;
mod handshake;
mod latency;
mod ledger;
mod packet;
mod sequence;
mod series;
mod stamp;
mod window;

// What the machine tells and allows.
mod interrupt;
mod meter;
mod process;
mod target;

// The event loop.
mod client;
mod swarm;

// What is tested, and how it is told.
mod cli;
mod connect;
mod echo;
mod error;
mod fanout;
mod idle;
mod live;
mod outcome;
mod phases;
mod report;
mod traffic;

pub use cli::{
    Cli, Command, ConnectOptions, EchoOptions, FanoutOptions, IdleOptions, PayloadBytes, ServerOptions,
};
pub use error::RunError;
pub use frame::{Frame, FrameError, MaskKeys, Opcode, apply_mask, parse_frame, push_frame};
pub use handshake::{HandshakeError, parse_request, push_switching_protocols};
pub use latency::{HistogramPoint, Latency};
pub use ledger::Accounts;
pub use meter::Usage;
pub use packet::{Packet, PacketError, parse_packet};
pub use report::Report;
pub use series::{Bytes, Sample};
pub use traffic::Completion;
