//! Fanfare in a program that serves HTTP with hyper alone: requests under `/socket.io/` are Fanfare's, all others the
//! program's.
//!
//! ```sh
//! cargo run -p fanfare --example hyper_app
//! ```

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use fanfare::{Ack, Data, Io};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let io = Io::new();
    install(&io);
    io.start()?; // or the first request does
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    tokio::select! {
        ended = serve(&io, listener) => ended?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    io.drain().await; // before the runtime ends, and the streams of clients with it
    Ok(())
}

/// Declares what clients can do.
pub fn install(io: &Io) {
    io.on("add", async |Data((a, b)): Data<(i64, i64)>, ack: Ack| ack.send(a + b));
}

/// Accepts connections until the listener fails.
pub async fn serve(io: &Io, listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(serve_connection(io.clone(), stream, peer));
    }
}

async fn serve_connection(io: Io, stream: TcpStream, peer: SocketAddr) {
    let ours = io.layer().layer(service_fn(hello));
    let app = service_fn(move |mut request: Request<Incoming>| {
        // That is how handshakes learn the client's address.
        request.extensions_mut().insert(peer);
        tower::ServiceExt::oneshot(ours.clone(), request)
    });
    let server = http1::Builder::new();
    // Without `with_upgrades` there would be no WebSockets.
    let served = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)).with_upgrades();
    if let Err(error) = served.await {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// Everything that is not Fanfare's.
async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("hello from hyper")))
}
