//! Private messages, as the tutorial of the official site has them: users with a name, sessions that outlive a connection,
//! messages to all tabs of one user.
//!
//! ```sh
//! cargo run -p fanfare --example private_messages
//! ```
//!
//! It starts two nodes of a cluster in one process, on the ports 3000 and 3001; users of one write to those of the other. The
//! events are those of the tutorial, so that its page (`npm run serve`, on the port 8080) is a client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fanfare::{
    Auth, Bus, ConnectError, Cors, Data, EmitError, Extension, Io, MemoryHub, Namespace, Options, Socket,
    State,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Data that clients send as `auth`: a session that they were given before, or a name for a new one.
#[derive(Deserialize)]
struct Login {
    #[serde(rename = "sessionID")]
    session_id: Option<String>,
    #[serde(default)]
    username: String,
}

/// User in a session, kept with each of its sockets, one for each tab.
#[derive(Clone, Serialize)]
struct Session {
    /// A secret: whoever knows it is the user.
    #[serde(rename = "sessionID")]
    id: String,
    /// Public, for those who write to the user.
    #[serde(rename = "userID")]
    user_id: String,
    #[serde(skip)]
    username: String,
}

/// As others see a message.
#[derive(Clone, Serialize)]
struct Message {
    content: String,
    from: String,
    to: String,
}

/// As a client writes it.
#[derive(Deserialize)]
struct Draft {
    content: String,
    to: String,
}

/// Sessions and messages, shared by all nodes. In processes of their own they share a database, which forgets what is old.
#[derive(Clone, Default)]
pub struct Store(Arc<Mutex<Records>>);

#[derive(Default)]
struct Records {
    sessions: HashMap<String, Session>,
    /// Whether the user of that id has a tab open.
    connected: HashMap<String, bool>,
    messages: Vec<Message>,
}

impl Store {
    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of that id, or a new one of that name.
    fn session(&self, login: Login) -> Result<Session, ConnectError> {
        let mut records = self.records();
        if let Some(session) = login.session_id.and_then(|id| records.sessions.get(&id)) {
            return Ok(session.clone());
        }
        if login.username.is_empty() {
            return Err(ConnectError::new("invalid username"));
        }
        let session = Session { id: random_id(), user_id: random_id(), username: login.username };
        records.sessions.insert(session.id.clone(), session.clone());
        Ok(session)
    }

    fn set_connected(&self, session: &Session, connected: bool) {
        self.records().connected.insert(session.user_id.clone(), connected);
    }

    fn keep(&self, message: Message) {
        self.records().messages.push(message);
    }

    /// Every user, with the messages between them and this one.
    fn users(&self, me: &str) -> Vec<Value> {
        let records = self.records();
        let between = |other: &str| -> Vec<&Message> {
            let is_between = |message: &&Message| {
                (message.from == me && message.to == other) || (message.from == other && message.to == me)
            };
            records.messages.iter().filter(is_between).collect()
        };
        let user = |session: &Session| {
            let connected = records.connected.get(&session.user_id).copied().unwrap_or_default();
            user(session, connected, &between(&session.user_id))
        };
        records.sessions.values().map(user).collect()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let (hub, store) = (MemoryHub::new(1), Store::default());
    let nodes = [node(hub.bus(), store.clone()), node(hub.bus(), store)];
    for (io, address) in nodes.iter().zip(["127.0.0.1:3000", "127.0.0.1:3001"]) {
        println!("listening on http://{}", io.listen(address).await?.address());
    }
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// A node of the cluster that the bus connects: `NatsBus` for nodes in processes of their own.
pub fn node(bus: impl Bus, store: Store) -> Io {
    // The page of the tutorial is of another origin than the server.
    let cors = Cors { origins: vec!["http://localhost:8080".to_owned()], ..Cors::default() };
    let options = Options { cors: Some(cors), ..Options::default() };
    let io = Io::builder().options(options).bus(bus).state(store).build();
    io.middleware(log_in);
    io.on_connect(welcome);
    io.on("private message", deliver);
    io.on_disconnect(say_goodbye);
    io
}

/// Finds or begins the session. All tabs of a user are in one room, on whichever nodes they are.
async fn log_in(
    socket: Socket,
    State(store): State<Store>,
    Auth(login): Auth<Login>,
) -> Result<(), ConnectError> {
    let session = store.session(login)?;
    socket.join(room_of(&session.user_id)).await.map_err(|error| error.to_string())?;
    socket.set_data(session);
    Ok(())
}

/// Tells the client its session, and who there is; and the others that this user is here.
async fn welcome(
    socket: Socket,
    State(store): State<Store>,
    Extension(session): Extension<Session>,
) -> Result<(), EmitError> {
    store.set_connected(&session, true);
    socket.emit("session", &session)?;
    socket.emit("users", store.users(&session.user_id))?;
    socket.broadcast().emit("user connected", user(&session, true, &[]))
}

/// Hands a message to all tabs of the recipient, and to the sender's other ones.
async fn deliver(
    socket: Socket,
    State(store): State<Store>,
    Extension(session): Extension<Session>,
    Data(Draft { content, to }): Data<Draft>,
) -> Result<(), EmitError> {
    let message = Message { content, from: session.user_id, to };
    store.keep(message.clone());
    socket.to([room_of(&message.to), room_of(&message.from)]).emit("private message", message)
}

/// Tells the others that a user has gone, once the last tab is closed, on all nodes.
async fn say_goodbye(
    namespace: Namespace,
    State(store): State<Store>,
    Extension(session): Extension<Session>,
) -> Result<(), Box<dyn std::error::Error>> {
    let tabs = namespace.to(room_of(&session.user_id)).count().await?;
    if *tabs == 0 && tabs.is_complete() {
        store.set_connected(&session, false);
        namespace.emit("user disconnected", session.user_id)?;
    }
    Ok(())
}

/// A user as the page wants to see one.
fn user(session: &Session, connected: bool, messages: &[&Message]) -> Value {
    let Session { user_id, username, .. } = session;
    json!({ "userID": user_id, "username": username, "connected": connected, "messages": messages })
}

/// The prefix keeps rooms of users apart from all others, whatever clients write to.
fn room_of(user_id: &str) -> String {
    format!("user:{user_id}")
}

/// 128 random bits, which nobody guesses.
fn random_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}
