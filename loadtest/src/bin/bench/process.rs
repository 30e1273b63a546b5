//! A child process that listens on a port, and ends with its owner.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longest time until a server listens.
const START_MAX: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) port: u16,
}

impl Process {
    /// Starts a server that was told to listen on `port` of the loopback address, and waits until it does. What it
    /// says goes into the file `log`.
    pub(crate) fn start(mut command: Command, port: u16, log: &Path) -> Result<Self, String> {
        let name = command.get_program().to_string_lossy().into_owned();
        let fault = |error: std::io::Error| format!("{name}: {error}");
        let output = File::create(log).map_err(fault)?;
        let errors = output.try_clone().map_err(fault)?;
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn().map_err(fault)?;
        let mut process = Self { child, port };
        let deadline = Instant::now() + START_MAX;
        while TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).is_err() {
            let ended = process.child.try_wait().map_err(fault)?;
            if ended.is_some() || Instant::now() > deadline {
                return Err(format!("{name} does not listen: see {}", log.display()));
            }
            thread::sleep(POLL);
        }
        Ok(process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Finds a port of the loopback address that is free.
pub(crate) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    Ok(listener.local_addr().map_err(|error| error.to_string())?.port())
}
