//! Names on the NATS server.
//!
//! `<prefix>.v1.<path>` for the subjects of the cluster. A few more, of which no namespace can have the name, since a
//! namespace's token has an upper-case hexadecimal number or an `h` and a number after an underscore.

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

    /// Where [calls](crate::echo) go.
    pub(crate) fn call(&self) -> Subject {
        self.of("_call")
    }

    /// Where nodes that have just connected say at which server.
    pub(crate) fn hello(&self) -> Subject {
        self.of("_hello")
    }

    /// What the subjects of answers begin with: under the prefix, so that one permission is enough.
    pub(crate) fn answers(&self) -> String {
        self.of("_inbox").into_string()
    }
}
