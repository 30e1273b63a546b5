//! Hooks around HTTP: who may connect, layers, headers, refusals. Behind our own listener, and in servers of others.

mod allow_request;
mod engine_options;
mod headers;
mod http_layers;

use fanfare::{Ack, Io, Options, Socket};

use crate::client::{Answer, Http};
use crate::mounted::{Host, hosted};
use crate::support::serve;

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Value that a hook has left for handlers.
#[derive(Clone, Debug, PartialEq)]
struct User(String);

/// Every way in that a server has.
#[derive(Clone, Copy, Debug)]
enum Way {
    Listener,
    Mounted(Host),
}

const WAYS: [Way; 3] = [Way::Listener, Way::Mounted(Host::Axum), Way::Mounted(Host::Hyper)];

/// Opens that way in.
async fn open(io: &Io, way: Way) -> String {
    match way {
        Way::Listener => serve(io).await,
        Way::Mounted(host) => {
            io.start().expect("it starts");
            hosted(io, host).await
        }
    }
}

/// Two threads, so that some requests cross from one to the other.
fn options() -> Options {
    Options { reactors: 2, ..Options::default() }
}

/// Says which user a hook has left.
fn says_who(io: &Io) {
    io.on("who", async |socket: Socket, ack: Ack| {
        ack.send(socket.handshake().extensions().get::<User>().map(|user| user.0.clone()))
    });
}

/// A request for a new session over polling, on a connection of its own.
async fn handshake(url: &str, more: &str) -> Answer {
    Http::connect(url).await.get_with(POLLING, more).await
}

/// A request for a new session over WebSocket.
async fn handshake_of_websocket(url: &str, more: &str) -> Answer {
    Http::connect(url).await.get_with(WEBSOCKET, &format!("{UPGRADE}{more}")).await
}
