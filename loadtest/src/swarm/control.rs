//! Control of a run: by a person at a terminal, or by a coordinator that starts many testers at the same moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::measure::series::Observer;
use crate::swarm::interrupt::Interrupt;

/// Control of one run.
pub(crate) struct Control {
    pub(crate) interrupt: Interrupt,
    /// `None` if there are no other testers to wait for.
    pub(crate) gate: Option<Gate>,
    /// Observer of every interval; taken by the one swarm of the run.
    observer: Option<Observer>,
}

/// All testers of a run wait here until the last one is ready.
pub(crate) struct Gate {
    /// Says that this tester is ready.
    pub(crate) announce: Box<dyn FnMut() + Send>,
    pub(crate) is_open: Arc<AtomicBool>,
}

impl Control {
    /// Control of a run by a person at a terminal.
    pub(crate) fn alone(interrupt: Interrupt, observer: Observer) -> Self {
        Self { interrupt, gate: None, observer: Some(observer) }
    }

    /// Control of a part of a run, by a coordinator.
    pub(crate) fn coordinated(interrupt: Interrupt, gate: Gate, observer: Observer) -> Self {
        Self { interrupt, gate: Some(gate), observer: Some(observer) }
    }

    pub(crate) fn take_observer(&mut self) -> Observer {
        self.observer.take().unwrap_or_else(|| Box::new(|_| {}))
    }
}

impl Gate {
    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }
}
