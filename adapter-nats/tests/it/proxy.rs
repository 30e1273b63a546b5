//! A line between two servers that a test can cut and mend.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub struct Proxy {
    pub port: u16,
    is_whole: Arc<watch::Sender<bool>>,
}

impl Proxy {
    /// Passes on what comes to its port, to this one.
    pub async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let is_whole = Arc::new(watch::Sender::new(true));
        tokio::spawn(accept(listener, to, is_whole.clone()));
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

async fn accept(listener: TcpListener, to: u16, is_whole: Arc<watch::Sender<bool>>) {
    while let Ok((stream, _)) = listener.accept().await {
        if *is_whole.borrow() {
            tokio::spawn(carry(stream, to, is_whole.subscribe()));
        }
    }
}

async fn carry(mut from: TcpStream, to: u16, mut is_whole: watch::Receiver<bool>) {
    let Ok(mut to) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut from, &mut to) => {}
        _ = is_whole.wait_for(|is_whole| !is_whole) => {}
    }
}
