//! A clock that wakes the event loop to the microsecond, where epoll's own timeout knows milliseconds only.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// A timer among the sockets of an event loop.
#[derive(Debug)]
pub(crate) struct Timer {
    file: OwnedFd,
    /// Time it is set to, in nanoseconds of the swarm's clock; `None` once it is over.
    at_ns: Option<u64>,
}

impl Timer {
    /// A timer that reports under this token. It is edge-triggered: nothing has to be read from it.
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let file = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        registry.register(&mut SourceFd(&file.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self { file, at_ns: None })
    }

    /// Wakes the loop at this time, unless it is woken before anyway.
    pub(crate) fn set(&mut self, at_ns: u64, now_ns: u64) -> io::Result<()> {
        if self.at_ns.is_some_and(|set| set > now_ns && set <= at_ns) {
            return Ok(());
        }
        self.at_ns = Some(at_ns);
        let left_ns = at_ns.saturating_sub(now_ns).max(1);
        let (seconds, rest) = (left_ns / 1_000_000_000, left_ns % 1_000_000_000);
        let it_value = Timespec { tv_sec: seconds as i64, tv_nsec: rest as i64 };
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(&self.file, TimerfdTimerFlags::empty(), &Itimerspec { it_interval, it_value })?;
        Ok(())
    }
}
