//! The error of a parameter that cannot be made.

use std::fmt::Display;

use super::failure::HandlerErrorKind;

/// Reason why a parameter of a handler could not be made. Displays as one line.
///
/// The handler is then not called: [`Io::on_error`](crate::Io::on_error) is told, and a client that waits for an
/// acknowledgement is answered with nothing. In a middleware it refuses the client: with this text, but for
/// [`RejectionKind::Missing`], of which the client learns only `internal server error`.
///
/// A handler with a parameter `Result<E, Rejection>` or `Option<E>` is called all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    kind: RejectionKind,
    message: String,
}

/// Kinds of rejections, by whose fault they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The arguments of the event do not fit the type. The sender's fault, or that of a handler that asks for something
    /// else than it gets.
    Data,
    /// The auth payload does not fit the type. The client's fault, or the handler's likewise.
    Auth,
    /// The program has not provided the value: a state, or an extension. Its own fault.
    Missing,
    /// An extractor of the program has refused: [`Rejection::new`].
    Refused,
}

impl Rejection {
    /// A refusal by an extractor of the program. A client that a middleware refuses for it reads the message.
    pub fn new(message: impl Display) -> Self {
        Self::of(RejectionKind::Refused, message)
    }

    pub(crate) fn of(kind: RejectionKind, message: impl Display) -> Self {
        Self { kind, message: message.to_string() }
    }

    /// Kind of the rejection.
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// Text for the client, which need not know how the program is built.
    pub(crate) fn text_for_client(self) -> String {
        match self.kind {
            RejectionKind::Missing => "internal server error".to_owned(),
            _ => self.message,
        }
    }
}

impl From<Rejection> for HandlerErrorKind {
    fn from(rejection: Rejection) -> Self {
        match rejection.kind {
            RejectionKind::Missing => Self::Missing(rejection.message),
            _ => Self::Rejected(rejection.message),
        }
    }
}
