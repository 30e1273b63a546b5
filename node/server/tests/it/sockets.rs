//! Features of a socket: middlewares of its events, its handlers one by one, what it is told of, and its operators.

mod conn;
mod handlers;
mod middlewares;
mod operators;
mod outgoing;
mod servers;

use std::sync::{Arc, Mutex};

use fanfare::{Io, Options};

fn server() -> Io {
    Io::builder().options(Options { reactors: 2, ..Options::default() }).build()
}

/// What handlers note, in order.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The lines so far, taken out.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}
