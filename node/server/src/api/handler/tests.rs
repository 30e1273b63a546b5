use std::future::{Ready, ready};

use super::*;
use crate::api::outcome::IntoOutcome;
use crate::options::Options;
use crate::socket::Returned;

/// Context of which numbers can be made: the one after the last one.
struct Numbers(std::cell::Cell<u8>);

impl FromContext<Numbers> for u8 {
    fn from_context(context: &Numbers) -> Result<Self, Rejection> {
        context.0.set(context.0.get() + 1);
        if context.0.get() == 13 { Err(Rejection::new("bad luck")) } else { Ok(context.0.get()) }
    }
}

/// Whether it has ended when it was called, and its outcome.
fn called<P: 'static, H>(handler: H) -> (bool, Result<(), String>)
where
    H: Handler<Numbers, P>,
    H::Output: IntoOutcome + 'static,
{
    let node = Node::alone(Options { reactors: 1, ..Options::default() });
    let called = match callback::<Numbers, P, H>(&node, handler).call(Numbers(0.into())) {
        Ok(called) => called,
        Err(rejection) => return (false, Err(rejection.to_string())),
    };
    let text = |outcome: Outcome| outcome.map_err(|Returned(error)| error);
    match called {
        Called::Ended(outcome) => (true, text(outcome)),
        Called::Running(future) => {
            (false, text(futures_util::FutureExt::now_or_never(future).expect("its end")))
        }
    }
}

fn function(a: u8, b: u8) -> Result<(), String> {
    Err(format!("{a} {b}"))
}

async fn async_function(a: u8, b: u8) -> Result<(), String> {
    Err(format!("later {a} {b}"))
}

fn boxed(a: u8) -> std::pin::Pin<Box<dyn Future<Output = Result<(), String>>>> {
    Box::pin(ready(Err(a.to_string())))
}

#[test]
fn handlers_are_async_or_not_and_what_is_not_needs_no_box() {
    assert_eq!(called(|| {}), (true, Ok(())));
    assert_eq!(called(|_: u8| {}), (true, Ok(())));
    assert_eq!(called(|a: u8| Err::<(), _>(a.to_string())), (true, Err("1".to_owned())));
    assert_eq!(called(function), (true, Err("1 2".to_owned())));
    assert_eq!(called(function as fn(u8, u8) -> Result<(), String>), (true, Err("1 2".to_owned())));
    let captured = "captured".to_owned();
    assert_eq!(called(move || Err::<(), _>(captured.clone())), (true, Err("captured".to_owned())));

    assert_eq!(called(async || {}), (false, Ok(())));
    assert_eq!(called(async |a: u8| Err::<(), _>(a)), (false, Err("1".to_owned())));
    assert_eq!(called(async_function), (false, Err("later 1 2".to_owned())));
    let captured = "captured".to_owned();
    assert_eq!(called(async move || Err::<(), _>(captured.clone())), (false, Err("captured".to_owned())));

    assert_eq!(called(|a: u8| async move { Err::<(), _>(a) }), (false, Err("1".to_owned())));
    assert_eq!(called(|_: u8| -> Ready<()> { ready(()) }), (false, Ok(())));
    assert_eq!(called(boxed), (false, Err("1".to_owned())));
}

#[test]
fn a_handler_that_never_returns_is_one() {
    let panics = |handler: fn()| std::panic::catch_unwind(handler).is_err();
    assert!(panics(|| drop(called(|_: u8| panic!("not now")))));
    assert!(panics(|| drop(called(|| todo!()))));
    assert!(panics(|| drop(called(async |_: u8| panic!("not now")))));
    assert!(panics(|| drop(called(async || todo!()))));
}

#[test]
fn eight_parameters_are_made_in_order() {
    let all = "[1, 2, 3, 4, 5, 6, 7, 8]".to_owned();
    let debug = |numbers: [u8; 8]| Err::<(), _>(format!("{numbers:?}"));
    let plain = move |a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8| debug([a, b, c, d, e, f, g, h]);
    assert_eq!(called(plain), (true, Err(all.clone())));
    let later =
        async move |a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8| debug([a, b, c, d, e, f, g, h]);
    assert_eq!(called(later), (false, Err(all)));
}

#[test]
fn the_first_parameter_that_cannot_be_made_decides_unless_the_handler_takes_that_into_account() {
    struct Thirteen;
    impl FromContext<Numbers> for Thirteen {
        fn from_context(context: &Numbers) -> Result<Self, Rejection> {
            context.0.set(12);
            u8::from_context(context).map(|_| Self)
        }
    }
    assert_eq!(called(|_: u8, _: Thirteen, _: u8| {}), (false, Err("bad luck".to_owned())));
    let outcome =
        called(|none: Option<Thirteen>, after: u8| Err::<(), _>(format!("{} {after}", none.is_none())));
    assert_eq!(outcome, (true, Err("true 14".to_owned())));
    let outcome = called(|error: Result<Thirteen, Rejection>| error.map(drop));
    assert_eq!(outcome, (true, Err("bad luck".to_owned())));
}
