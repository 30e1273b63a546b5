use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use tokio::sync::oneshot::error::TryRecvError;

use super::*;
use crate::connection::Precedence;
use crate::http_server::response::Cut;

/// A server drops the body once the answer is in its buffer, in the task that writes that buffer next.
#[tokio::test]
async fn what_waits_for_an_answer_goes_on_after_the_task_that_writes_it() {
    let (precedence, mut waiting) = Precedence::new();
    let mut response = Response::new(Full::from("ok"));
    response.extensions_mut().insert(precedence);
    let response = AnswerBody::of(response);
    assert_eq!(waiting.try_recv(), Err(TryRecvError::Empty));
    drop(response);
    assert_eq!(waiting.try_recv(), Err(TryRecvError::Empty), "it is not written yet");
    tokio::task::yield_now().await;
    assert_eq!(waiting.try_recv(), Err(TryRecvError::Closed));
}

#[tokio::test]
async fn an_answer_that_is_none_fails_instead_of_ending() {
    let response = AnswerBody::cut(Cut("gone"));
    assert!(!response.body().is_end_stream());
    assert!(response.into_body().collect().await.is_err());
}

#[test]
fn an_extended_connect_becomes_an_upgrade_and_its_answer_a_success() {
    let request = |version: Version| {
        let request = Request::connect("https://localhost/socket.io/?EIO=4&transport=websocket");
        request.version(version).header("sec-websocket-version", "13").body(()).unwrap().into_parts().0
    };
    assert!(!extended_connect::into_upgrade(&mut request(Version::HTTP_11)));
    let mut parts = request(Version::HTTP_2);
    assert!(extended_connect::into_upgrade(&mut parts));
    set_host(&mut parts);
    assert_eq!(parts.headers["host"], "localhost");
    let mut answer: Response<Bytes> =
        crate::websocket::handshake_response(&Request::from_parts(parts, ())).expect("a sound upgrade");
    assert_eq!(answer.status(), 101);
    extended_connect::answer(&mut answer);
    assert_eq!((answer.status().as_u16(), answer.headers().len()), (200, 0));
}
