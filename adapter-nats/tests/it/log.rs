//! The log of each test. All tasks of a test run on its own thread, so that is what tells them apart.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use tracing_subscriber::EnvFilter;

thread_local! {
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// From now on what is logged is kept.
pub fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = EnvFilter::new("info,async_nats=off");
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| Writer).init();
    });
}

/// The log of this thread.
pub fn text() -> String {
    LOGGED.with_borrow(|logged| String::from_utf8_lossy(logged).into_owned())
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
