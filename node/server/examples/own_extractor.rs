//! An extractor of your own: handlers take a `User`, which is made of the client's token and of the program's state.
//!
//! ```sh
//! cargo run -p fanfare --example own_extractor
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use fanfare::{Ack, Auth, Data, FromContext, HasEvent, HasSocket, Io, Rejection, Socket, States};
use serde::Deserialize;

/// State of the program: names of users, by token.
#[derive(Clone)]
pub struct Users(Arc<HashMap<String, String>>);

/// Payload with which a client connects: `io(url, { auth: { token: "s3cret" } })`.
#[derive(Deserialize)]
struct Login {
    token: String,
}

/// User behind a socket, for every kind of handler that has one.
pub struct User {
    name: String,
}

impl<C: HasSocket> FromContext<C> for User {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        let Users(users) = context.state()?;
        let Auth(login): Auth<Login> = Auth::from_context(context)?;
        let name = users.get(&login.token).ok_or_else(|| Rejection::new("unknown token"))?;
        Ok(Self { name: name.clone() })
    }

    // Without it a server without `Users` would be found out when the first client comes, not when it starts.
    fn check(states: &States) -> Result<(), Rejection> {
        states.require::<Users>().map(drop)
    }
}

/// Number of arguments, for handlers of events.
struct Count(usize);

impl<C: HasEvent> FromContext<C> for Count {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(Self(context.arguments().len()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let io = server();
    install(&io);
    let server = io.listen("127.0.0.1:3000").await?;
    println!("listening on http://{}", server.address());
    server.closed().await;
    Ok(())
}

/// A server that knows its users.
pub fn server() -> Io {
    let users = HashMap::from([("s3cret".to_owned(), "Ada".to_owned())]);
    Io::builder().state(Users(Arc::new(users))).build()
}

/// Declares handlers that take users.
pub fn install(io: &Io) {
    // In a middleware the rejection refuses the client, which reads "unknown token".
    io.middleware(|_: User| Ok::<(), Rejection>(()));
    io.on("whoami", |user: User, ack: Ack| ack.send(user.name));
    io.on("count", |Count(count): Count, ack: Ack| ack.send(count));
    io.on("say", async |user: User, socket: Socket, Data(text): Data<String>| {
        socket.broadcast().emit("said", (user.name, text))
    });
}
