//! Processes of this machine that listen at an address, as Linux tells: which sockets listen stands in /proc/net/tcp,
//! and whose a socket is among the open files of the processes.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::{fmt, io};

use procfs::net::{TcpNetEntry, TcpState, tcp, tcp6};
use procfs::process::{FDTarget, all_processes};
use serde::{Deserialize, Serialize};

/// A process of this machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServerProcess {
    /// Id of the process.
    pub pid: u32,
    /// The name of its program, as far as Linux keeps it: 15 bytes.
    pub name: String,
}

impl ServerProcess {
    /// The process with this id; its name stays empty if it cannot be told.
    pub(crate) fn of(pid: u32) -> Self {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        Self { pid, name: name.trim().to_owned() }
    }
}

impl fmt::Display for ServerProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.pid, self.name)
    }
}

/// The processes that listen at this address of the loopback network. None for other addresses, and if they belong to
/// users whose open files may not be seen.
pub(crate) fn listeners(address: SocketAddr) -> io::Result<Vec<ServerProcess>> {
    if !address.ip().is_loopback() {
        return Ok(Vec::new());
    }
    let sockets = sockets(address)?;
    let mut found = Vec::new();
    for process in all_processes().map_err(io::Error::other)?.flatten() {
        // Processes end, and those of other users cannot be looked at.
        let mut files = process.fd().into_iter().flatten().flatten();
        if files.any(|file| matches!(file.target, FDTarget::Socket(inode) if sockets.contains(&inode))) {
            found.push(ServerProcess::of(process.pid.unsigned_abs()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The inodes of the sockets that a connection to this address may reach.
fn sockets(address: SocketAddr) -> io::Result<HashSet<u64>> {
    let mut listening = tcp().map_err(io::Error::other)?;
    // A kernel without IPv6 has no such table.
    listening.extend(tcp6().unwrap_or_default());
    listening
        .retain(|socket| socket.state == TcpState::Listen && socket.local_address.port() == address.port());
    let at = |is_wanted: &dyn Fn(IpAddr) -> bool| -> HashSet<u64> {
        let inode = |socket: &TcpNetEntry| {
            is_wanted(socket.local_address.ip().to_canonical()).then_some(socket.inode)
        };
        listening.iter().filter_map(inode).collect()
    };
    // A socket of the very address is preferred to those of all addresses.
    let exact = at(&|ip| ip == address.ip());
    Ok(if exact.is_empty() { at(&|ip| ip.is_unspecified()) } else { exact })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn who_listens_is_found_at_its_address_and_at_all_addresses() {
        let own = vec![ServerProcess::of(std::process::id())];
        for listen in ["127.0.0.1:0", "0.0.0.0:0"] {
            let listener = TcpListener::bind(listen).expect("binds");
            let port = listener.local_addr().expect("bound").port();
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            assert_eq!(listeners(address).expect("Linux"), own);
            drop(listener);
            assert_eq!(listeners(address).expect("Linux"), []);
        }
    }

    #[test]
    fn other_machines_are_not_asked_for() {
        let port = TcpListener::bind("0.0.0.0:0").expect("binds").local_addr().expect("bound").port();
        assert_eq!(listeners(SocketAddr::from(([192, 0, 2, 1], port))).expect("Linux"), []);
    }
}
