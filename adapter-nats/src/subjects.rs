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

    /// Where envelopes of this [path](fanfare_proto::Subject::path) go.
    pub(crate) fn of(&self, path: &str) -> Subject {
        let mut subject = String::with_capacity(self.root.len() + path.len());
        subject.push_str(&self.root);
        subject.push_str(path);
        subject.into()
    }

    /// Where nobody listens, which the server says to who asks there.
    pub(crate) fn nobody(&self) -> Subject {
        self.of(NOBODY)
    }

    /// Where all buses listen to the [barrier](crate::barrier)'s calls and announcements.
    pub(crate) fn barrier(&self) -> Subject {
        self.of(BARRIER)
    }

    /// Where one bus listens to calls.
    pub(crate) fn barrier_of(&self, peer: PeerId) -> Subject {
        self.of(&format!("{BARRIER}.{peer}"))
    }

    /// Whether the barrier could not do without this subject.
    pub(crate) fn serves_barrier(&self, subject: &str) -> bool {
        let path = subject.strip_prefix(&self.root).unwrap_or_default();
        [BARRIER, INBOX, NOBODY].contains(&path.split('.').next().unwrap_or_default())
    }

    /// What the subjects of answers begin with: under the prefix, so that one permission is enough.
    pub(crate) fn answers(&self) -> String {
        self.of(INBOX).into_string()
    }
}
