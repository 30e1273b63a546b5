//! Ids of recoverable sessions.

use std::fmt;

use crate::ids::{NodeTag, SocketId};

/// Private id of a recoverable session. It names the place where the session began, its home, and stays the same
/// wherever the session moves. Whoever knows it can take the session, so `Debug` shows only its start.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pid(SocketId);

impl Pid {
    /// A fresh id for a session that begins on `reactor` of `node`.
    pub fn generate(node: NodeTag, reactor: usize) -> Self {
        Self(SocketId::generate(node, reactor))
    }

    /// Reads an id; `None` if the text cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        SocketId::parse(text).map(Self)
    }

    /// The id as the client knows it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The node that the session began on.
    pub fn node(&self) -> NodeTag {
        self.0.node()
    }

    /// The reactor that the session began on.
    pub fn reactor(&self) -> usize {
        self.0.reactor()
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", &self.as_str()[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_home_survives_a_round_trip_and_hides_from_logs() {
        let node = NodeTag::random();
        let pid = Pid::generate(node, 5);
        assert_eq!((pid.as_str().len(), pid.node(), pid.reactor()), (20, node, 5));
        assert_eq!(Pid::parse(pid.as_str()), Some(pid));
        assert_eq!(Pid::parse("short"), None);
        assert!(!format!("{pid:?}").contains(pid.as_str()));
    }
}
