//! Handlers: closures and functions whose parameters are extracted.

use std::marker::PhantomData;
use std::sync::Arc;

use super::extract::FromContext;
use super::outcome::{Finished, IntoDecision, IntoOutcome};
use crate::node::{Node, States};
use crate::socket::{Callback, Called, ConnectRejection, Outcome, Rejection};

/// A closure or function with up to eight parameters that can be extracted from `C`; [`FromContext`] lists them.
///
/// It may be async, or return a future, or neither: then it returns nothing or a `Result`. `P` is its parameters, which the
/// compiler finds.
///
/// ```
/// # use fanfare::{Ack, Data, EmitError, Io, Socket};
/// # let io = Io::new();
/// io.on("double", |Data(number): Data<u32>, ack: Ack| ack.send(u64::from(number) * 2));
/// io.on("enter", async |socket: Socket, Data(room): Data<String>| socket.join(room).await);
/// io.on("leave", |socket: Socket, Data(room): Data<String>| async move { socket.leave(room).await });
/// io.on("whisper", whisper);
///
/// async fn whisper(socket: Socket, Data((to, text)): Data<(String, String)>) -> Result<(), EmitError> {
///     socket.to(to).emit("whisper", text)
/// }
/// ```
///
/// A future stays on its reactor, so it need not be `Send`; the closure itself must be `Send + Sync + 'static`. A handler
/// that is not async must not block: other sockets wait for its thread.
#[diagnostic::on_unimplemented(message = "this is not a handler", label = "not a handler")]
pub trait Handler<C, P>: Send + Sync + 'static {
    /// Value that the closure returns, or its future yields.
    type Output;

    /// Extracts the parameters and calls the closure; `finish` turns the closure's output into the caller's.
    ///
    /// # Errors
    /// A parameter cannot be made; the closure was not called.
    fn call<T: 'static>(
        self: Arc<Self>,
        context: &C,
        finish: fn(Self::Output) -> T,
    ) -> Result<Called<T>, Rejection>;

    /// Whether its parameters can be made with these states.
    ///
    /// # Errors
    /// A state is missing.
    fn check(states: &States) -> Result<(), Rejection>;
}

impl<C, P, F> Handler<C, P> for F
where
    F: Function<P>,
    F::Parameters: Parameters<C>,
{
    type Output = F::Output;

    fn call<T: 'static>(
        self: Arc<Self>,
        context: &C,
        finish: fn(F::Output) -> T,
    ) -> Result<Called<T>, Rejection> {
        Ok(Function::call(self, F::Parameters::extract(context)?, finish))
    }

    fn check(states: &States) -> Result<(), Rejection> {
        F::Parameters::check(states)
    }
}

/// A closure or function, whatever its parameters are. That a context can give them is asked apart, by [`Parameters`]:
/// so the compiler finds them first, and complains of the one that does not fit.
#[diagnostic::on_unimplemented(
    message = "this is not a handler",
    label = "must be a closure or function, such as `async |socket: Socket, Data(text): Data<String>| {{ … }}`",
    note = "it can have up to eight parameters, with their types written out",
    note = "it returns nothing, a `Result`, or a future of one of them"
)]
pub trait Function<P>: Send + Sync + 'static {
    /// A tuple.
    type Parameters;
    /// Value that it returns, or its future yields.
    type Output;

    /// Calls it.
    fn call<T: 'static>(
        self: Arc<Self>,
        parameters: Self::Parameters,
        finish: fn(Self::Output) -> T,
    ) -> Called<T>;
}

/// Parameters that can be extracted from `C`: a tuple.
pub trait Parameters<C>: Sized {
    /// Makes them in order; the first that cannot be made decides.
    fn extract(context: &C) -> Result<Self, Rejection>;

    /// Whether they can be made with these states.
    fn check(states: &States) -> Result<(), Rejection>;
}

/// Parameters of a function that returns a future.
pub struct Async<P>(PhantomData<P>);

/// Parameters of a function that returns its output.
pub struct Plain<P>(PhantomData<P>);

// A function that returns a future satisfies both bounds on `F` below; that no future is `Finished` keeps them apart.
macro_rules! functions {
    ($($parameter:ident),*) => {
        impl<F, R, $($parameter),*> Function<Async<($($parameter,)*)>> for F
        where
            F: AsyncFn($($parameter),*) -> R + Send + Sync + 'static,
            R: 'static,
            $($parameter: 'static,)*
        {
            type Parameters = ($($parameter,)*);
            type Output = R;

            #[allow(non_snake_case)]
            fn call<T: 'static>(
                self: Arc<Self>,
                ($($parameter,)*): Self::Parameters,
                finish: fn(R) -> T,
            ) -> Called<T> {
                Called::Running(Box::pin(async move { finish(self($($parameter),*).await) }))
            }
        }

        impl<F, R, $($parameter),*> Function<Plain<($($parameter,)*)>> for F
        where
            F: Fn($($parameter),*) -> R + Send + Sync + 'static,
            R: Finished + 'static,
            $($parameter: 'static,)*
        {
            type Parameters = ($($parameter,)*);
            type Output = R;

            #[allow(non_snake_case)]
            fn call<T: 'static>(
                self: Arc<Self>,
                ($($parameter,)*): Self::Parameters,
                finish: fn(R) -> T,
            ) -> Called<T> {
                Called::Ended(finish(self($($parameter),*)))
            }
        }

        impl<C, $($parameter: FromContext<C>),*> Parameters<C> for ($($parameter,)*) {
            #[allow(unused_variables)]
            fn extract(context: &C) -> Result<Self, Rejection> {
                Ok(($($parameter::from_context(context)?,)*))
            }

            #[allow(unused_variables)]
            fn check(states: &States) -> Result<(), Rejection> {
                $($parameter::check(states)?;)*
                Ok(())
            }
        }
    };
}

functions!();
functions!(A);
functions!(A, B);
functions!(A, B, D);
functions!(A, B, D, E);
functions!(A, B, D, E, G);
functions!(A, B, D, E, G, H);
functions!(A, B, D, E, G, H, I);
functions!(A, B, D, E, G, H, I, J);

/// A handler with the kind of its parameters forgotten.
pub(super) struct Declared<H, P> {
    pub(super) handler: Arc<H>,
    parameters: PhantomData<fn(P)>,
}

impl<C, P, H> Callback<C, Outcome> for Declared<H, P>
where
    H: Handler<C, P>,
    H::Output: IntoOutcome + 'static,
    P: 'static,
    C: 'static,
{
    fn call(&self, context: C) -> Result<Called<Outcome>, Rejection> {
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
    fn call(&self, context: C) -> Result<Called<Result<(), ConnectRejection>>, Rejection> {
        self.0.handler.clone().call(&context, IntoDecision::into_decision)
    }
}

impl<H, P> Declared<H, P> {
    /// # Panics
    /// If the handler takes a state that the node does not have: it could never be called.
    #[track_caller]
    pub(super) fn new<C>(node: &Node, handler: H) -> Self
    where
        H: Handler<C, P>, // owns what it captures: `async move |…|`
    {
        if let Err(missing) = H::check(&node.states) {
            panic!("this handler can never be called: {missing}");
        }
        Self { handler: Arc::new(handler), parameters: PhantomData }
    }
}

/// Makes a callback of an event, connect or disconnect handler.
///
/// # Panics
/// If the handler takes a state that the node does not have.
#[track_caller]
pub(super) fn callback<C, P, H>(node: &Node, handler: H) -> Arc<dyn Callback<C, Outcome>>
where
    H: Handler<C, P>,
    H::Output: IntoOutcome + 'static,
    P: 'static,
    C: 'static,
{
    Arc::new(Declared::new::<C>(node, handler))
}

/// Makes a callback of a middleware.
///
/// # Panics
/// As [`callback`].
#[track_caller]
pub(super) fn middleware<C, P, H>(
    node: &Node,
    handler: H,
) -> Arc<dyn Callback<C, Result<(), ConnectRejection>>>
where
    H: Handler<C, P>,
    H::Output: IntoDecision + 'static,
    P: 'static,
    C: 'static,
{
    Arc::new(Deciding(Declared::new::<C>(node, handler)))
}

#[cfg(test)]
mod tests;
