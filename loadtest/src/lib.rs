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
mod outcome;
mod packet;
mod polling;
mod schedule;
mod sequence;
mod series;
mod stamp;
mod topology;
mod window;
mod wording;

// What the machine tells and allows.
mod exposition;
mod interrupt;
mod listening;
mod meter;
mod process;
mod target;
mod tls;
mod watch;
mod wire;

// The event loop.
mod alarm;
mod client;
mod control;
mod link;
mod swarm;

// What is tested.
mod avalanche;
mod connect;
mod disturbance;
mod error;
mod idle;
mod phases;
mod rooms;
mod traffic;

// What is asked for, and by whom.
mod assignment;
mod cli;
mod coordinator;
mod plan;
mod worker;

// How the result is told.
mod chart;
mod compare;
mod limits;
mod live;
mod outputs;
mod page;
mod report;
mod table;

pub use cli::{
    AvalancheOptions, BroadcastOptions, ChurnOptions, Cli, Command, ConnectOptions, EchoOptions,
    FanoutOptions, IdleOptions, JitterOptions, LoadOptions, PayloadBytes, RoomOptions, RunOptions, Scenario,
    ServerOptions, Share, SlowOptions, Transport,
};
pub use compare::{CompareOptions, compare};
pub use error::RunError;
pub use exposition::MetricsUrl;
pub use frame::{Frame, FrameError, MaskKeys, Opcode, apply_mask, parse_frame, push_frame};
pub use handshake::{HandshakeError, parse_request, push_switching_protocols};
pub use latency::{HistogramPoint, Latency};
pub use ledger::Accounts;
pub use limits::Limits;
pub use listening::ServerProcess;
pub use meter::Usage;
pub use outputs::Outputs;
pub use packet::{Packet, PacketError, parse_packet};
pub use report::Report;
pub use series::{Bytes, Sample};
pub use traffic::Completion;
pub use worker::WorkerOptions;
