//! Operators: `binary` on whatever emits.

use std::time::Duration;

use bytes::Bytes;
use fanfare::{AckError, EmitError, Emitter, MemoryHub, Value};
use serde::Serialize;

use super::server;
use crate::client::Client;
use crate::support::{eventually, serve};

/// Bytes deep inside.
#[derive(Clone, Serialize)]
struct Nested {
    name: &'static str,
    list: Vec<Option<Bytes>>,
}

fn nested() -> Nested {
    Nested { name: "deep", list: vec![None, Some(Bytes::from_static(b"raw"))] }
}

// Compatibility: emit-binary-flag
#[tokio::test]
async fn an_emit_that_promises_no_bytes_and_has_some_fails_and_sends_nothing() {
    let io = server();
    let url = serve(&io).await;
    let mut client = Client::connect(&url).await;
    let socket = io.local_sockets().remove(0);
    let emitter = Emitter::new(MemoryHub::new(1).bus()).expect("a thread");
    let many: Vec<Bytes> = vec![Bytes::from_static(b"x"); 11];
    let failed = [
        socket.binary(false).emit("e", nested()),
        socket.volatile().compress(false).binary(false).emit("e", ("text", nested())),
        socket.timeout(Duration::from_secs(1)).binary(false).send(nested()),
        socket.binary(false).within(socket.id()).emit("e", nested()),
        socket.binary(false).emit("e", many),
        io.binary(false).emit("e", nested()),
        io.to(socket.id()).binary(false).send(nested()),
        io.compress(true).binary(false).local().emit("e", nested()),
        emitter.of("/").binary(false).emit("e", nested()),
    ];
    for failed in failed {
        assert!(matches!(failed, Err(EmitError::UnexpectedBytes)), "{failed:?}");
    }
    let asked = socket.binary(false).emit_with_ack::<Value>("e", nested()).await;
    assert!(matches!(asked, Err(AckError::Emit(EmitError::UnexpectedBytes))), "{asked:?}");
    let asked = io.binary(false).emit_with_ack::<Value>("e", nested()).await;
    assert!(matches!(asked, Err(EmitError::UnexpectedBytes)), "{asked:?}");

    socket.binary(false).emit("text", ("no", [1, 2, 3])).expect("a socket");
    io.binary(false).emit("text", Vec::<u8>::new()).expect("room");
    socket.binary(true).emit("bytes", nested()).expect("a socket");
    io.binary(false).binary(true).emit("bytes", nested()).expect("room");
    let sent = client.receive_many(4).await;
    assert_eq!(sent[0].text, "2[\"text\",\"no\",[1,2,3]]");
    assert_eq!(sent[1].text, "2[\"text\",[]]");
    for bytes in &sent[2..] {
        assert_eq!(bytes.attachments, [Bytes::from_static(b"raw")]);
    }
    emitter.close(Duration::from_secs(1)).await;
    eventually("nothing else was sent", || socket.emit("last", ()).is_ok()).await;
    assert_eq!(client.receive().await.text, "2[\"last\"]");
    io.close().await;
}
