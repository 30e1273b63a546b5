//! A WebSocket without manners: it writes whatever bytes it is told to, and reads when it is told to.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::STALLED;
use crate::support::DEADLINE;

/// First bytes of frames: FIN and the opcode.
pub const TEXT: u8 = 0x81;
pub const TEXT_BEGINS: u8 = 0x01;
pub const CONTINUES: u8 = 0x00;
pub const BINARY: u8 = 0x82;
pub const PING: u8 = 0x89;

/// Bytes of a frame's payload that are kept.
const KEPT: usize = 256;

/// A frame of the server. Of a long payload only the beginning.
#[derive(Debug)]
pub struct Frame {
    pub length: usize,
    pub beginning: Vec<u8>,
}

/// A WebSocket on a TCP connection.
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Connects; `buffer` is the size of the network buffer for what it receives.
    pub async fn tcp(url: &str, buffer: Option<u32>) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).expect("a small buffer");
        }
        let address = url.strip_prefix("http://").expect("an address of a server");
        socket.connect(address.parse().expect("an address")).await.expect("a server")
    }

    /// A WebSocket with more in its query, such as `&sid=`. Nothing of its first packet was read.
    pub async fn upgrade(url: &str, more: &str, buffer: Option<u32>) -> Self {
        let mut stream = Self::tcp(url, buffer).await;
        stream.write_all(upgrade_request(more).as_bytes()).await.expect("a server");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(DEADLINE, stream.read_u8()).await.expect("in time").expect("an answer"));
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        Self { stream }
    }

    /// A session that has entered no namespace.
    pub async fn open(url: &str) -> Self {
        let mut raw = Self::upgrade(url, "", None).await;
        raw.expect("0{").await;
        raw
    }

    /// A client in the main namespace, with a network buffer of this size for what it receives.
    pub async fn join(url: &str, buffer: Option<u32>) -> Self {
        let mut raw = Self::upgrade(url, "", buffer).await;
        raw.expect("0{").await;
        assert!(raw.text("40").await);
        raw.expect("40{").await;
        raw
    }

    async fn expect(&mut self, beginning: &str) {
        let frame = timeout(DEADLINE, self.frame()).await.expect("in time").expect("a frame");
        assert!(frame.beginning.starts_with(beginning.as_bytes()), "{frame:?} instead of {beginning}");
    }

    /// Writes all of these bytes. False if the server closes, or reads no further.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while !rest.is_empty() {
            match timeout(STALLED, self.stream.write(rest)).await {
                Ok(Ok(written)) if written > 0 => rest = &rest[written..],
                _ => return false,
            }
        }
        true
    }

    /// Sends a text message.
    pub async fn text(&mut self, text: &str) -> bool {
        self.write(&frame(TEXT, text.as_bytes())).await
    }

    /// Reads a frame.
    pub async fn frame(&mut self) -> io::Result<Frame> {
        self.stream.read_u8().await?;
        let length = match self.stream.read_u8().await? {
            126 => self.stream.read_u16().await?.into(),
            127 => self.stream.read_u64().await? as usize,
            short => usize::from(short),
        };
        let mut beginning = vec![0; length.min(KEPT)];
        self.stream.read_exact(&mut beginning).await?;
        let (mut left, mut chunk) = (length - beginning.len(), vec![0; 16 * 1024]);
        while left > 0 {
            let most = left.min(chunk.len());
            left -= self.stream.read_exact(&mut chunk[..most]).await?;
        }
        Ok(Frame { length, beginning })
    }

    /// Reads a message of at least this many bytes, and what comes before it.
    pub async fn message(&mut self, length: usize) {
        while timeout(DEADLINE, self.frame()).await.expect("in time").expect("a frame").length < length {}
    }

    /// Reads so many bytes in steps of a time, until the server closes the connection.
    pub async fn read_slowly(&mut self, step_bytes: usize, step: Duration) {
        let mut chunk = vec![0; step_bytes];
        while self.stream.read_exact(&mut chunk).await.is_ok() {
            tokio::time::sleep(step).await;
        }
    }

    /// Reads and forgets, until the server closes the connection.
    pub async fn forget(mut stream: impl AsyncRead + Unpin) {
        let mut chunk = vec![0; 64 * 1024];
        while stream.read(&mut chunk).await.is_ok_and(|bytes| bytes > 0) {}
    }

    /// The connection as it is.
    pub fn into_tcp(self) -> TcpStream {
        self.stream
    }
}

/// The request that opens a WebSocket.
pub fn upgrade_request(more: &str) -> String {
    format!(
        "GET /socket.io/?EIO=4&transport=websocket{more} HTTP/1.1\r\nhost: fanfare.example\r\nupgrade: websocket\r\n\
         connection: Upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    )
}

/// Header of a client's frame with this length, masked by zeros: the payload follows as it is.
pub fn header(first: u8, length: usize) -> Vec<u8> {
    let mut header = vec![first];
    match length {
        0..126 => header.push(0x80 | length as u8),
        126..65_536 => {
            header.push(0x80 | 126);
            header.extend((length as u16).to_be_bytes());
        }
        _ => {
            header.push(0x80 | 127);
            header.extend((length as u64).to_be_bytes());
        }
    }
    header.extend([0; 4]);
    header
}

/// A frame of a client.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&header(first, payload.len()), payload].concat()
}
