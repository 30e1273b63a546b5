//! Who may come in, and who may do what: tokens that a store knows, blocked addresses, and events for administrators alone.
//!
//! ```sh
//! cargo run -p fanfare --example auth
//! ```
//!
//! A client sends its token as `auth`, and is told why it is refused:
//!
//! ```js
//! const socket = io("http://127.0.0.1:3000", { auth: { token: "ada-s3cret" } });
//! socket.on("connect_error", (error) => console.log(error.message, error.data?.code));
//! ```

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use fanfare::{
    Ack, Auth, ConnectError, Data, EventName, Extension, HandshakeRefusal, HandshakeRequest, Io, Namespace,
    RequestError, Socket, SocketError, State,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::RwLock;

/// User behind a token, kept with each of the user's sockets.
#[derive(Clone, Serialize)]
pub struct User {
    name: String,
    is_admin: bool,
}

impl User {
    /// Room of all sockets of the user. The prefix keeps it apart from other rooms.
    fn room(&self) -> String {
        format!("user:{}", self.name)
    }
}

/// Tokens and blocked addresses. A real program asks its database in these functions: handlers and hooks may wait for it.
#[derive(Clone, Default)]
pub struct Store(Arc<RwLock<Records>>);

#[derive(Default)]
struct Records {
    users: HashMap<String, User>,
    blocked: HashSet<IpAddr>,
}

impl Store {
    /// Adds a user who logs in with this token.
    pub async fn add(&self, token: &str, name: &str, is_admin: bool) {
        let user = User { name: name.to_owned(), is_admin };
        self.0.write().await.users.insert(token.to_owned(), user);
    }

    /// Lets in nobody from this address any more.
    pub async fn block(&self, address: IpAddr) {
        self.0.write().await.blocked.insert(address);
    }

    async fn user(&self, token: &str) -> Option<User> {
        self.0.read().await.users.get(token).cloned()
    }

    async fn remove_tokens_of(&self, name: &str) {
        self.0.write().await.users.retain(|_, user| user.name != name);
    }

    async fn is_blocked(&self, address: IpAddr) -> bool {
        self.0.read().await.blocked.contains(&address)
    }
}

/// Data that clients send as `auth`.
#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    token: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let store = Store::default();
    store.add("ada-s3cret", "Ada", true).await;
    store.add("grace-s3cret", "Grace", false).await;
    let io = server(store);
    install(&io);
    let server = io.listen("127.0.0.1:3000").await?;
    println!("listening on http://{}", server.address());
    server.closed().await;
    Ok(())
}

/// A server that asks the store about each client before there is a session: a blocked one costs next to nothing.
pub fn server(store: Store) -> Io {
    let asked = store.clone();
    Io::builder()
        .allow_request(async move |request: &mut HandshakeRequest| match request.address() {
            Some(address) if asked.is_blocked(address.ip()).await => Err(HandshakeRefusal::new("blocked")),
            _ => Ok(()),
        })
        .state(store)
        .build()
}

/// Declares who may enter, and what users and administrators can do.
pub fn install(io: &Io) {
    io.middleware(log_in);
    io.event_middleware(authorize);
    io.on_socket_error(|error: SocketError, ack: Ack| ack.send(json!({ "error": error.to_string() })));

    io.on("whoami", |Extension(user): Extension<User>, ack: Ack| ack.send(user));
    io.on("log out everywhere", log_out_everywhere);
    io.on("admin:announce", async |namespace: Namespace, Data(text): Data<String>, ack: Ack| {
        namespace.emit("announcement", text)?;
        ack.send(json!({ "error": null }))
    });
}

/// Finds the user of a client that wants to enter, and keeps it with the socket. Its message and its data are what the client
/// gets as `connect_error`.
async fn log_in(
    socket: Socket,
    State(store): State<Store>,
    Auth(login): Auth<Login>,
) -> Result<(), ConnectError> {
    let Some(user) = store.user(&login.token).await else {
        return Err(ConnectError::new("unknown token").with_data(json!({ "code": "UNKNOWN_TOKEN" })));
    };
    socket.join(user.room()).await.map_err(|error| error.to_string())?;
    socket.set_data(user);
    Ok(())
}

/// Refuses the events of administrators to others. Asked before any handler runs.
fn authorize(EventName(event): EventName, Extension(user): Extension<User>) -> Result<(), &'static str> {
    if event.starts_with("admin:") && !user.is_admin { Err("for administrators only") } else { Ok(()) }
}

/// Forgets the tokens of the user, and disconnects all their sockets, on whichever nodes they are.
async fn log_out_everywhere(
    namespace: Namespace,
    State(store): State<Store>,
    Extension(user): Extension<User>,
) -> Result<(), RequestError> {
    store.remove_tokens_of(&user.name).await;
    namespace.to(user.room()).disconnect_sockets(true).await.map(drop)
}
