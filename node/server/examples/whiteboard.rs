//! A whiteboard: whatever one draws, everybody sees, and who comes later too. Strokes travel as bytes.
//!
//! ```sh
//! cargo run -p fanfare --example whiteboard -- node_modules/socket.io/client-dist
//! ```
//!
//! The argument is the folder `client-dist` of the npm package `socket.io`, from which the page gets its client. Without it the
//! folder that `make run` fills is taken.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fanfare::{Bytes, Data, EmitError, Io, IoBuilder, Namespace, Socket, State};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};

const PAGE: &str = include_str!("whiteboard.html");
/// Older strokes are forgotten: clients that come later do not see them.
const BOARD_BYTES_MAX: usize = 512 * 1024;

/// Strokes drawn so far. Each begins with three bytes for its colour and one for the number of its points, which follow with
/// two bytes for x and two for y. So a board is its strokes one behind the other, and a page draws both alike.
#[derive(Default)]
struct Strokes {
    strokes: VecDeque<Bytes>,
    bytes: usize,
}

impl Strokes {
    fn push(&mut self, stroke: Bytes) {
        self.bytes += stroke.len();
        self.strokes.push_back(stroke);
        while self.bytes > BOARD_BYTES_MAX {
            self.bytes -= self.strokes.pop_front().map_or(0, |oldest| oldest.len());
        }
    }

    fn whole(&self) -> Bytes {
        self.strokes.iter().flatten().copied().collect()
    }
}

#[derive(Clone, Default)]
struct Board(Arc<Mutex<Strokes>>);

impl Board {
    fn lock(&self) -> MutexGuard<'_, Strokes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let client = std::env::args_os().nth(1);
    let client =
        client.map_or_else(|| "target/client/node_modules/socket.io/client-dist".into(), PathBuf::from);
    let io = whiteboard(Io::builder().client_dist(client));
    let server = io.listen("127.0.0.1:3000").await?;
    println!("Open http://{} in two windows", server.address());
    server.closed().await;
    Ok(())
}

/// The whiteboard, and the page for it.
pub fn whiteboard(builder: IoBuilder) -> Io {
    let io = builder.state(Board::default()).fallback(page).build();
    io.on_connect(show);
    io.on("stroke", draw);
    // Where the others point at. Volatile: a client that is behind misses some, and sees the next.
    io.on("cursor", async |socket: Socket, Data((x, y)): Data<(f64, f64)>| {
        socket.volatile().broadcast().emit("cursor", (socket.id(), x, y))
    });
    io.on_disconnect(async |namespace: Namespace, socket: Socket| namespace.emit("gone", socket.id()));
    io
}

/// Shows a client what there is.
///
/// Emits do not wait, so that they may happen under the lock. That way a stroke is on the board or comes after it; it may do
/// both, on its way from another thread, and is drawn twice at the same place.
fn show(socket: Socket, State(board): State<Board>) -> Result<(), EmitError> {
    let strokes = board.lock();
    socket.emit("board", strokes.whole())
}

/// Hands a stroke on to the others, as it is, and keeps it.
fn draw(
    socket: Socket,
    State(board): State<Board>,
    Data(stroke): Data<Bytes>,
) -> Result<(), Box<dyn std::error::Error>> {
    // A stroke of another length would make nonsense of those behind it.
    let points = stroke.get(3).copied().map_or(0, usize::from);
    if points == 0 || stroke.len() != 4 + 4 * points {
        return Err("not a stroke".into());
    }
    let mut strokes = board.lock();
    socket.broadcast().emit("stroke", &stroke)?;
    strokes.push(stroke);
    Ok(())
}

/// Answers every request that is not for Socket.IO.
fn page(request: &Parts) -> Response<Bytes> {
    let (status, kind, body) = match request.uri.path() {
        "/" => (StatusCode::OK, "text/html; charset=utf-8", PAGE),
        _ => (StatusCode::NOT_FOUND, "text/plain", "not found"),
    };
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
