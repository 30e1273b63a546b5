//! A line between two servers that a test can cut and mend.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

pub struct Proxy {
    pub port: u16,
    is_whole: Arc<watch::Sender<bool>>,
}

impl Proxy {
    /// Passes on what comes to its port, to this one.
    pub async fn start(to: u16) -> Self {
        Self::start_slow(to, Duration::ZERO).await
    }

    /// Passes on what comes to its port, to this one, after a delay and in order.
    pub async fn start_slow(to: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let is_whole = Arc::new(watch::Sender::new(true));
        tokio::spawn(accept(listener, to, is_whole.clone(), delay));
        Self { port, is_whole }
    }

    /// Breaks all connections, and every new one.
    pub fn cut(&self) {
        self.is_whole.send_replace(false);
    }

    pub fn mend(&self) {
        self.is_whole.send_replace(true);
    }
}

async fn accept(listener: TcpListener, to: u16, is_whole: Arc<watch::Sender<bool>>, delay: Duration) {
    while let Ok((stream, _)) = listener.accept().await {
        if *is_whole.borrow() {
            tokio::spawn(carry(stream, to, is_whole.subscribe(), delay));
        }
    }
}

async fn carry(from: TcpStream, to: u16, mut is_whole: watch::Receiver<bool>, delay: Duration) {
    let Ok(to) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
    tokio::select! {
        _ = copy(from_read, to_write, delay) => {}
        _ = copy(to_read, from_write, delay) => {}
        _ = is_whole.wait_for(|is_whole| !is_whole) => {}
    }
}

/// Data that comes while other data is delayed is delayed from its own arrival on.
async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) -> Option<()> {
    let (coming, mut came) = mpsc::channel::<(Instant, Vec<u8>)>(1024);
    let read = async {
        loop {
            let mut bytes = vec![0; 16 * 1024];
            let count = from.read(&mut bytes).await.ok().filter(|count| *count > 0)?;
            bytes.truncate(count);
            coming.send((Instant::now() + delay, bytes)).await.ok()?;
        }
    };
    let write = async {
        loop {
            let (due, bytes) = came.recv().await?;
            sleep_until(due).await;
            to.write_all(&bytes).await.ok()?;
        }
    };
    tokio::select! {
        ended = read => ended,
        ended = write => ended,
    }
}
