//! Types that the arguments of an acknowledgement can be read as.

use serde::de::DeserializeOwned;

use super::arguments::{ArgumentError, Arguments};

/// A type that an answer can be read as: anything that deserialises, or [`Arguments`] as they are.
#[diagnostic::on_unimplemented(
    message = "an acknowledgement cannot be read as `{Self}`",
    label = "the type of the answer must be told: `emit_with_ack::<String>(…)`",
    note = "it is `Arguments`, or a type that implements `serde::de::DeserializeOwned`, such as with `#[derive(Deserialize)]`"
)]
pub trait FromAnswer: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// The arguments do not fit the type.
    fn from_answer(answer: Arguments) -> Result<Self, ArgumentError>;
}

// Else the compiler would tell that the type `!`, which it takes where none was told, has no `Deserialize`.
#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> FromAnswer for T {
    fn from_answer(answer: Arguments) -> Result<Self, ArgumentError> {
        answer.deserialize()
    }
}

// Possible beside the implementation above only in the crate of `Arguments`, which deserialise from nothing.
impl FromAnswer for Arguments {
    fn from_answer(answer: Arguments) -> Result<Self, ArgumentError> {
        Ok(answer)
    }
}
