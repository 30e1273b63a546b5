//! A load tester for Socket.IO servers, and the baseline to hold its figures against.
//!
//! ```sh
//! loadtest fanout --url ws://127.0.0.1:3000 --clients 1000
//! ```
//!
//! The library exists for the programs `loadtest`, `baseline` and `bench`; what it exports is theirs and its tests'.
//!
//! The tester shares no code with the server: its codec is a second opinion on the protocol. One process, one thread,
//! one epoll loop; the tester usually shares the machine with the server, so it must cost far less than what it
//! measures.
//!
//! In reading order, each layer using only those above it:

#![deny(clippy::unwrap_used)]

// Reasons for a run without a result.
mod error;

// One client: the bytes it exchanges, what they mean, and how far it has come.
mod client;

// Figures: latencies, the books, the time series, and what servers and tester use of the machine.
mod measure;

// All clients on one event loop.
mod swarm;

// Messages with exact accounting, by a window or by a plan.
mod traffic;

// The result, told to people and to programs.
mod report;

// Everything that can be tested, each with its options.
mod scenario;

// A run over several testers.
mod workers;

// The command line.
mod cli;

pub use cli::{Cli, Command, RunOptions};
pub use client::frame::{Frame, FrameError, MaskKeys, Opcode, apply_mask, parse_frame, push_frame};
pub use client::handshake::{HandshakeError, parse_request, push_switching_protocols};
pub use client::packet::{Packet, PacketError, parse_packet};
pub use error::RunError;
pub use measure::latency::{HistogramPoint, Latency};
pub use measure::ledger::Accounts;
pub use measure::listening::ServerProcess;
pub use measure::meter::Usage;
pub use measure::prometheus::{MetricsToken, MetricsUrl};
pub use measure::series::{Bytes, Sample};
pub use report::Report;
pub use report::compare::{CompareOptions, compare};
pub use report::limits::Limits;
pub use report::outputs::Outputs;
pub use scenario::Scenario;
pub use scenario::avalanche::AvalancheOptions;
pub use scenario::connect::ConnectOptions;
pub use scenario::idle::IdleOptions;
pub use scenario::rooms::{
    BroadcastOptions, ChurnOptions, EchoOptions, FanoutOptions, JitterOptions, RoomOptions, SlowOptions,
};
pub use scenario::server::{ServerOptions, Transport};
pub use scenario::share::Share;
pub use traffic::Completion;
pub use traffic::load::{LoadOptions, PayloadBytes};
pub use workers::worker::WorkerOptions;
