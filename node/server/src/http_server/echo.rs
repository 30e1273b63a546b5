//! An echo over the WebSocket engine, without Engine.IO, for suites that judge the engine alone. Only with the feature
//! `fault-injection`.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::task::ready;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::stream::{ClientStream, Socket};
use super::upgrade::{Switched, Taken, switch};
use super::written::{Unwritten, WatchedStream};
use crate::outbox::{Item, Waiting};
use crate::websocket::{AttachmentForm, Received, WebSocket, binary_frame, text_frame};

/// Accepts WebSockets on any path and sends every message back. Must run in a `LocalSet`, and ends with an error of the
/// listener.
///
/// # Errors
/// If no more connections can be accepted.
pub async fn echo_websockets(listener: TcpListener, message_bytes_max: usize) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service_fn(move |request: Request<Incoming>| async move {
            let Switched { answer, upgrade, .. } = match switch(request.into_parts().0) {
                Ok(switched) => switched,
                Err(refusal) => return Ok::<_, Infallible>(*refusal),
            };
            actix_rt::spawn(async move {
                if let Some(taken) = Taken::wait_for(upgrade).await
                    && let Ok(websocket) = taken.open(message_bytes_max)
                {
                    echo(websocket).await;
                }
            });
            Ok(answer)
        });
        let stream = ClientStream::Plain(Socket::Tcp(stream));
        let stream = TokioIo::new(WatchedStream::new(stream, Unwritten::default()));
        actix_rt::spawn(http1::Builder::new().serve_connection(stream, service).with_upgrades());
    }
}

async fn echo(mut websocket: Box<dyn WebSocket>) {
    let mut waiting = Waiting::default();
    loop {
        // Nothing is read while something waits to be written.
        let received = poll_fn(|cx| {
            ready!(websocket.poll_write(cx, &mut waiting, AttachmentForm::Binary))?;
            websocket.poll_receive(cx)
        });
        let answer = match received.await {
            Ok(Received::Text(text)) => text_frame(&text),
            Ok(Received::Binary(data)) => binary_frame(&data),
            Ok(Received::Control(answer)) => answer,
            Ok(Received::Fragment { .. }) => continue,
            Ok(Received::Closed) => return,
            Err(error) => match error.close_code().and_then(|code| websocket.close(Some(code))) {
                Some(frame) => frame,
                None => return,
            },
        };
        if !answer.is_empty() {
            waiting.push(Item::Frame(answer));
        }
    }
}
