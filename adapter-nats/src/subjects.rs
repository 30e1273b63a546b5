//! Names on the NATS server.
//!
//! `<prefix>.v1.<path>` for the subjects of the cluster. Two more, of which no namespace can have the name, since a
//! namespace's token has an upper-case hexadecimal number or an `h` after an underscore.

use async_nats::Subject;

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
        self.of("_nobody")
    }

    /// What the subjects of answers begin with: under the prefix, so that one permission is enough.
    pub(crate) fn answers(&self) -> String {
        self.of("_inbox").into_string()
    }
}
