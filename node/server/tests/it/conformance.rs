//! The raw protocol, row by row: `tests/judge/conformance`, whose reference is the official server. This is the
//! twin of its `official-server.mjs`: the same profiles, namespaces and handlers.

use std::net::TcpListener;

use fanfare::{
    Ack, Arguments, Auth, ConnectError, Cookie, Cors, Data, EmitError, Io, IoBuilder, Namespace, Options,
    SameSite, Socket, Value,
};

use crate::support::judge;

// Compatibility: http-transport-unknown, http-session-unknown, http-bad-method, http-bad-request
// Compatibility: http-forbidden, http-unsupported-version, http-upgrade-refused, http-order-of-checks
// Compatibility: http-other-method, http-poll-headers, http-post-answer, http-internet-explorer
// Compatibility: http-open-packet, option-transports, option-allow-upgrades, option-max-payload
// Compatibility: option-http-compression, option-allow-request, engine-payload, engine-payload-bad
// Compatibility: engine-b64, engine-octet-stream, engine-post-overlap, engine-poll-overlap
// Compatibility: engine-poll-aborted, engine-several-packets, engine-empty-message, engine-close-packet
// Compatibility: heartbeat-server-pings, heartbeat-direction, upgrade-probe, upgrade-wrong-packet
// Compatibility: upgrade-without-probe, upgrade-polls-after, upgrade-second, connect-first-packet
// Compatibility: connect-twice, connect-while-deciding, connect-not-entered, connect-just-left, packet-event
// Compatibility: packet-no-name, packet-bad-payload, packet-reserved-name, packet-ack-id, packet-trailing
// Compatibility: packet-disconnect, packet-connect-payload, packet-connect-error, packet-unknown-type
// Compatibility: packet-attachments-count, packet-attachments-interleaved, packet-attachments-range
// Compatibility: packet-attachments-alone, packet-namespace-comma, packet-namespace-query
// Compatibility: packet-placeholder-echo, close-disconnect-polling, ack-id-large
#[tokio::test]
async fn the_wire_is_that_of_the_official_server() {
    let (servers, port) =
        start_profiles(async |io: &Io, port| io.listen(("127.0.0.1", port)).await.is_ok()).await;
    judge("conformance/main.mjs", &[&format!("http://127.0.0.1:{port}"), "--target", "fanfare"]).await;
    for server in &servers {
        server.close().await;
    }
}

/// Starts every profile on consecutive ports. A range can be taken from under us: then another one is tried.
pub(crate) async fn start_profiles(listen: impl AsyncFn(&Io, u16) -> bool) -> (Vec<Io>, u16) {
    for _ in 0..50 {
        let first =
            TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).expect("a port").port();
        // Below the range from which the system takes ports for outgoing connections.
        let first = 10_000 + first % 20_000;
        let mut servers = Vec::new();
        for (offset, builder) in profiles().into_iter().enumerate() {
            let io = builder.build();
            declare_namespaces(&io);
            if !listen(&io, first + offset as u16).await {
                break;
            }
            servers.push(io);
        }
        if servers.len() == profiles().len() {
            return (servers, first);
        }
        for server in servers {
            server.close().await;
        }
    }
    panic!("no range of free ports");
}

fn profiles() -> Vec<IoBuilder> {
    let default = Options::default;
    let options = |options| Io::builder().options(options);
    vec![
        options(Options { max_payload_bytes: 10_000, outbox_bytes_max: 64 * 1024, ..default() })
            .allow_request(async |request| {
                match request.headers.get("x-refuse").map(|value| value.as_bytes()) {
                    None => Ok(()),
                    Some(b"why") => Err("because"),
                    Some(_) => Err(""),
                }
            }),
        options(Options { ping_interval_ms: 500, ping_timeout_ms: 2_400, ..default() }),
        options(Options { upgrade_timeout_ms: 2_000, connect_timeout_ms: 2_000, ..default() }),
        options(Options { cookie: Some(Cookie::default()), ..default() }),
        options(Options { cors: Some(strict_cors()), cookie: Some(sticky_cookie()), ..default() }),
        options(Options { cors: Some(Cors { origins: vec!["*".into()], ..Cors::default() }), ..default() }),
        options(Options { websocket: false, http_compression_threshold_bytes: 0, ..default() }),
        options(Options { polling: false, ..default() }),
        options(Options {
            allow_upgrades: false,
            path: "/realtime/".into(),
            http_compression_threshold_bytes: 200,
            ..default()
        }),
    ]
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

fn sticky_cookie() -> Cookie {
    Cookie {
        name: "sticky".into(),
        path: "/app".into(),
        max_age_s: Some(86_400),
        same_site: SameSite::Strict,
        secure: true,
        ..Cookie::default()
    }
}

fn declare_namespaces(io: &Io) {
    for name in ["/", "/custom", "/slow", "/reject", "/reject-plain", "/greet", "/early"] {
        declare_handlers(&io.of(name));
    }
    io.of("/slow").middleware(async || {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        Ok::<_, ConnectError>(())
    });
    io.of("/reject").middleware(async || {
        let hint = serde_json::json!({ "code": 42, "hint": "try later" });
        Err(ConnectError::new("not allowed").with_data(hint))
    });
    io.of("/reject-plain").middleware(async || Err("no"));
    io.of("/greet").on_connect(async |socket: Socket| socket.emit("hello", "welcome"));
    io.of("/early")
        .middleware(async |socket: Socket| socket.emit("early", ()).map_err(|error| error.to_string()));
}

fn declare_handlers(namespace: &Namespace) {
    namespace.on("echo", async |socket: Socket, arguments: Arguments| socket.emit("echo", &arguments));
    namespace.on("ack", async |arguments: Arguments, ack: Ack| ack.send(&arguments));
    namespace.on("quiet", async |socket: Socket, arguments: Arguments| {
        socket.compress(false).emit("echo", &arguments)
    });
    namespace.on("volatile", async |socket: Socket, Data(count): Data<u32>| -> Result<(), EmitError> {
        for i in 0..count {
            socket.volatile().emit("echo", i)?;
        }
        socket.emit("done", ())
    });
    namespace.on("ask", async |socket: Socket, arguments: Arguments| -> Result<(), fanfare::AckError> {
        let answer: Arguments = socket.emit_with_ack("question", &arguments).await?;
        Ok(socket.emit("answer", &answer)?)
    });
    namespace.on("auth", async |Auth(auth): Auth<Value>, ack: Ack| ack.send(auth));
    namespace.on(
        "flood",
        async |socket: Socket, Data((count, size)): Data<(u32, usize)>| -> Result<(), EmitError> {
            let text = "x".repeat(size);
            (0..count).try_for_each(|_| socket.emit("flood", &text))
        },
    );
    namespace.on("leave", async |socket: Socket| socket.disconnect());
    namespace.on("bye", async |socket: Socket| -> Result<(), EmitError> {
        socket.emit("echo", "bye")?;
        socket.disconnect_all();
        Ok(())
    });
}
