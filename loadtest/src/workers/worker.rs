//! `loadtest worker`: does its share of runs that a coordinator elsewhere asks for, one after the other.
//!
//! Every host that can reach its port can make it send traffic anywhere: it listens on loopback unless told otherwise.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use clap::Args;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use serde::Serialize;

use crate::error::RunError;
use crate::measure::outcome::{Outcome, Spread};
use crate::measure::series::Notice;
use crate::scenario::plan::Plan;
use crate::swarm::control::{Control, Gate};
use crate::swarm::interrupt::Interrupt;
use crate::workers::assignment::{Answer, Order, VERSION, receive, send};

/// Options of `loadtest worker`.
#[derive(Debug, Args, Serialize)]
#[non_exhaustive]
pub struct WorkerOptions {
    /// Address to wait for coordinators at; every host that reaches it can make this machine send traffic
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9600")]
    pub listen: SocketAddr,
}

/// Serves until interrupted.
pub(crate) fn serve(options: &WorkerOptions, interrupt: &Interrupt) -> Result<(), RunError> {
    let mut listener = TcpListener::bind(options.listen)?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
    println!("loadtest worker listens on {}", listener.local_addr()?);
    let mut events = Events::with_capacity(1);
    while !interrupt.is_raised() {
        match listener.accept() {
            Ok((stream, peer)) => {
                let stream = TcpStream::from(stream);
                if let Err(error) = stream.set_nonblocking(false).and_then(|()| work(&stream, interrupt)) {
                    eprintln!("loadtest worker: run for {peer} ended: {error}");
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                match poll.poll(&mut events, Some(Duration::from_millis(200))) {
                    Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
                    _ => {}
                }
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// One run for one coordinator.
fn work(stream: &TcpStream, interrupt: &Interrupt) -> io::Result<()> {
    let mut orders = receive::<Order>(stream.try_clone()?);
    let Some(Order::Assign { version, arguments, phases, share }) = orders.next().transpose()? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    if version != VERSION {
        return send(stream, &Answer::Failed(format!("this worker is of version {VERSION}, not {version}")));
    }
    let plan = share.parse().and_then(|share| {
        let mut plan = Plan::of_arguments(arguments, phases)?;
        plan.scenario.reduce(share).map_err(|error| error.to_string())?;
        Ok(plan)
    });
    let plan = match plan {
        Ok(plan) => plan,
        Err(reason) => return send(stream, &Answer::Failed(reason)),
    };
    // The answers are written by a thread of their own: the event loop must not wait for the coordinator.
    let (answers, queue) = mpsc::channel::<Answer>();
    let mut writer = stream.try_clone()?;
    let writing = thread::spawn(move || queue.iter().try_for_each(|answer| send(&mut writer, &answer)));
    let (is_open, given_up) = (Arc::new(AtomicBool::new(false)), interrupt.child());
    let (gate, lost) = (Arc::clone(&is_open), given_up.clone());
    thread::spawn(move || {
        for order in orders {
            match order {
                Ok(Order::Go) => gate.store(true, Ordering::Release),
                _ => break,
            }
        }
        lost.raise();
    });
    let outcome = plan.scenario.measure(&mut control(given_up, is_open, &answers));
    let last = match outcome {
        Ok(outcome) => Answer::Done(Box::new(Outcome { series: Vec::new(), ..outcome })),
        Err(error) => Answer::Failed(error.to_string()),
    };
    // If the coordinator is gone, the writer has ended and tells why below.
    let _ = answers.send(last);
    drop(answers);
    writing.join().map_err(|_| io::Error::other("the writer failed"))?
}

fn control(interrupt: Interrupt, is_open: Arc<AtomicBool>, answers: &Sender<Answer>) -> Control {
    let (ready, told) = (answers.clone(), answers.clone());
    let announce = Box::new(move || _ = ready.send(Answer::Ready));
    let observer = move |notice: Notice<'_>| {
        let _ = told.send(match notice {
            Notice::Phase { is_measured } => Answer::Phase { is_measured },
            Notice::Interval(sample, latency) => {
                Answer::Interval { sample: Box::new(sample.clone()), latency: Spread::of(latency) }
            }
        });
    };
    Control::coordinated(interrupt, Gate { announce, is_open }, Box::new(observer))
}
