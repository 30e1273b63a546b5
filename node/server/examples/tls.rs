//! TLS without a proxy: clients connect with `https://` and `wss://`, and new certificates need no restart.
//!
//! ```sh
//! openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
//!     -addext subjectAltName=DNS:localhost -keyout key.pem -out certificate.pem
//! cargo run -p fanfare --example tls -- certificate.pem key.pem
//! ```

use std::path::PathBuf;

use fanfare::{Ack, Io, Options, Socket, TlsOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let mut files = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(certificate), Some(key)) = (files.next(), files.next()) else {
        return Err("usage: tls CERTIFICATE KEY".into());
    };
    let io = encrypted(certificate, key);
    install(&io);
    let server = io.listen("127.0.0.1:3443").await?;
    println!("listening on https://{}", server.address());
    // A change of the files is noticed after a while; a signal takes them at once.
    let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    while hangup.recv().await.is_some() {
        if let Err(error) = server.reload_tls() {
            eprintln!("the old certificate stays: {error}");
        }
    }
    Ok(())
}

/// A server with its certificate and key in files.
pub fn encrypted(certificate: PathBuf, key: PathBuf) -> Io {
    let tls = TlsOptions { certificate, key, ..TlsOptions::default() };
    Io::builder().options(Options { tls: Some(tls), ..Options::default() }).build()
}

/// Declares `secure`, which tells a client whether it came encrypted.
pub fn install(io: &Io) {
    io.on("secure", async |socket: Socket, ack: Ack| ack.send(socket.handshake().is_secure()));
}
