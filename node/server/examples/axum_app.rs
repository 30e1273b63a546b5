//! An application of axum with Fanfare in it: a state, REST routes, and an auth layer that both share.
//!
//! ```sh
//! cargo run -p fanfare --example axum_app
//! curl -H 'authorization: Bearer Ada' -d 'it rains' http://127.0.0.1:3000/news     # every client hears it
//! ```
//!
//! A client says who it is as the curl does, with `io(url, { extraHeaders: { authorization: "Bearer Ada" } })`; a page of
//! a browser would do it with a cookie.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use fanfare::{Ack, ConnectError, Data, EmitError, HttpExtension, Io, Socket};
use tokio::net::TcpListener;

/// State of the application. `Io` is one handle for all of it.
#[derive(Clone)]
pub struct App {
    io: Io,
    news: Arc<AtomicUsize>,
}

/// Found by the auth layer, for routes and sockets alike.
#[derive(Clone)]
pub struct User(String);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let io = Io::new();
    install(&io);
    io.start()?; // or the first request does
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    // With connect info handshakes know the client's address, polling ones too.
    let app = app(&io).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(ended(io)).await?;
    Ok(())
}

/// Waits for Ctrl-C, and lets the clients go before axum ends: it does not wait for WebSockets.
async fn ended(io: Io) {
    // An error means that there is no such signal: then nothing ends the program this way.
    if tokio::signal::ctrl_c().await.is_ok() {
        io.drain().await;
    }
}

/// Declares what clients can do.
pub fn install(io: &Io) {
    io.middleware(async |socket: Socket, user: Option<HttpExtension<User>>| match user {
        Some(HttpExtension(user)) => {
            socket.join(format!("user:{}", user.0)).await.map_err(|error| error.to_string().into())
        }
        None => Err(ConnectError::new("not logged in")),
    });
    io.on("whoami", |HttpExtension(user): HttpExtension<User>, ack: Ack| ack.send(user.0));
    io.on("say", async |socket: Socket, Data(text): Data<String>| socket.broadcast().emit("said", text));
}

/// The whole application. Layers see the requests of the routes and layers above them: `authenticate` sees all.
pub fn app(io: &Io) -> Router {
    let state = App { io: io.clone(), news: Arc::default() };
    Router::new()
        .route("/news", post(publish))
        .route("/news/count", get(async |State(app): State<App>| Json(app.news.load(Ordering::Relaxed))))
        .with_state(state)
        .layer(io.layer())
        .layer(from_fn(authenticate))
}

/// Tells all clients.
async fn publish(
    State(app): State<App>,
    Extension(user): Extension<User>,
    text: String,
) -> Result<StatusCode, StatusCode> {
    app.news.fetch_add(1, Ordering::Relaxed);
    let told: Result<(), EmitError> = app.io.emit("news", (user.0, text));
    // Of an emit that fails nothing was sent.
    told.map(|()| StatusCode::NO_CONTENT).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

/// Lets in whoever has a name. What a real application looks up here is not for this page.
async fn authenticate(mut request: Request, next: Next) -> Result<Response, StatusCode> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let name = header.and_then(|value| value.strip_prefix("Bearer ")).ok_or(StatusCode::UNAUTHORIZED)?;
    let user = User(name.to_owned());
    request.extensions_mut().insert(user);
    Ok(next.run(request).await)
}
