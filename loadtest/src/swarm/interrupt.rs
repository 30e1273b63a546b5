//! Ctrl-C: the first ends the measurement and reports what there is, the second ends the process.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Request to stop the tester, or only one of its runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    asked: Arc<AtomicBool>,
    parent: Option<Arc<AtomicBool>>,
}

impl Interrupt {
    /// Listens for SIGINT and SIGTERM from now on.
    pub(crate) fn install() -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Order matters: the second signal must find the flag set before this one sets it.
            flag::register_conditional_default(signal, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Self { asked, parent: None })
    }

    /// Makes an interrupt for one run: raised on its own, or together with this one.
    pub(crate) fn child(&self) -> Self {
        Self { asked: Arc::default(), parent: Some(Arc::clone(&self.asked)) }
    }

    pub(crate) fn raise(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_raised(&self) -> bool {
        let is_raised = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        is_raised(&self.asked) || self.parent.as_deref().is_some_and(is_raised)
    }
}
