//! Ports for servers that are restarted. A file of its own, as the tests of the NATS adapter take it by its path.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// A port that nobody listens on. Below those that the system gives to clients, which would take it while a server is
/// restarted.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        // Test binaries that run side by side begin in different places.
        let number = std::process::id().wrapping_mul(61) as u16 ^ NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 12_000 + number % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
