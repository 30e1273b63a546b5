//! Handlers: async closures whose parameters are extracted.

use std::fmt::Display;
use std::marker::PhantomData;
use std::sync::Arc;

use super::error::ConnectError;
use super::extract::FromContext;
use crate::socket::{Callback, ConnectRejection, HandlerFuture, Outcome, Rejection, Returned};

/// An async closure or function with up to six parameters that can be extracted from `C`.
///
/// Its future stays on its reactor, so it need not be `Send`; the closure itself must be `Send + Sync`.
#[diagnostic::on_unimplemented(
    message = "this is not a handler",
    label = "must be an async closure, such as `async |socket: Socket, Data(text): Data<String>| {{ … }}`",
    note = "its parameters must be types that this kind of handler can be given, written out",
    note = "the closure must be `Send + Sync + 'static`: capture clones with `async move |…|`"
)]
pub trait Handler<C, Parameters>: Send + Sync + 'static {
    /// Value that the closure returns.
    type Output;

    /// Extracts the parameters and calls the closure; `finish` turns the closure's output into the caller's.
    fn call<T: 'static>(
        self: Arc<Self>,
        context: &C,
        finish: fn(Self::Output) -> T,
    ) -> Result<HandlerFuture<T>, Rejection>;
}

macro_rules! handler {
    ($($parameter:ident),*) => {
        impl<C, F, R, $($parameter),*> Handler<C, ($($parameter,)*)> for F
        where
            F: AsyncFn($($parameter),*) -> R + Send + Sync + 'static,
            R: 'static,
            $($parameter: FromContext<C> + 'static,)*
        {
            type Output = R;

            #[allow(non_snake_case, unused_variables)]
            fn call<T: 'static>(
                self: Arc<Self>,
                context: &C,
                finish: fn(R) -> T,
            ) -> Result<HandlerFuture<T>, Rejection> {
                $(let $parameter = $parameter::from_context(context)?;)*
                Ok(Box::pin(async move { finish(self($($parameter),*).await) }))
            }
        }
    };
}

handler!();
handler!(A);
handler!(A, B);
handler!(A, B, D);
handler!(A, B, D, E);
handler!(A, B, D, E, G);
handler!(A, B, D, E, G, H);

/// Return types of event, connect and disconnect handlers: nothing, or a `Result` whose error is logged and passed to
/// [`Io::on_error`](crate::Io::on_error).
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

/// Return types of middlewares: `Ok(())` lets the client in.
#[diagnostic::on_unimplemented(
    message = "a middleware cannot return `{Self}`",
    note = "return `Result<(), E>` where `E` is `ConnectError`, `String` or `&str`"
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

/// A handler with the kind of its parameters forgotten.
struct Declared<H, P> {
    handler: Arc<H>,
    parameters: PhantomData<fn(P)>,
}

impl<C, P, H> Callback<C, Outcome> for Declared<H, P>
where
    H: Handler<C, P>,
    H::Output: IntoOutcome + 'static,
    P: 'static,
    C: 'static,
{
    fn call(&self, context: C) -> Result<HandlerFuture<Outcome>, Rejection> {
        self.handler.clone().call(&context, IntoOutcome::into_outcome)
    }
}

/// A middleware with the kind of its parameters forgotten.
struct Deciding<H, P>(Declared<H, P>);

impl<C, P, H> Callback<C, Result<(), ConnectRejection>> for Deciding<H, P>
where
    H: Handler<C, P>,
    H::Output: IntoDecision + 'static,
    P: 'static,
    C: 'static,
{
    fn call(&self, context: C) -> Result<HandlerFuture<Result<(), ConnectRejection>>, Rejection> {
        self.0.handler.clone().call(&context, IntoDecision::into_decision)
    }
}

/// Makes a callback of an event, connect or disconnect handler.
pub(super) fn callback<C, P, H>(handler: H) -> Arc<dyn Callback<C, Outcome>>
where
    H: Handler<C, P>,
    H::Output: IntoOutcome + 'static,
    P: 'static,
    C: 'static,
{
    Arc::new(Declared { handler: Arc::new(handler), parameters: PhantomData })
}

/// Makes a callback of a middleware.
pub(super) fn middleware<C, P, H>(handler: H) -> Arc<dyn Callback<C, Result<(), ConnectRejection>>>
where
    H: Handler<C, P>,
    H::Output: IntoDecision + 'static,
    P: 'static,
    C: 'static,
{
    Arc::new(Deciding(Declared { handler: Arc::new(handler), parameters: PhantomData }))
}
