//! Reasons for a run without a result (exit code 3). Broken promises are not errors: they are the result.

use std::io;

/// A run ended without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The operating system refused something.
    #[error("operating system: {0}")]
    Io(#[from] io::Error),
    /// A server URL that cannot be used.
    #[error("cannot use the URL {url}: {reason}")]
    Url {
        /// As given on the command line.
        url: String,
        /// Fault in it.
        reason: String,
    },
    /// The hard limit on open files is too small.
    #[error(
        "{connections} connections need as many open files, and the hard limit is {files}: raise it \
         (ulimit -Hn, LimitNOFILE=, nofile in limits.conf) or use fewer clients"
    )]
    OpenFiles {
        /// Connections asked for.
        connections: usize,
        /// The hard limit.
        files: u64,
    },
    /// Options that do not go together.
    #[error("{0}")]
    Options(String),
    /// A connection failed before the measurement.
    #[error("client {client} could not connect to {url}: {reason}")]
    Connect {
        /// Number of the client, from 0.
        client: usize,
        /// URL of its server.
        url: String,
        /// Reason in words.
        reason: String,
    },
    /// No server listens there.
    #[error(
        "nothing listens at {url}: start the server first, for example with `fanfare serve`, or name another one with \
         --url"
    )]
    Refused {
        /// URL of the server.
        url: String,
    },
    /// The server stopped answering before the measurement.
    #[error("gave up {what}: nothing happened for {seconds} s, {done} of {wanted} done")]
    Silence {
        /// Activity of the tester.
        what: &'static str,
        /// Seconds for which it waited.
        seconds: u64,
        /// Number that was done.
        done: usize,
        /// Number that was wanted.
        wanted: usize,
    },
    /// A plan that cannot be read.
    #[error("plan {file}: {reason}")]
    Plan {
        /// The file.
        file: String,
        /// Fault in it.
        reason: String,
    },
    /// A worker failed.
    #[error("worker {worker}: {reason}")]
    Worker {
        /// Address of the worker as given.
        worker: String,
        /// Reason in words.
        reason: String,
    },
    /// Interrupted before there was anything to report.
    #[error("interrupted before the measurement began")]
    Interrupted,
}

impl RunError {
    /// The exit code for this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Options(_) | Self::Plan { .. } => 2,
            Self::Interrupted => 130,
            _ => 3,
        }
    }
}
