//! Options of every scenario with traffic: how much is sent, how, and for how long.

use std::num::ParseIntError;
use std::time::Duration;

use clap::Args;
use serde::{Serialize, Serializer};

use crate::traffic::Completion;
use crate::traffic::phases::{Phase, Timing};
use crate::traffic::stamp::STAMP_BYTES;

/// Amount of traffic.
#[derive(Debug, Clone, Args, Serialize)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Number of messages in flight per publisher (closed loop: as fast as the server is)
    #[arg(long, value_name = "W", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub window: u32,
    /// Number of messages per second of all publishers together (open loop: on time, whatever the server does)
    ///
    /// Latency then counts from the moment the plan wanted the message sent, so that a stall of the server is felt by
    /// every message it delayed.
    #[arg(long, value_name = "N", value_parser = parse_rate, conflicts_with = "window")]
    pub rate: Option<f64>,
    /// Receivers that complete a message and let the next one go (closed loop)
    ///
    /// "all": every member of the room; only then does a window of 1 leave the server nothing to batch.
    /// "publisher": the publisher's own receipt, while other members may still wait.
    #[arg(long, value_name = "WHO", default_value = "all")]
    pub complete: Completion,
    /// Number of bytes of payload in a message; the first 32 are the tester's stamp
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = parse_payload)]
    pub payload: PayloadBytes,
    /// Send payloads as binary attachments instead of text
    #[arg(long)]
    pub binary: bool,
    /// Time for which to measure
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub duration: Duration,
    /// Time for which to run before measuring
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub warmup: Duration,
    /// Time to wait after the last join, for clusters whose joins take effect later than they are acknowledged
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub settle: Duration,
    /// Longest time to wait at the end for messages that have not arrived yet
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    #[serde(serialize_with = "as_seconds")]
    pub drain: Duration,
    /// The phases of a plan, instead of warming up and measuring.
    #[arg(skip)]
    #[serde(skip)]
    pub(crate) phases: Option<Vec<Phase>>,
}

impl LoadOptions {
    pub(crate) fn timing(&self, connect_rate: u32) -> Timing {
        let phase = |name: &str, duration, is_measured| Phase {
            name: name.to_owned(),
            duration,
            is_measured,
            rate: self.rate.map(|rate| (rate, rate)),
        };
        let usual = || vec![phase("warmup", self.warmup, false), phase("measure", self.duration, true)];
        let mut phases = self.phases.clone().unwrap_or_else(usual);
        phases.retain(|phase| !phase.duration.is_zero());
        Timing { connect_rate, settle: self.settle, phases, drain: self.drain }
    }
}

/// Size of a payload in bytes: room for a stamp, and within a WebSocket frame any server accepts.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PayloadBytes(usize);

impl From<PayloadBytes> for usize {
    fn from(bytes: PayloadBytes) -> Self {
        bytes.0
    }
}

fn parse_payload(text: &str) -> Result<PayloadBytes, String> {
    let bytes = text.parse().map_err(|error: ParseIntError| error.to_string())?;
    if !(STAMP_BYTES..=PAYLOAD_BYTES_MAX).contains(&bytes) {
        return Err(format!("must be from {STAMP_BYTES} to {PAYLOAD_BYTES_MAX}"));
    }
    Ok(PayloadBytes(bytes))
}

/// Socket.IO servers refuse messages over 1 MB by default (`maxHttpBufferSize`); leave room for the packet around it.
const PAYLOAD_BYTES_MAX: usize = 900_000;

/// Parses a number of things per second.
pub(crate) fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "must be a number".to_owned())?;
    if !(0.0..=1e7).contains(&rate) {
        return Err("must be from 0 to 10,000,000".to_owned());
    }
    Ok(rate)
}

pub(crate) fn as_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_without_room_for_a_stamp_are_refused() {
        assert!(
            parse_payload("31").is_err() && parse_payload("900001").is_err() && parse_payload("x").is_err()
        );
        assert_eq!(usize::from(parse_payload("32").expect("fits")), 32);
    }
}
