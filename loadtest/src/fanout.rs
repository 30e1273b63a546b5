//! `loadtest fanout`: one publisher per room, every member of the room hears it, the publisher included.

use std::io::Write;

use crate::cli::FanoutOptions;
use crate::error::RunError;
use crate::interrupt::Interrupt;
use crate::meter::Meter;
use crate::packet::Packet;
use crate::phases::{self, Timing};
use crate::report::Report;
use crate::stamp::PUBLISHERS_MAX;
use crate::swarm::Swarm;
use crate::target::allow_connections;
use crate::traffic::{Shape, Traffic, Wording};

/// Runs it.
pub(crate) fn run(options: &FanoutOptions, interrupt: &Interrupt) -> Result<Report, RunError> {
    let (clients, rooms) = (options.clients as usize, options.rooms as usize);
    if rooms > clients || rooms > PUBLISHERS_MAX {
        return Err(RunError::Options(format!(
            "{rooms} rooms need as many clients, and at most {PUBLISHERS_MAX}"
        )));
    }
    allow_connections(clients)?;
    let meter = Meter::new(&options.server.pids)?;
    // Both the members of one room and the publishers of all rooms are spread over the servers.
    let mut swarm = Swarm::new(options.server.targets()?, clients, |client| client / rooms + client % rooms)?;
    let shape = Shape {
        clients,
        channels: rooms,
        window: options.window,
        payload_bytes: options.payload.into(),
        completion: options.complete,
    };
    let timing = Timing {
        connect_rate: options.server.connect_rate,
        settle: options.settle,
        warmup: options.warmup,
        duration: options.duration,
        drain: options.drain,
    };
    let mut traffic = Traffic::new(FanoutWording, shape);
    let (usage, is_interrupted) = phases::run(&mut traffic, &mut swarm, timing, &meter, interrupt)?;
    let report = Report::new("fanout", "delivery", options, usage, traffic.ledger);
    Ok(report.interrupted(is_interrupted).resident(meter.server_resident_kib()?))
}

/// `"emit", room, payload`; every member of the room, the sender included, hears `"msg", payload`.
#[derive(Debug)]
struct FanoutWording;

impl Wording for FanoutWording {
    fn write_join(&self, channel: u32, text: &mut Vec<u8>) -> bool {
        write!(text, "420[\"join\",\"room-{channel}\"]").expect("a vector takes everything");
        true
    }

    fn write_message(&self, channel: u32, _sequence: u64, payload: &[u8], text: &mut Vec<u8>) {
        write!(text, "42[\"emit\",\"room-{channel}\",\"").expect("a vector takes everything");
        text.extend_from_slice(payload);
        text.extend_from_slice(b"\"]");
    }

    fn payload<'a>(&self, packet: Packet<'a>) -> Option<(&'a [u8], Option<u64>)> {
        let Packet::Event { ack: None, data } = packet else { return None };
        Some((data.strip_prefix(b"[\"msg\",\"")?.strip_suffix(b"\"]")?, None))
    }
}
