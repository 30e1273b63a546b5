//! Clients that speak the protocol by hand: they read or do not read as a test needs, and see every packet as it
//! is on the wire. One over WebSocket, one that polls, and the HTTP below it for requests that go wrong.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::DEADLINE;

/// A connection to a server: TCP, a Unix socket, or TLS over one of them.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// One Socket.IO packet of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Without the Engine.IO type in front.
    pub text: String,
    /// The binary messages that followed it.
    pub attachments: Vec<Bytes>,
}

impl Packet {
    /// The event and its arguments, or the arguments of an acknowledgement; nothing for other packets.
    pub fn arguments(&self) -> Vec<serde_json::Value> {
        let Some(at) = self.text.find('[') else { return Vec::new() };
        serde_json::from_str(&self.text[at..]).expect("a packet carries JSON")
    }
}

/// A client over WebSocket.
pub struct Client {
    stream: WebSocketStream<Box<dyn Stream>>,
}

impl Client {
    /// A client in the main namespace.
    pub async fn connect(url: &str) -> Self {
        Self::connect_as(url, "").await.0
    }

    /// The same with a payload of its own (`auth`), and its socket id.
    pub async fn connect_as(url: &str, auth: &str) -> (Self, String) {
        let mut client = Self::open(url).await;
        let id = client.join("/", auth).await.expect("the main namespace lets everybody in");
        (client, id)
    }

    /// Several of them, in order.
    pub async fn connect_many(url: &str, count: usize) -> Vec<Self> {
        join_all((0..count).map(|_| Self::connect(url))).await
    }

    /// An Engine.IO session that has entered no namespace.
    pub async fn open(url: &str) -> Self {
        let mut client = Self::handshake(url, "", None).await;
        let open = client.raw().await.expect("an open packet");
        assert!(open.is_text() && open.to_text().is_ok_and(|text| text.starts_with("0{")), "{open:?}");
        client
    }

    /// The same with a network buffer so small that a client that does not read soon blocks its server.
    pub async fn open_narrow(url: &str) -> Self {
        let mut client = Self::handshake(url, "", Some(4096)).await;
        client.raw().await.expect("an open packet");
        client
    }

    /// A WebSocket to be upgraded to, from the polling session `sid`.
    pub async fn probe(url: &str, sid: &str) -> Self {
        Self::handshake(url, &format!("&sid={sid}"), None).await
    }

    async fn handshake(url: &str, more: &str, buffer: Option<u32>) -> Self {
        let address = address_of(url);
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).expect("a small buffer");
        }
        let stream = socket.connect(address.parse().expect("an address")).await.expect("a server");
        Self::over(stream, more).await
    }

    /// A WebSocket over a connection; `more` follows in its query.
    pub async fn over(stream: impl Stream + 'static, more: &str) -> Self {
        Self::over_with(stream, more, &[]).await
    }

    /// The same with more headers.
    pub async fn over_with(
        stream: impl Stream + 'static,
        more: &str,
        headers: &[(&'static str, &'static str)],
    ) -> Self {
        let stream: Box<dyn Stream> = Box::new(stream);
        let url = format!("ws://fanfare.example/socket.io/?EIO=4&transport=websocket{more}");
        let mut request = url.into_client_request().expect("a request");
        for &(name, value) in headers {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let config = WebSocketConfig::default().read_buffer_size(4096);
        let handshake = client_async_with_config(request, stream, Some(config));
        let (stream, _) =
            timeout(DEADLINE, handshake).await.expect("an answer in time").expect("a WebSocket");
        Self { stream }
    }

    /// A WebSocket whose handshake has been done otherwise.
    pub async fn upgraded(stream: impl Stream + 'static) -> Self {
        let stream: Box<dyn Stream> = Box::new(stream);
        Self { stream: WebSocketStream::from_raw_socket(stream, Role::Client, None).await }
    }

    /// The main namespace of a session just opened: the id of the socket there.
    pub async fn enter(&mut self) -> String {
        let open = self.raw().await.expect("an open packet");
        assert!(open.is_text() && open.to_text().is_ok_and(|text| text.starts_with("0{")), "{open:?}");
        self.join("/", "").await.expect("the main namespace lets everybody in")
    }

    /// Enters a namespace: the id of the socket there, or the payload of the refusal. Packets that come before
    /// the answer are an error.
    pub async fn join(&mut self, namespace: &str, auth: &str) -> Result<String, String> {
        let prefix = if namespace == "/" { String::new() } else { format!("{namespace},") };
        self.send(&format!("0{prefix}{auth}")).await;
        let answer = self.receive().await.text;
        if let Some(refused) = answer.strip_prefix(&format!("4{prefix}")) {
            return Err(refused.to_owned());
        }
        let admitted = answer.strip_prefix(&format!("0{prefix}")).expect("an answer to CONNECT");
        let admitted: serde_json::Value =
            serde_json::from_str(admitted).expect("a CONNECT packet carries JSON");
        Ok(admitted["sid"].as_str().expect("a socket id").to_owned())
    }

    /// Sends a Socket.IO packet, such as `2["event",1]`.
    pub async fn send(&mut self, packet: &str) {
        self.feed(packet).await;
        self.flush().await;
    }

    /// Sends an Engine.IO packet, such as `2probe`.
    pub async fn send_raw(&mut self, packet: &str) {
        self.stream.send(Message::text(packet)).await.expect("an open WebSocket");
    }

    /// Queues a Socket.IO packet behind others, to leave together with them.
    pub async fn feed(&mut self, packet: &str) {
        self.stream.feed(Message::text(format!("4{packet}"))).await.expect("an open WebSocket");
    }

    /// Queues an attachment of the packet just queued.
    pub async fn feed_binary(&mut self, data: Bytes) {
        self.stream.feed(Message::Binary(data)).await.expect("an open WebSocket");
    }

    /// Writes the queued packets.
    pub async fn flush(&mut self) {
        timeout(DEADLINE, self.stream.flush())
            .await
            .expect("a server that reads")
            .expect("an open WebSocket");
    }

    /// Sends an event without arguments that asks for an acknowledgement, and waits for that; everything that
    /// comes before it is returned.
    pub async fn ask(&mut self, event: &str) -> Vec<Packet> {
        const ID: &str = "999999";
        self.send(&format!("2{ID}[\"{event}\"]")).await;
        let mut before = Vec::new();
        loop {
            let packet = self.receive().await;
            if packet.text.starts_with(&format!("3{ID}[")) {
                return before;
            }
            before.push(packet);
        }
    }

    /// The next packet. It is an error if there is none before the deadline.
    pub async fn receive(&mut self) -> Packet {
        self.next().await.expect("a packet, but the connection was closed")
    }

    /// So many packets, in order.
    pub async fn receive_many(&mut self, count: usize) -> Vec<Packet> {
        let mut packets = Vec::with_capacity(count);
        while packets.len() < count {
            packets.push(self.receive().await);
        }
        packets
    }

    /// The next packet, or nothing once the server has closed the connection. Answers pings.
    pub async fn next(&mut self) -> Option<Packet> {
        loop {
            let message = self.raw().await?;
            let Message::Text(text) = message else { panic!("bytes that belong to no packet: {message:?}") };
            match text.as_bytes()[0] {
                b'2' => drop(self.stream.send(Message::text("3")).await),
                b'4' => return Some(self.complete(text[1..].to_owned()).await),
                b'6' => {}
                _ => panic!("an Engine.IO packet out of order: {text}"),
            }
        }
    }

    /// Reads everything until the server closes the connection.
    pub async fn closed(&mut self) -> Vec<Packet> {
        let mut last = Vec::new();
        while let Some(packet) = self.next().await {
            last.push(packet);
        }
        last
    }

    /// Reads everything until the server closes the WebSocket: the packets, and the code it closes with.
    pub async fn farewell(&mut self) -> (Vec<String>, Option<u16>) {
        let mut last = Vec::new();
        loop {
            let next = timeout(DEADLINE, self.stream.next()).await.expect("the server keeps the connection");
            match next.expect("a Close frame before the end").expect("a Close frame before any error") {
                Message::Text(text) => last.extend(text.strip_prefix('4').map(str::to_owned)),
                Message::Close(frame) => {
                    // Closes too, and hears the network close.
                    assert!(self.raw().await.is_none());
                    return (last, frame.map(|frame| frame.code.into()));
                }
                _ => {}
            }
        }
    }

    /// The next message as it comes; nothing at the end.
    pub async fn raw(&mut self) -> Option<Message> {
        let next = timeout(DEADLINE, self.stream.next()).await.expect("nothing came from the server in time");
        next.and_then(Result::ok).filter(|message| !message.is_close())
    }

    async fn complete(&mut self, text: String) -> Packet {
        let mut packet = Packet { text, attachments: Vec::new() };
        for _ in 0..attachments_of(&packet.text) {
            match self.raw().await {
                Some(Message::Binary(data)) => packet.attachments.push(data),
                other => panic!("{:?} lacks an attachment: {other:?}", packet.text),
            }
        }
        packet
    }
}

fn attachments_of(packet: &str) -> usize {
    match packet.as_bytes()[0] {
        b'5' | b'6' => {
            packet[1..].split_once('-').expect("a number of attachments").0.parse().expect("a number")
        }
        _ => 0,
    }
}

fn address_of(url: &str) -> &str {
    url.strip_prefix("http://").expect("an address of a server")
}

/// An HTTP connection.
pub struct Http {
    stream: BufReader<Box<dyn Stream>>,
}

/// An HTTP response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Header lines in lower case.
    pub headers: Vec<String>,
    /// The body, where it is text.
    pub body: String,
    pub bytes: Vec<u8>,
}

impl Http {
    pub async fn connect(url: &str) -> Self {
        Self::over(TcpStream::connect(address_of(url)).await.expect("a server"))
    }

    /// `None` if the server takes no connections any more.
    pub async fn try_connect(url: &str) -> Option<Self> {
        TcpStream::connect(address_of(url)).await.ok().map(Self::over)
    }

    pub fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// A connection whose network buffer is so small that an answer that is not read soon blocks its server.
    pub async fn connect_narrow(url: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let stream = socket.connect(address_of(url).parse().expect("an address")).await.expect("a server");
        Self::over(stream)
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.get_with(path, "").await
    }

    /// A GET; an error if the server hangs up before it has answered.
    pub async fn try_get(&mut self, path: &str) -> io::Result<Answer> {
        self.write(head("GET", path, "").as_bytes()).await;
        self.answer().await
    }

    /// A GET with more header lines, each with its end.
    pub async fn get_with(&mut self, path: &str, more: &str) -> Answer {
        self.write(head("GET", path, more).as_bytes()).await;
        self.answer().await.expect("an answer")
    }

    pub async fn post(&mut self, path: &str, body: &str) -> Answer {
        let length = format!("content-length: {}\r\n", body.len());
        self.write(format!("{}{body}", head("POST", path, &length)).as_bytes()).await;
        self.answer().await.expect("an answer")
    }

    /// Sends bytes as they are. False if the server has hung up.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Whether anything comes from the server within that time, if only its end.
    pub async fn hears_within(&mut self, time: std::time::Duration) -> bool {
        timeout(time, self.stream.fill_buf()).await.is_ok()
    }

    /// Reads one response; an error if the server hangs up before its end.
    pub async fn answer(&mut self) -> io::Result<Answer> {
        timeout(DEADLINE, self.read_answer()).await.expect("no answer came from the server in time")
    }

    async fn read_answer(&mut self) -> io::Result<Answer> {
        let (mut status, mut length, mut headers) = (None, 0, Vec::new());
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            match status {
                None => status = Some(line.split(' ').nth(1).expect("a status").parse().expect("a number")),
                Some(status) if line.is_empty() => {
                    let mut body = vec![0; length];
                    self.stream.read_exact(&mut body).await?;
                    let text = String::from_utf8_lossy(&body).into_owned();
                    return Ok(Answer { status, headers, body: text, bytes: body });
                }
                Some(_) => {
                    if let Some(told) = line.strip_prefix("content-length:") {
                        length = told.trim().parse().expect("a length");
                    }
                    headers.push(line);
                }
            }
        }
    }
}

/// The head of an HTTP request. `more` are header lines, each with its end.
pub fn head(method: &str, path: &str, more: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: fanfare.example\r\n{more}\r\n")
}

/// A client that polls, over one connection for its GETs and one for its POSTs.
pub struct Polling {
    gets: Http,
    posts: Http,
    pub sid: String,
    /// Engine.IO packets that came with an earlier one.
    waiting: VecDeque<String>,
}

impl Polling {
    /// A client in the main namespace.
    pub async fn connect(url: &str) -> Self {
        let mut client = Self::open(url).await;
        client.send("0").await;
        let admitted = client.receive().await;
        assert!(admitted.starts_with("0{"), "{admitted}");
        client
    }

    /// A session that has entered no namespace.
    pub async fn open(url: &str) -> Self {
        let mut gets = Http::connect(url).await;
        let open = gets.get("/socket.io/?EIO=4&transport=polling").await.body;
        let open: serde_json::Value = serde_json::from_str(&open[1..]).expect("an open packet carries JSON");
        let sid = open["sid"].as_str().expect("a session id").to_owned();
        Self { gets, posts: Http::connect(url).await, sid, waiting: VecDeque::new() }
    }

    /// The path of its requests.
    pub fn path(&self) -> String {
        format!("/socket.io/?EIO=4&transport=polling&sid={}", self.sid)
    }

    /// Sends a Socket.IO packet.
    pub async fn send(&mut self, packet: &str) {
        let answer = self.post(&format!("4{packet}")).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    }

    /// Sends Engine.IO packets, separated by 0x1e.
    pub async fn post(&mut self, packets: &str) -> Answer {
        self.posts.post(&self.path(), packets).await
    }

    /// Polls once.
    pub async fn poll(&mut self) -> Answer {
        self.gets.get(&self.path()).await
    }

    /// The next Socket.IO packet of text. Answers pings.
    pub async fn receive(&mut self) -> String {
        loop {
            while let Some(packet) = self.waiting.pop_front() {
                match packet.as_bytes()[0] {
                    b'2' => assert_eq!(self.post("3").await.status, 200),
                    b'4' => return packet[1..].to_owned(),
                    b'6' => {}
                    _ => panic!("an Engine.IO packet out of order: {packet}"),
                }
            }
            let answer = self.poll().await;
            assert_eq!(answer.status, 200, "{answer:?}");
            self.waiting.extend(answer.body.split('\u{1e}').map(str::to_owned));
        }
    }
}

/// Waits until the server hangs up, and returns the text it sent before.
pub async fn hung_up(http: &mut Http) -> String {
    let mut rest = Vec::new();
    let end = timeout(DEADLINE, http.stream.read_to_end(&mut rest)).await;
    let _ = end.expect("the server keeps the connection");
    String::from_utf8_lossy(&rest).into_owned()
}
