use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::sync::oneshot::error::TryRecvError;

use super::*;

/// Polls once and says whether that was the end.
async fn poll_once(future: &mut (impl Future + Unpin)) -> bool {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx).is_ready())).await
}

#[tokio::test]
async fn what_waits_for_an_answer_goes_on_when_its_last_byte_is_written_and_not_before() {
    let (precedence, mut waiting) = Precedence::new();
    let unwritten = Unwritten::default();
    let service = service_fn(|_| {
        let mut response = Response::new(Full::<Bytes>::from("ok"));
        response.extensions_mut().insert(precedence.clone());
        let response = unwritten.watch(response);
        async { Ok::<_, Infallible>(response) }
    });
    // The network takes ten bytes, and then nothing until the client reads.
    let (mut client, stream) = duplex(10);
    let stream = TokioIo::new(WatchedStream::new(stream, unwritten.clone()));
    let mut serving = pin!(http1::Builder::new().serve_connection(stream, service));
    for part in b"GET / HTTP/1.1\r\n\r\n".chunks(10) {
        client.write_all(part).await.unwrap();
        assert!(!poll_once(&mut serving).await);
    }
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        assert_eq!(waiting.try_recv(), Err(TryRecvError::Empty), "only {:?} was read", answer.len());
        let mut part = [0; 10];
        let read = client.read(&mut part).await.unwrap();
        answer.extend(&part[..read]);
        // The last bytes were written before they were read.
        if !answer.ends_with(b"\r\n\r\nok") {
            assert!(!poll_once(&mut serving).await);
        }
    }
    drop(precedence);
    assert_eq!(waiting.try_recv(), Err(TryRecvError::Closed));
}
