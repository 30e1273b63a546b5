//! TLS of the listeners: what its files hold, and how new ones come into force while connections live.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{Error, RootCertStore, ServerConfig};
use tracing::{error, info};

use crate::metrics::Metrics;
use crate::options::{ClientCertificates, TlsOptions, ms};

/// The one protocol over TLS; HTTP/2 has no WebSockets here.
const ALPN: &[u8] = b"http/1.1";

/// Reason why the files of TLS cannot be used. The operator's fault, mostly.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// Its name.
        file: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// A file that holds something else.
    #[error("{}: {fault}", file.display())]
    Unusable {
        /// Its name.
        file: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
}

impl TlsOptions {
    /// Reads the files, to see whether a server could use them.
    ///
    /// # Errors
    /// For the first file that could not be used.
    pub fn check(&self) -> Result<(), TlsError> {
        configuration(self).map(drop)
    }
}

/// TLS of one server.
pub(super) struct Tls {
    options: TlsOptions,
    /// For new connections. All of it is exchanged: a resumed session would otherwise keep what an authority that was
    /// removed had signed.
    current: ArcSwap<ServerConfig>,
    /// The files when they were last read.
    seen: Mutex<[Option<Stamp>; 3]>,
}

/// Tells one state of a file from another, also where a link now leads to another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Tls {
    /// Reads the files.
    pub fn load(options: &TlsOptions) -> Result<Self, TlsError> {
        // Before the reading: what changes meanwhile is seen at the next look.
        let seen = Mutex::new(stamps(options));
        let current = ArcSwap::from_pointee(configuration(options)?);
        Ok(Self { options: options.clone(), current, seen })
    }

    /// The configuration in force.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Takes what the files hold now; if that cannot be used, what is in force stays.
    pub fn reload(&self, metrics: &Metrics) -> Result<(), TlsError> {
        let stamps = stamps(&self.options);
        *self.seen.lock() = stamps;
        match configuration(&self.options) {
            Ok(configuration) => {
                self.current.store(Arc::new(configuration));
                metrics.tls_reloads.increment();
                info!(certificate = %self.options.certificate.display(), "certificate reloaded");
                Ok(())
            }
            Err(error) => {
                metrics.tls_reload_failures.increment();
                Err(error)
            }
        }
    }

    /// Reloads when a file has changed, for as long as it is polled. A state of the files that cannot be used is told once.
    pub async fn watch(&self, metrics: &Metrics) {
        if self.options.reload_interval_ms == 0 {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(ms(self.options.reload_interval_ms)).await;
            if stamps(&self.options) == *self.seen.lock() {
                continue;
            }
            if let Err(error) = self.reload(metrics) {
                error!(%error, "the new certificate cannot be used: the old one stays in force");
            }
        }
    }
}

fn stamps(options: &TlsOptions) -> [Option<Stamp>; 3] {
    [Some(&options.certificate), Some(&options.key), options.client_ca.as_ref()].map(|file| {
        let metadata = std::fs::metadata(file?).ok()?;
        Some(Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    })
}

/// What the files hold, ready for use.
fn configuration(options: &TlsOptions) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let chain = certificates(&options.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&options.key);
    let key =
        key.map_err(|error| pem_error(&options.key, error, "private key (it must not be encrypted)"))?;
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| unusable(&options.certificate, &error))?;
    let builder = match &options.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| unusable(file, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = match options.client_certificates {
                ClientCertificates::Required => verifier,
                ClientCertificates::Allowed => verifier.allow_unauthenticated(),
            };
            let verifier = verifier.build().map_err(|error| unusable(file, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut configuration = builder.with_single_cert(chain, key).map_err(|error| match error {
        Error::InconsistentKeys(_) => {
            unusable(&options.key, &format_args!("is not the key of {}", options.certificate.display()))
        }
        Error::InvalidCertificate(_) => unusable(&options.certificate, &error),
        error => unusable(&options.key, &error),
    })?;
    configuration.alpn_protocols = vec![ALPN.to_vec()];
    // So that a client that comes back need not be shown the certificate again; the keys of this live as long as it.
    configuration.ticketer = ring::Ticketer::new().map_err(|error| unusable(&options.certificate, &error))?;
    Ok(configuration)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    const WANTED: &str = "certificate";
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(none) if none.is_empty() => Err(pem_error(file, pem::Error::NoItemsFound, WANTED)),
        read => read.map_err(|error| pem_error(file, error, WANTED)),
    }
}

fn pem_error(file: &Path, error: pem::Error, wanted: &str) -> TlsError {
    match error {
        pem::Error::Io(source) => TlsError::Unreadable { file: file.to_owned(), source },
        pem::Error::NoItemsFound => unusable(file, &format_args!("holds no {wanted} in PEM")),
        error => unusable(file, &error),
    }
}

fn unusable(file: &Path, fault: &dyn std::fmt::Display) -> TlsError {
    TlsError::Unusable { file: file.to_owned(), fault: fault.to_string() }
}

#[cfg(test)]
mod tests;
