//! Outcomes: the types that handlers and middlewares return.

use std::fmt::Display;

use super::error::ConnectError;
use crate::socket::{ConnectRejection, Outcome, Rejection, Returned};

/// Return types of event, connect and disconnect handlers: nothing, or a `Result` whose error is logged and passed to
/// [`Io::on_error`](crate::Io::on_error). A handler that never returns, such as `todo!()`, is one too.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    note = "return nothing, or `Result<(), E>` where `E` can be displayed"
)]
pub trait IntoOutcome {
    /// The outcome.
    fn into_outcome(self) -> Outcome;
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Outcome {
        Ok(())
    }
}

impl<E: Display> IntoOutcome for Result<(), E> {
    fn into_outcome(self) -> Outcome {
        self.map_err(|error| Returned(error.to_string()))
    }
}

impl IntoOutcome for Never {
    fn into_outcome(self) -> Outcome {
        self
    }
}

/// Return types of middlewares: `Ok(())` lets the client in.
#[diagnostic::on_unimplemented(
    message = "a middleware cannot return `{Self}`",
    note = "return `Result<(), E>` where `E` is `ConnectError`, `Rejection`, `String` or `&str`"
)]
pub trait IntoDecision {
    /// The decision.
    fn into_decision(self) -> Result<(), ConnectRejection>;
}

impl<E: Into<ConnectError>> IntoDecision for Result<(), E> {
    fn into_decision(self) -> Result<(), ConnectRejection> {
        self.map_err(|error| error.into().into())
    }
}

impl IntoDecision for Never {
    fn into_decision(self) -> Result<(), ConnectRejection> {
        self
    }
}

impl From<Rejection> for ConnectError {
    fn from(rejection: Rejection) -> Self {
        Self::new(rejection.text_for_client())
    }
}

/// Return types of handlers that are not async, as far as they can be told from futures: those that are allowed, and those
/// that are likely mistakes, so that the compiler says of them that a handler cannot return them.
pub trait Finished {}

macro_rules! finished {
    ($($finished:ty),*) => {
        $(impl Finished for $finished {})*
    };
}

finished!(
    (),
    Never,
    bool,
    char,
    u8,
    u16,
    u32,
    u64,
    usize,
    i8,
    i16,
    i32,
    i64,
    isize,
    f32,
    f64,
    String,
    &'static str
);

impl<T, E> Finished for Result<T, E> {}
impl<T> Finished for Option<T> {}
impl<T> Finished for Vec<T> {}

/// The type `!`, which stable Rust can name in a signature only.
pub(super) type Never = <fn() -> ! as Returns>::Value;

/// Function that returns something.
pub trait Returns {
    /// What it returns.
    type Value;
}

impl<T> Returns for fn() -> T {
    type Value = T;
}
