//! File descriptors of the process: how many clients may take, and how many are kept back for the operators' port and
//! everything else.
//!
//! The system always gives the lowest free number. So the number of a connection just accepted tells how many
//! descriptors are in use, whoever uses them, and nothing has to be counted.

use std::os::fd::AsRawFd;

use rustix::process::{Resource, getrlimit};

/// Descriptors kept back, but no more than a quarter of all: the operators' port may take 32, and what else the process
/// opens when it is full of clients (NATS again, a log file) needs some.
const RESERVE: usize = 64;

/// Number of file descriptors that the process may have; `None` without a limit.
pub(super) fn limit() -> Option<usize> {
    getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok())
}

/// Limits for the connections of clients.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptors {
    /// From this number on an idle connection has to make room for a new one.
    scarce_from: usize,
    /// From this number on new ones are refused: those that should have made room have not done so yet.
    none_from: usize,
}

/// Room for a connection that was just accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Enough,
    Scarce,
    None,
}

impl Descriptors {
    /// Those of this process, as it is limited now.
    pub fn of_process() -> Self {
        Self::new(limit())
    }

    fn new(limit: Option<usize>) -> Self {
        let Some(limit) = limit else { return Self { scarce_from: usize::MAX, none_from: usize::MAX } };
        let reserve = RESERVE.min(limit / 4);
        Self { scarce_from: limit - reserve, none_from: limit - reserve * 3 / 4 }
    }

    /// Room that there was for this new connection.
    pub fn room_for(self, stream: &impl AsRawFd) -> Room {
        let number = usize::try_from(stream.as_raw_fd()).unwrap_or_default();
        match number {
            number if number >= self.none_from => Room::None,
            number if number >= self.scarce_from => Room::Scarce,
            _ => Room::Enough,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_kept_back() {
        let of = |limit| Descriptors::new(Some(limit));
        assert_eq!((of(300).scarce_from, of(300).none_from), (236, 252));
        assert_eq!((of(20_000).scarce_from, of(20_000).none_from), (19_936, 19_952));
        // However few there are, clients get most of them.
        assert_eq!((of(64).scarce_from, of(64).none_from), (48, 52));
        assert_eq!(Descriptors::new(None).none_from, usize::MAX);
    }

    #[test]
    fn the_number_of_a_stream_tells_how_many_are_in_use() {
        let stream = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let number = usize::try_from(stream.as_raw_fd()).expect("a descriptor");
        let room = |scarce_from, none_from| Descriptors { scarce_from, none_from }.room_for(&stream);
        assert_eq!(room(number + 1, number + 2), Room::Enough);
        assert_eq!(room(number, number + 1), Room::Scarce);
        assert_eq!(room(number - 1, number), Room::None);
    }
}
