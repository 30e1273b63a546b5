//! The interpreter of the differential harness on our server: the twin of `tests/judge/differential/official-server.mjs`,
//! where the profiles, the control port and the events are described.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use fanfare::http::Response;
use fanfare::http::request::Parts;
use fanfare::{Bytes, Cookie, Cors, Io, IoBuilder, Options, SameSite};
use serde_json::{Value as Json, json};

use crate::judge_folder;

mod hooks;
mod interpreter;
mod listeners;
mod steps;

use interpreter::{Hooks, Interpreter};

/// The servers of all profiles, and the control port in front of them.
pub struct Differential {
    /// Address of the control port.
    pub url: String,
    servers: BTreeMap<&'static str, (Io, String)>,
    control: Io,
}

impl Differential {
    /// Starts every profile on a free port.
    pub async fn start() -> Arc<Self> {
        let interpreter = Arc::new(Interpreter::default());
        let mut servers = BTreeMap::new();
        for (name, builder) in profiles() {
            let io = builder.build();
            interpreter.declare(name, &io, "/", Hooks::default());
            if name == "hooked" {
                hooks::declare(&interpreter, &io);
            }
            let url = crate::serve(&io).await;
            servers.insert(name, (io, url));
        }
        let own: Arc<OnceLock<Arc<Self>>> = Arc::default();
        let answering = own.clone();
        let answer = move |request: &Parts| {
            let answer =
                answering.get().and_then(|this| this.answer(&interpreter, request)).unwrap_or_default();
            Response::new(Bytes::from(answer.to_string()))
        };
        let control =
            Io::builder().options(Options { reactors: 1, ..Options::default() }).fallback(answer).build();
        let url = crate::serve(&control).await;
        own.get_or_init(|| Arc::new(Self { url, servers, control })).clone()
    }

    /// Ends every server.
    pub async fn close(&self) {
        for (io, _) in self.servers.values() {
            io.close().await;
        }
        self.control.close().await;
    }

    /// The answer of the control port.
    fn answer(&self, interpreter: &Arc<Interpreter>, request: &Parts) -> Option<Json> {
        let verb = request.uri.path().strip_prefix('/')?;
        let asked: Json = serde_json::from_str(&decoded(request.uri.query()?)?).ok()?;
        let text = |key: &str| asked[key].as_str().unwrap_or_default();
        let server = self.servers.get_key_value(text("profile"));
        match verb {
            "profiles" => Some(self.servers.iter().map(|(name, (_, url))| (*name, url.as_str())).collect()),
            "open" => {
                let (name, (io, _)) = server?;
                let hooks = serde_json::from_value(asked.clone()).expect("hooks that are lists of steps");
                interpreter.declare(name, io, text("namespace"), hooks);
                Some(Json::Null)
            }
            "log" => Some(Json::Array(interpreter.log(server?.0, text("namespace")))),
            "release" => {
                interpreter.gate(text("gate")).send_replace(true);
                Some(Json::Null)
            }
            "close" => {
                let io = server?.1.0.clone();
                tokio::spawn(async move { io.close().await });
                Some(Json::Null)
            }
            _ => Some(json!({ "unknown": verb })),
        }
    }
}

/// Text without its percent signs.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            plain.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        plain.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(plain).ok()
}

/// No heartbeat comes unasked into a script, and no client is too slow a consumer: the machine may be busy.
fn quiet() -> Options {
    Options {
        reactors: 3,
        ping_interval_ms: 60_000,
        ping_timeout_ms: 60_000,
        slow_consumer_grace_ms: 60_000,
        ..Options::default()
    }
}

/// The options of `profiles.mjs`.
fn profiles() -> Vec<(&'static str, IoBuilder)> {
    let with = |options| Io::builder().options(options);
    let client_dist = judge_folder().join("node_modules/socket.io/client-dist");
    let any = Cors { origins: vec!["*".into()], ..Cors::default() };
    vec![
        ("default", with(quiet()).client_dist(&client_dist)),
        ("heartbeat", with(Options { ping_interval_ms: 300, ping_timeout_ms: 6_000, ..quiet() })),
        ("hasty", with(Options { upgrade_timeout_ms: 500, connect_timeout_ms: 5_000, ..quiet() })),
        ("small", with(Options { max_payload_bytes: 2_000, ..quiet() })),
        ("cookie", with(Options { cookie: Some(Cookie::default()), ..quiet() })),
        ("cookie-named", with(Options { cookie: Some(named_cookie()), ..quiet() })),
        ("cors", with(Options { cors: Some(strict_cors()), ..quiet() }).client_dist(&client_dist)),
        ("cors-any", with(Options { cors: Some(any), ..quiet() })),
        ("polling-only", with(Options { websocket: false, ..quiet() })),
        ("websocket-only", with(Options { polling: false, ..quiet() })),
        ("no-upgrades", with(Options { allow_upgrades: false, ..quiet() })),
        ("elsewhere", with(Options { path: "/elsewhere".into(), ..quiet() })),
        ("uncompressed", with(Options { http_compression_threshold_bytes: 0, ..quiet() })),
        ("refusing", refusing(with(quiet()))),
        ("hooked", with(quiet())),
        ("old", with(Options { allow_eio3: true, ..quiet() })),
        ("closing-polling", with(quiet())),
        ("closing-websocket", with(quiet())),
        ("closing-upgrade", with(quiet())),
    ]
}

fn refusing(builder: IoBuilder) -> IoBuilder {
    builder.allow_request(async |request| {
        match request.headers.get("x-refuse").map(|value| value.as_bytes()) {
            None => Ok(()),
            Some(b"why") => Err("because"),
            Some(_) => Err(""),
        }
    })
}

fn strict_cors() -> Cors {
    Cors {
        origins: vec!["https://one.example".into(), "https://two.example".into()],
        methods: vec!["GET".into(), "POST".into()],
        allowed_headers: vec!["x-token".into()],
        exposed_headers: vec!["x-extra".into()],
        credentials: true,
        max_age_s: Some(600),
        ..Cors::default()
    }
}

fn named_cookie() -> Cookie {
    Cookie {
        name: "sticky".into(),
        path: "/app".into(),
        max_age_s: Some(86_400),
        same_site: SameSite::Strict,
        secure: true,
        ..Cookie::default()
    }
}
