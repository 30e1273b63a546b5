//! Bringing clients up: all of them, at a rate, before anything is measured.

use std::time::{Duration, Instant};

use super::{Handler, Swarm};
use crate::error::RunError;
use crate::swarm::interrupt::Interrupt;

/// Connections being made at once: below every server's accept backlog, so that pacing and not SYN retries decides.
pub(crate) const CONNECTING_MAX: usize = 256;
/// Connecting fails when nothing happens for this long.
const SILENCE_MAX: Duration = Duration::from_secs(10);

impl Swarm {
    /// Connects every client, `rate` per second, and returns when all are in their namespace.
    pub(crate) fn connect_all<H: Handler>(
        &mut self,
        handler: &mut H,
        rate: u32,
        interrupt: &Interrupt,
    ) -> Result<(), RunError> {
        let wanted = self.size();
        let (began, mut opened, mut last_progress, mut last_ready) = (Instant::now(), 0, Instant::now(), 0);
        while self.ready < wanted {
            let due = (began.elapsed().as_secs_f64() * f64::from(rate)) as usize + 1;
            while opened < due.min(wanted) && opened - self.ready < CONNECTING_MAX {
                if let Err(error) = self.open(opened) {
                    return Err(self.absence(opened, &error.into()));
                }
                opened += 1;
            }
            self.turn(handler, Duration::from_millis(2))?;
            if let Some(failure) = self.take_failure() {
                return Err(failure);
            }
            if self.ready != last_ready {
                (last_ready, last_progress) = (self.ready, Instant::now());
            }
            if interrupt.is_raised() {
                return Err(RunError::Interrupted);
            }
            if last_progress.elapsed() > SILENCE_MAX {
                let (seconds, done) = (SILENCE_MAX.as_secs(), self.ready);
                return Err(RunError::Silence { what: "connecting", seconds, done, wanted });
            }
        }
        Ok(())
    }
}
