//! Clients that come for what waits for them, and are over their bounds all the same: whoever broadcasts is slowed down
//! until they have caught up, or have turned out to be slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Number of such clients of one node.
#[derive(Debug, Default)]
pub struct Pressure(AtomicUsize);

/// One such client, until it is dropped.
#[derive(Debug)]
pub struct Pressed(Arc<Pressure>);

impl Pressure {
    /// Whether there is one.
    pub fn is_on(&self) -> bool {
        self.0.load(Relaxed) > 0
    }

    /// Counts a client.
    pub fn press(self: &Arc<Self>) -> Pressed {
        self.0.fetch_add(1, Relaxed);
        Pressed(self.clone())
    }
}

impl Drop for Pressed {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_is_on_while_somebody_is_pressed() {
        let pressure = Arc::new(Pressure::default());
        let (one, other) = (pressure.press(), pressure.press());
        drop(one);
        assert!(pressure.is_on());
        drop(other);
        assert!(!pressure.is_on());
    }
}
