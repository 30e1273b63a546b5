//! A namespace for each tenant, `/acme` or `/globex`, made when its first client comes and gone after its last one.
//!
//! ```sh
//! cargo run -p fanfare --example tenants
//! ```
//!
//! The client: `io("http://127.0.0.1:3000/acme", { auth: { key: "acme-s3cret" } })`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use fanfare::{
    Ack, Auth, ConnectError, Data, EmitError, Io, Namespace, Params, ParentNamespace, Socket, State,
};
use serde::Deserialize;

/// Keys of the tenants, by name. A real program asks its database.
#[derive(Clone, Default)]
pub struct Tenants(Arc<Mutex<HashMap<String, String>>>);

impl Tenants {
    /// Adds a tenant, whose clients send this key.
    pub fn add(&self, tenant: &str, key: &str) {
        self.with(|keys| keys.insert(tenant.to_owned(), key.to_owned()));
    }

    fn admits(&self, tenant: &str, key: &str) -> bool {
        self.with(|keys| keys.get(tenant).is_some_and(|known| known == key))
    }

    fn with<R>(&self, change: impl FnOnce(&mut HashMap<String, String>) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Data that clients send as `auth`.
#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    key: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let tenants = Tenants::default();
    tenants.add("acme", "acme-s3cret");
    tenants.add("globex", "globex-s3cret");
    let io = Io::builder().state(tenants).build();
    install(&io)?;
    let server = io.listen("127.0.0.1:3000").await?;
    println!("listening on http://{}", server.address());
    server.closed().await;
    Ok(())
}

/// Declares the namespaces of tenants. Their parent is a handle to all of them.
pub fn install(io: &Io) -> Result<ParentNamespace, fanfare::NamespacePatternError> {
    let tenants = io.of_pattern("/{tenant}")?;
    tenants.middleware(log_in);
    tenants.on("join", async |socket: Socket, Data(room): Data<String>, ack: Ack| -> Result<(), EmitError> {
        // Rooms belong to their namespace: the `lobby` of a tenant is not that of another one.
        socket.join(room).await?;
        ack.send(())
    });
    tenants.on("say", async |namespace: Namespace, Data((room, text)): Data<(String, String)>| {
        namespace.to(room).emit("said", text)
    });
    tenants.on("whose", |Params(tenant): Params<String>, ack: Ack| ack.send(tenant));
    Ok(tenants)
}

/// Lets in the clients of a tenant. The namespace of a tenant that nobody knows ends by itself, since nobody gets in.
fn log_in(
    State(tenants): State<Tenants>,
    Params(tenant): Params<String>,
    Auth(login): Auth<Login>,
) -> Result<(), ConnectError> {
    if tenants.admits(&tenant, &login.key) { Ok(()) } else { Err(ConnectError::new("wrong key")) }
}

/// Tells all clients of one tenant something, on all nodes.
pub fn tell(io: &Io, tenant: &str, text: &str) -> Result<(), EmitError> {
    match io.find_namespace(tenant) {
        Some(namespace) => namespace.emit("news", text),
        None => Ok(()), // no client is here. `of` would declare the namespace, which then never ends
    }
}

/// Tells the clients of all tenants.
pub fn tell_all(tenants: &ParentNamespace, text: &str) -> Result<(), EmitError> {
    tenants.emit("news", text)
}

/// Disconnects the clients of a tenant, and lets in none of them any more.
pub fn suspend(io: &Io, tenants: &Tenants, tenant: &str) {
    tenants.with(|keys| keys.remove(tenant));
    io.close_namespace(tenant);
}
