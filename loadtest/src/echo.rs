//! `loadtest echo`: every client sends events that the server acknowledges with the same payload.

use std::io::Write;
use std::time::Duration;

use crate::cli::EchoOptions;
use crate::error::RunError;
use crate::interrupt::Interrupt;
use crate::meter::Meter;
use crate::packet::Packet;
use crate::phases::{self, Timing};
use crate::report::Report;
use crate::swarm::Swarm;
use crate::target::allow_connections;
use crate::traffic::{Completion, Shape, Traffic, Wording};

/// Runs it.
pub(crate) fn run(options: &EchoOptions, interrupt: &Interrupt) -> Result<Report, RunError> {
    let clients = options.clients as usize;
    allow_connections(clients)?;
    let meter = Meter::new(&options.server.pids)?;
    let mut swarm = Swarm::new(options.server.targets()?, clients, |client| client)?;
    let shape = Shape {
        clients,
        channels: clients,
        window: options.window,
        payload_bytes: options.payload.into(),
        completion: Completion::All,
    };
    let timing = Timing {
        connect_rate: options.server.connect_rate,
        settle: Duration::ZERO,
        warmup: options.warmup,
        duration: options.duration,
        drain: options.drain,
    };
    let mut traffic = Traffic::new(EchoWording, shape);
    let (usage, is_interrupted) = phases::run(&mut traffic, &mut swarm, timing, &meter, interrupt)?;
    let report = Report::new("echo", "ack", options, usage, traffic.ledger);
    Ok(report.interrupted(is_interrupted).resident(meter.server_resident_kib()?))
}

/// `"echo", payload` with an acknowledgement that brings the payload back. The id is the sequence number.
#[derive(Debug)]
struct EchoWording;

impl Wording for EchoWording {
    fn write_join(&self, _channel: u32, _text: &mut Vec<u8>) -> bool {
        false
    }

    fn write_message(&self, _channel: u32, sequence: u64, payload: &[u8], text: &mut Vec<u8>) {
        write!(text, "42{sequence}[\"echo\",\"").expect("a vector takes everything");
        text.extend_from_slice(payload);
        text.extend_from_slice(b"\"]");
    }

    fn payload<'a>(&self, packet: Packet<'a>) -> Option<(&'a [u8], Option<u64>)> {
        let Packet::Ack { id, data } = packet else { return None };
        Some((data.strip_prefix(b"[\"")?.strip_suffix(b"\"]")?, Some(id)))
    }
}
