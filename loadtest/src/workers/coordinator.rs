//! Coordinator of a run with `--workers`, which does no work itself: it hands out shares, starts all workers at the
//! same moment, watches the servers, and adds up what the workers found.

use std::collections::VecDeque;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::RunError;
use crate::measure::latency::Latency;
use crate::measure::meter::{Meter, Reading};
use crate::measure::outcome::{Outcome, Spread};
use crate::measure::series::Sample;
use crate::report::live;
use crate::scenario::plan::Plan;
use crate::scenario::share::Share;
use crate::swarm::interrupt::Interrupt;
use crate::workers::assignment::{Answer, Order, VERSION, receive, send};

const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Longest silence of all workers together: they report every second once they have begun to connect.
const SILENCE_MAX: Duration = Duration::from_secs(150);
const TURN: Duration = Duration::from_millis(100);

/// Runs the plan on its workers.
pub(crate) fn run(plan: &Plan, interrupt: &Interrupt) -> Result<Outcome, RunError> {
    let server = plan.scenario.server();
    let meter = server.meter()?;
    let resident_before = meter.server_resident_kib()?;
    let (answers, incoming) = mpsc::channel();
    let count = server.workers.len() as u32;
    let mut workers = Vec::new();
    for (index, address) in (0..).zip(&server.workers) {
        workers.push(Worker::hire(plan, address, Share { index, count }, answers.clone())?);
    }
    drop(answers);
    let mut crew = Crew { workers, meter, before: None, after: None, series: Merged::default() };
    let mut outcome = crew.work(&incoming, interrupt)?;
    if let (Some(before), Some(after)) = (&crew.before, &crew.after) {
        let own = after.since(before);
        outcome.usage.server_cpu_seconds = own.server_cpu_seconds;
        outcome.usage.server_cores = own.server_cores;
        outcome.usage.processes = own.processes;
        outcome.usage.doubts = own.doubts;
    }
    outcome.server_resident_kib = crew.meter.server_resident_kib()?;
    if outcome.heartbeats.is_some() {
        let grown = outcome.server_resident_kib.zip(resident_before);
        outcome.grown =
            grown.map(|(after, before)| (after as f64 - before as f64, outcome.accounts.expected));
    }
    outcome.series = crew.series.samples;
    Ok(outcome)
}

/// The workers and what they have told so far.
struct Crew {
    workers: Vec<Worker>,
    meter: Meter,
    /// Readings when the first worker began to measure, and when the last one reported an interval that is measured.
    before: Option<Reading>,
    after: Option<Reading>,
    series: Merged,
}

struct Worker {
    address: String,
    stream: TcpStream,
    is_ready: bool,
    outcome: Option<Outcome>,
}

impl Worker {
    fn hire(
        plan: &Plan,
        address: &str,
        share: Share,
        answers: Sender<(usize, Result<Answer, String>)>,
    ) -> Result<Self, RunError> {
        let fault = |error: std::io::Error| fault(address, &error.to_string());
        let resolved = address.to_socket_addrs().map_err(fault)?.next();
        let resolved = resolved.ok_or_else(|| fault(std::io::ErrorKind::AddrNotAvailable.into()))?;
        let stream = TcpStream::connect_timeout(&resolved, CONNECT_MAX).map_err(fault)?;
        stream.set_nodelay(true).map_err(fault)?;
        let order = Order::Assign {
            version: VERSION.to_owned(),
            arguments: plan.arguments.clone(),
            phases: plan.phases.clone(),
            share: share.to_string(),
        };
        send(&stream, &order).map_err(fault)?;
        let reader = stream.try_clone().map_err(fault)?;
        thread::spawn(move || {
            let told = receive::<Answer>(reader).map(|answer| answer.map_err(|error| error.to_string()));
            for answer in told.chain([Err("it hung up".to_owned())]) {
                if answers.send((share.index as usize, answer)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { address: address.to_owned(), stream, is_ready: false, outcome: None })
    }
}

impl Crew {
    fn work(
        &mut self,
        incoming: &Receiver<(usize, Result<Answer, String>)>,
        interrupt: &Interrupt,
    ) -> Result<Outcome, RunError> {
        let (mut last_word, mut is_told_to_stop) = (Instant::now(), false);
        while self.workers.iter().any(|worker| worker.outcome.is_none()) {
            match incoming.recv_timeout(TURN) {
                Ok((index, answer)) => {
                    last_word = Instant::now();
                    self.hear(index, answer)?;
                }
                Err(RecvTimeoutError::Timeout) if last_word.elapsed() < SILENCE_MAX => {}
                Err(_) => {
                    let silent = self.workers.iter().find(|worker| worker.outcome.is_none());
                    return Err(fault(silent.map_or("", |worker| &worker.address), "it fell silent"));
                }
            }
            if interrupt.is_raised() && !is_told_to_stop {
                is_told_to_stop = true;
                for worker in &self.workers {
                    // A worker that is gone is noticed by its reader.
                    let _ = worker.stream.shutdown(std::net::Shutdown::Write);
                }
            }
        }
        let mut outcomes = self.workers.iter_mut().filter_map(|worker| worker.outcome.take());
        let mut merged = outcomes.next().ok_or(RunError::Interrupted)?;
        outcomes.for_each(|outcome| merged.merge(&outcome));
        Ok(merged)
    }

    fn hear(&mut self, index: usize, answer: Result<Answer, String>) -> Result<(), RunError> {
        let worker = &mut self.workers[index];
        match answer {
            Ok(Answer::Ready) => {
                worker.is_ready = true;
                if self.workers.iter().all(|worker| worker.is_ready) {
                    for worker in &self.workers {
                        send(&worker.stream, &Order::Go)
                            .map_err(|error| fault(&worker.address, &error.to_string()))?;
                    }
                }
            }
            Ok(Answer::Phase { is_measured: true }) if self.before.is_none() => {
                self.before = Some(self.meter.read()?);
            }
            Ok(Answer::Phase { .. }) => {}
            Ok(Answer::Interval { sample, latency }) => {
                if sample.is_measured {
                    self.after = Some(self.meter.read()?);
                }
                let count = self.workers.len();
                self.series.add(count, index, *sample, &latency);
            }
            Ok(Answer::Done(outcome)) => worker.outcome = Some(*outcome),
            Ok(Answer::Failed(reason)) => return Err(fault(&worker.address, &reason)),
            Err(_) if worker.outcome.is_some() => {}
            Err(reason) => return Err(fault(&worker.address, &reason)),
        }
        Ok(())
    }
}

/// The time series of all workers together: their first intervals in a phase are added up, their second ones, …
#[derive(Default)]
struct Merged {
    samples: Vec<Sample>,
    /// Intervals that each worker has reported and the others have not.
    waiting: Vec<VecDeque<(Sample, Spread)>>,
}

impl Merged {
    fn add(&mut self, workers: usize, index: usize, sample: Sample, latency: &Spread) {
        self.waiting.resize_with(workers, VecDeque::new);
        self.waiting[index].push_back((sample, latency.clone()));
        while self.waiting.iter().all(|told| !told.is_empty()) {
            // A worker that is already in the next phase waits for those that are not.
            let fronts = || self.waiting.iter().filter_map(|told| told.front());
            let phases: Vec<String> = fronts().map(|(sample, _)| sample.phase.clone()).collect();
            let known = self.samples.last().map(|sample| sample.phase.clone());
            let phase =
                phases.iter().find(|phase| Some(*phase) == known.as_ref()).unwrap_or(&phases[0]).clone();
            let parts = self
                .waiting
                .iter_mut()
                .filter_map(|told| if told.front()?.0.phase == phase { told.pop_front() } else { None });
            if let Some(sample) = sum(parts) {
                live::show(&sample);
                self.samples.push(sample);
            }
        }
    }
}

fn sum(mut parts: impl Iterator<Item = (Sample, Spread)>) -> Option<Sample> {
    let (mut sample, mut spread) = parts.next()?;
    for (other, latency) in parts {
        sample.merge(&other);
        spread.merge(&latency);
    }
    sample.latency = Latency::of(&spread.histogram());
    Some(sample)
}

fn fault(address: &str, reason: &str) -> RunError {
    RunError::Worker { worker: address.to_owned(), reason: reason.to_owned() }
}
