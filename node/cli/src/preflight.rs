//! Checks of a starting node: the limits in force, and warnings about settings that are going to hurt.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{info, warn};

use crate::config::Config;

/// File descriptors that are not for clients: listeners, pollers of the reactors, NATS, the log, operators.
const RESERVED: u64 = 100;
/// Least number of file descriptors with which a node can do its work.
const DESCRIPTORS_MIN: u64 = 10_000;
/// Milliseconds after which many proxies close a connection on which nothing happened.
const PROXY_PATIENCE_MS: u64 = 60_000;

/// Makes room for as many clients as the system allows, and logs the limits in force and the settings that will hurt.
/// Without a limit on connections that room becomes the limit: clients beyond it are refused, and not left waiting.
pub fn look_ahead(config: &mut Config) {
    let nofile = raise_descriptors();
    // The system tells no number if there is no limit.
    let (soft, hard) = (nofile.current.unwrap_or(u64::MAX), nofile.maximum.unwrap_or(u64::MAX));
    let room = soft.saturating_sub(RESERVED);
    let wanted = config.server.limits.connections_max;
    let connections_max = if wanted == 0 { usize::try_from(room).unwrap_or(usize::MAX) } else { wanted };
    config.server.limits.connections_max = connections_max;
    info!(
        nofile = soft,
        nofile_hard = hard,
        clients = room,
        connections_max,
        "room for clients: each WebSocket takes a file descriptor, a client that polls up to two"
    );
    if soft < DESCRIPTORS_MIN {
        warn!(
            nofile = soft,
            "few file descriptors: raise the limit (ulimit -Hn, LimitNOFILE of systemd, --ulimit of Docker)"
        );
    }
    if connections_max as u64 > room {
        warn!(
            connections_max,
            clients = room,
            "connections_max is more than the file descriptors allow: clients will be left waiting, not refused"
        );
    }
    if config.server.ping_interval_ms >= PROXY_PATIENCE_MS {
        info!(
            ping_interval_ms = config.server.ping_interval_ms,
            "many proxies close a connection that is silent for 60 s: have them wait longer, or ping more often"
        );
    }
}

/// Raises the soft limit to the hard one, as servers do: the soft one is low for programs that cannot do with many.
fn raise_descriptors() -> Rlimit {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => getrlimit(Resource::Nofile),
        // Then what there is has to do.
        Err(_) => limit,
    }
}
