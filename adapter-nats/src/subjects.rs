//! Names on the NATS server.
//!
//! `<prefix>.v1.<path>` for the subjects of the cluster. A few more, of which no namespace can have the name, since a
//! namespace's token has an upper-case hexadecimal number or an `h` and a number after an underscore.

use async_nats::Subject;

use crate::peers::PeerId;

const BARRIER: &str = "_barrier";
const INBOX: &str = "_inbox";
const NOBODY: &str = "_nobody";

/// The names under one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Subjects {
    /// `<prefix>.v1.`
    root: String,
}

impl Subjects {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { root: format!("{prefix}.v1.") }
    }

    /// Returns the subject of envelopes of this [path](fanfare_proto::Subject::path).
    pub(crate) fn of(&self, path: &str) -> Subject {
        let mut subject = String::with_capacity(self.root.len() + path.len());
        subject.push_str(&self.root);
        subject.push_str(path);
        subject.into()
    }

    /// Returns a subject that nobody subscribes to, which the server says to a bus that asks there.
    pub(crate) fn nobody(&self) -> Subject {
        self.of(NOBODY)
    }

    /// Returns the subject of the [barrier](crate::barrier)'s calls to all buses, and of announcements.
    pub(crate) fn barrier(&self) -> Subject {
        self.of(BARRIER)
    }

    /// Returns the subject of calls to one bus.
    pub(crate) fn barrier_of(&self, peer: PeerId) -> Subject {
        self.of(&format!("{BARRIER}.{peer}"))
    }

    /// Whether the barrier could not do without this subject.
    pub(crate) fn serves_barrier(&self, subject: &str) -> bool {
        let path = subject.strip_prefix(&self.root).unwrap_or_default();
        [BARRIER, INBOX, NOBODY].contains(&path.split('.').next().unwrap_or_default())
    }

    /// Returns the beginning of the subjects of answers: under the prefix, so that one permission is enough.
    pub(crate) fn answers(&self) -> String {
        self.of(INBOX).into_string()
    }
}
