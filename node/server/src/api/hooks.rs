//! Hooks and layers around the HTTP of a server.

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use hyper::body::Body;
use tower::{Layer, Service};

use super::io::{Io, IoBuilder};
use crate::http_server::{ConnectionError, HandshakeRefusal, HandshakeRequest, HttpBody, HttpNext};

impl IoBuilder {
    /// Asked for every handshake, before there is a session; an error refuses it. The official `allowRequest`.
    ///
    /// ```
    /// use fanfare::{HandshakeRefusal, HandshakeRequest, Io};
    /// use fanfare::http::StatusCode;
    ///
    /// #[derive(Clone)]
    /// struct User(String);
    ///
    /// async fn find_user(token: &str) -> Option<User> {
    ///     Some(User(token.to_owned())) // asks a database
    /// }
    ///
    /// let io = Io::builder().allow_request(async |request: &mut HandshakeRequest| {
    ///     let token = request.query_value("token").unwrap_or_default();
    ///     let Some(user) = find_user(&token).await else {
    ///         return Err(HandshakeRefusal::new("log in first").status(StatusCode::UNAUTHORIZED));
    ///     };
    ///     request.extensions.insert(user); // for handlers, in `Handshake::extensions`
    ///     Ok(())
    /// });
    /// ```
    ///
    /// An error may also be text, which is the message for the client, with the status and the code of the official server;
    /// an empty one reads `Forbidden`. It runs on a reactor, also within another HTTP server, and must not block it. The
    /// request waits for it for `connect_timeout_ms`, after which it is refused with 503; a panic refuses with `Forbidden`.
    /// It is dropped when the client hangs up. Requests of a session that exists are not asked about.
    pub fn allow_request<E: Into<HandshakeRefusal>>(
        mut self,
        allow: impl AsyncFn(&mut HandshakeRequest) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        self.allow_request = Some(Arc::new(allow));
        self
    }

    /// Gives every session the part of its id that nobody may guess, in place of random numbers. The official
    /// `io.engine.generateId`.
    ///
    /// It must return 15 characters of `A-Z`, `a-z`, `0-9`, `-` and `_`; before them the server puts the node and the
    /// thread that the session lives on. An error, a panic, an id of another form or one that a session has already refuses
    /// the handshake with 400 and code 3, as the official server does, and is logged.
    ///
    /// **A session id is a secret**: whoever knows or guesses it polls in the name of its client. So the characters must
    /// come from a generator that is fit for secrets and never repeat, and must not be made of anything that others know, such
    /// as the name of a user. Without this hook they have 90 random bits. The ids of sockets are others, and public.
    ///
    /// ```
    /// # fn from_hardware() -> Result<String, std::io::Error> { Ok("abcdefghijklmno".into()) }
    /// let io = fanfare::Io::builder().generate_id(|_request| from_hardware());
    /// ```
    pub fn generate_id<E: Display>(
        mut self,
        generate: impl Fn(&HandshakeRequest) -> Result<String, E> + Send + Sync + 'static,
    ) -> Self {
        self.generate_id =
            Some(Arc::new(move |request| generate(request).map_err(|error| error.to_string())));
        self
    }

    /// Puts a layer of tower around every request of the server's own listener: those of Socket.IO, those for the JavaScript
    /// client, and those of the `fallback`. The official `io.engine.use`. Of several layers the one added first is the
    /// outermost; all of them are outside of CORS and compression. Functions of axum fit, and so does
    /// [`HttpNext`], the server within, called by hand:
    ///
    /// ```
    /// use axum::extract::Request;
    /// use axum::http::HeaderValue;
    /// use axum::middleware::{Next, from_fn};
    ///
    /// let io = fanfare::Io::builder().http_layer(from_fn(async |request: Request, next: Next| {
    ///     let mut response = next.run(request).await;
    ///     response.headers_mut().insert("x-frame-options", HeaderValue::from_static("DENY"));
    ///     response
    /// }));
    /// ```
    ///
    /// The client's address is in the request's extensions as axum's `ConnectInfo<SocketAddr>`: the other end of the TCP
    /// connection, or what the PROXY protocol tells. What a layer puts there handlers find in
    /// [`Handshake::extensions`](crate::Handshake::extensions). A layer that answers by itself answers a WebSocket too, before
    /// it is one; it must leave 101 and what makes it alone. If a layer fails, requests of Socket.IO are refused with 400 and
    /// code 3, as by the official server, and others with 500.
    ///
    /// Within another HTTP server, layers of that server do this, and these have no effect.
    pub fn http_layer<L, R>(mut self, layer: L) -> Self
    where
        L: Layer<HttpNext> + Send + 'static,
        L::Service: Service<
                Request<HttpBody>,
                Response = Response<R>,
                Error: Into<Box<dyn std::error::Error + Send + Sync>>,
                Future: Send,
            > + Clone
            + Send
            + Sync
            + 'static,
        R: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    {
        self.http_layers.add(layer);
        self
    }
}

impl Io {
    /// Adds a hook for the headers of the first answer of every session: the open packet over polling, or the 101 of a
    /// WebSocket that opens a session. It is given the headers, to be changed, and the request as it came. The official
    /// `io.engine.on("initial_headers", …)`.
    ///
    /// ```
    /// use fanfare::http::HeaderValue;
    ///
    /// # let io = fanfare::Io::new();
    /// io.on_initial_headers(|headers, request| {
    ///     headers.insert("x-served-by", HeaderValue::from_static("node-7"));
    /// });
    /// ```
    ///
    /// It runs while the client waits, on the thread that answers, so it must be quick. A panic in it is caught, logged and
    /// counted. Of a 101 it must leave the headers that are there. Within another HTTP server it works the same.
    pub fn on_initial_headers(&self, hook: impl Fn(&mut HeaderMap, &Parts) + Send + Sync + 'static) -> &Self {
        self.inner.service.hooks.add_initial_headers(hook);
        self
    }

    /// Adds a hook for the headers of every answer of a session, its first one among them: polls, POSTs, and the 101 of a
    /// WebSocket, also of an upgrade. Refusals are not among them, and neither are other paths. The official
    /// `io.engine.on("headers", …)`; for the rest see [`on_initial_headers`](Self::on_initial_headers), whose hooks are called
    /// before.
    pub fn on_headers(&self, hook: impl Fn(&mut HeaderMap, &Parts) + Send + Sync + 'static) -> &Self {
        self.inner.service.hooks.add_headers(hook);
        self
    }

    /// Adds a hook that is told of every request of Engine.IO that is refused: with the request, and code and message that
    /// its client was told. The official `io.engine.on("connection_error", …)`.
    ///
    /// ```
    /// # let io = fanfare::Io::new();
    /// io.on_connection_error(|error| {
    ///     eprintln!("{}: {} {} ({})", error.request.uri, error.code, error.message, error.context);
    /// });
    /// ```
    ///
    /// It runs while the client waits, so it must be quick; a panic in it is caught, logged and counted. Not among these
    /// requests are those that have no code: without a valid `Host`, and new sessions while the node drains.
    /// `fanfare_connections_refused_total` counts them all.
    pub fn on_connection_error(&self, hook: impl Fn(&ConnectionError<'_>) + Send + Sync + 'static) -> &Self {
        self.inner.service.hooks.add_connection_error(hook);
        self
    }

    /// Number of clients connected to this node, in whichever namespaces: sessions of Engine.IO. The official
    /// `io.engine.clientsCount`.
    pub fn clients_count(&self) -> usize {
        self.inner.hub.sessions.count()
    }
}
