//! An echo over the WebSocket engine, without Engine.IO, for suites that judge the engine alone. Only with the feature
//! `fault-injection`.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::task::ready;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::upgrade::switch;
use super::written::{Unwritten, WatchedStream};
use crate::websocket::{Plain, Received, WebSocket};

/// Accepts WebSockets on any path and sends every message back. Must run in a `LocalSet`, and ends with an error of the
/// listener.
///
/// # Errors
/// If no more connections can be accepted.
pub async fn echo_websockets(listener: TcpListener, message_bytes_max: usize) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service_fn(move |request| async move {
            Ok::<_, Infallible>(switch(request, move |stream, read_already| {
                let websocket = Plain::new(stream, &read_already, message_bytes_max)?;
                actix_rt::spawn(echo(websocket));
                Ok(())
            }))
        });
        let stream = TokioIo::new(WatchedStream::new(stream, Unwritten::default()));
        actix_rt::spawn(http1::Builder::new().serve_connection(stream, service).with_upgrades());
    }
}

async fn echo(mut websocket: impl WebSocket) {
    loop {
        // Nothing is read while something waits to be written.
        let received = poll_fn(|cx| {
            ready!(websocket.poll_flush(cx))?;
            let received = websocket.poll_receive(cx);
            if received.is_pending() {
                // The answer to a ping, perhaps.
                ready!(websocket.poll_flush(cx))?;
            }
            received
        });
        match received.await {
            Ok(Received::Text(text)) => websocket.queue_text(&text),
            Ok(Received::Binary(data)) => websocket.queue_binary(&data),
            Ok(Received::Closed) => return,
            Err(error) => match error.close_code() {
                Some(code) => websocket.queue_close(Some(code)),
                None => return,
            },
        }
    }
}
