//! Memory of a process, as the kernel counts it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Bytes of a process that are resident and its own: without the pages of its program.
pub fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a line of Linux");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// The highest memory of a process since this was made.
pub struct Peak {
    highest: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Peak {
    pub fn of(pid: u32) -> Self {
        let (highest, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (highest, is_over) = (highest.clone(), is_over.clone());
            move || {
                while !is_over.load(Ordering::Relaxed) {
                    highest.fetch_max(resident(pid), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        });
        Self { highest, is_over, thread }
    }

    /// The highest so far. The process must still run.
    pub fn end(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the process runs");
        self.highest.load(Ordering::Relaxed)
    }
}
