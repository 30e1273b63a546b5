//! The relay contract on socketioxide, alone or as a node of a cluster over Redis.
//! Usage: relay-socketioxide [PORT=3210] [redis://HOST:PORT]

use std::convert::Infallible;
use std::error::Error;

use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::adapter::Adapter;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::handler::ConnectHandler;
use socketioxide_redis::drivers::redis::redis_client::Client;
use socketioxide_redis::{RedisAdapter, RedisAdapterCtr};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().map_or(Ok(3210), |port| port.parse::<u16>())?;
    let app = match arguments.next() {
        None => {
            let (layer, io) = SocketIo::new_layer();
            io.ns("/", on_connect.with(install));
            axum::Router::new().layer(layer)
        }
        Some(redis) => {
            // The adapter needs RESP3.
            let client = Client::open(format!("{redis}?protocol=resp3"))?;
            let adapter = RedisAdapterCtr::new_with_redis(&client).await?;
            let (layer, io) = SocketIo::builder().with_adapter::<RedisAdapter<_>>(adapter).build_layer();
            io.ns("/", on_connect.with(install)).await?;
            axum::Router::new().layer(layer)
        }
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("socketioxide listens on {port} with process id {}", std::process::id());
    Ok(axum::serve(listener, app).await?)
}

async fn on_connect() {}

/// A middleware, because the server runs it before the client knows that it is connected. A connect handler runs
/// after that, and events that arrive before it has run are lost.
async fn install<A: Adapter>(socket: SocketRef<A>) -> Result<(), Infallible> {
    socket.on("join", async |socket: SocketRef<A>, Data(room): Data<String>, ack: AckSender<A>| {
        socket.join(room);
        ack.send(&()).ok();
    });
    socket.on("leave", async |socket: SocketRef<A>, Data(room): Data<String>, ack: AckSender<A>| {
        socket.leave(room);
        ack.send(&()).ok();
    });
    socket.on("emit", emit);
    socket.on("broadcast", async |io: SocketIo<A>, Data(payload): Data<Value>, ack: AckSender<A>| {
        io.emit("msg", &payload).await.ok();
        ack.send(&()).ok();
    });
    socket.on("echo", async |Data(payload): Data<Value>, ack: AckSender<A>| {
        ack.send(&payload).ok();
    });
    Ok(())
}

async fn emit<A: Adapter>(io: SocketIo<A>, Data((room, payload)): Data<(String, Value)>, ack: AckSender<A>) {
    io.within(room).emit("msg", &payload).await.ok();
    ack.send(&()).ok();
}
