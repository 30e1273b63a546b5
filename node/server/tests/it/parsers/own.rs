//! Parsers of a program.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use fanfare::parser::{
    DecodeError, Encoded, Message, MsgpackParser, Packet, PacketDecoder, PacketParts, Parser, ParserError,
};
use fanfare::{ClientLimits, Io, Limit, Options};
use fanfare_socketio::encode;

use super::skipped;
use crate::client::Client;
use crate::contract::contract_server_of;
use crate::judges::{MODES, options};
use crate::support::{eventually, judge, serve};

#[path = "../../../examples/own_parser.rs"]
#[allow(dead_code, reason = "it has a `main`, for whoever runs it as a program")]
mod own_parser;

/// A packet is one text: a JSON array of its type, namespace, id and data. Counts what it writes.
#[derive(Debug, Default)]
struct Lines {
    written: Arc<AtomicUsize>,
}

impl Parser for Lines {
    fn encode(&self, packet: &Encoded) -> Result<Vec<Message>, ParserError> {
        let parts = PacketParts::of(packet)?;
        self.written.fetch_add(1, Relaxed);
        let data = parts.data.as_deref().unwrap_or("null");
        assert!(!data.contains("explosive"), "a fault of the parser");
        if data.contains("unspeakable") {
            return Err("there are no words for it".into());
        }
        let (kind, namespace, id) =
            (parts.kind as u8, &*parts.namespace, parts.id.map_or("null".into(), |id| id.to_string()));
        Ok(vec![Message::Text(format!("[{kind},\"{namespace}\",{id},{data}]").into())])
    }

    fn decoder(&self, _: usize) -> Box<dyn PacketDecoder> {
        Box::new(Lines::default())
    }
}

impl PacketDecoder for Lines {
    fn decode(&mut self, message: Message) -> Result<Option<Packet>, DecodeError> {
        let Message::Text(text) = message else { return Err(DecodeError::UnexpectedAttachment) };
        let (kind, namespace, id, data) = serde_json::from_str(&text).map_err(DecodeError::malformed)?;
        let mut parts = PacketParts::new(kind, namespace, id);
        if let Some(data) = data {
            parts = parts.with_value(data)?;
        }
        parts.into_packet(0).map(Some)
    }
}

/// Clients in the main namespace of a server with that parser.
async fn enter(url: &str, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = Client::open(url).await;
        client.send(r#"[0,"/",null,null]"#).await;
        let connect = client.receive().await.text;
        assert!(connect.starts_with(r#"[0,"/",null,{"sid":""#), "{connect}");
        clients.push(client);
    }
    clients
}

#[tokio::test]
async fn a_broadcast_is_written_once_for_all_clients_of_all_reactors() {
    let written = Arc::new(AtomicUsize::new(0));
    let parser = Lines { written: written.clone() };
    let io = Io::builder().options(Options { reactors: 3, ..Options::default() }).parser(parser).build();
    let url = serve(&io).await;
    let mut clients = enter(&url, 12).await;
    assert_eq!(written.load(Relaxed), 12, "one answer each");
    io.emit("news", (1, "a")).expect("room in the mailboxes");
    for client in &mut clients {
        assert_eq!(client.receive().await.text, r#"[2,"/",null,["news",1,"a"]]"#);
    }
    assert_eq!(written.load(Relaxed), 13);
    io.close().await;
}

#[tokio::test]
async fn a_packet_that_the_parser_cannot_write_is_counted_and_holds_nothing_up() {
    let io =
        Io::builder().options(Options { reactors: 2, ..Options::default() }).parser(Lines::default()).build();
    let url = serve(&io).await;
    let mut clients = enter(&url, 4).await;
    for event in ["unspeakable", "explosive", "last"] {
        io.emit(event, ()).expect("room in the mailboxes");
    }
    for client in &mut clients {
        assert_eq!(client.receive().await.text, r#"[2,"/",null,["last"]]"#);
    }
    assert_eq!(io.metrics().packets_unwritable.get(), 2, "each once, not for each client");
    io.close().await;
}

#[tokio::test]
async fn a_message_that_the_parser_cannot_read_closes_its_connection() {
    let io = Io::builder().parser(Lines::default()).build();
    let url = serve(&io).await;
    let mut clients = enter(&url, 2).await;
    clients[0].send("2[\"hello\"]").await;
    assert!(clients[0].closed().await.is_empty());
    io.emit("news", ()).expect("room in the mailboxes");
    assert_eq!(clients[1].receive().await.text, r#"[2,"/",null,["news"]]"#);
    io.close().await;
}

/// With the default format a binary message is part of the event before it.
#[tokio::test]
async fn binary_packets_count_as_events() {
    let limits = ClientLimits { events_per_second: 1, burst_ms: 1_000, ..ClientLimits::default() };
    let io = Io::builder().options(Options { limits, ..Options::default() }).parser(MsgpackParser).build();
    let url = serve(&io).await;
    let mut client = Client::open(&url).await;
    let event = encode::event("/", None, "e", &()).expect("it can be written");
    let connect = encode::connect("/", "");
    for packet in [connect, event.clone(), event] {
        for message in MsgpackParser.encode(&packet).expect("it can be written") {
            let Message::Binary(bytes) = message else { panic!("msgpack is binary") };
            client.feed_binary(bytes).await;
        }
    }
    client.flush().await;
    let reached = || io.metrics().limits.of(Limit::Events).get() > 0;
    eventually("the client is over its allowance", reached).await;
    io.close().await;
}

/// The example, judged as the default parser is.
// Compatibility: option-parser
#[tokio::test]
async fn a_parser_with_cbor_carries_the_cheat_sheet() {
    for mode in MODES {
        let io = contract_server_of(Io::builder().options(options()).parser(own_parser::Cbor));
        let url = serve(&io).await;
        let skipped = skipped("half of a surrogate", mode);
        judge("cheatsheet.mjs", &[&url, mode, "--threads", "--parser", "cbor", "--skip", &skipped]).await;
        io.close().await;
    }
}
