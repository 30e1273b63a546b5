//! Trust of the tester when a URL says `wss://` or `https://`: the machine's own roots, one given file, or every
//! server.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::error::RunError;

/// Certificates that are believed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trust<'a> {
    /// Those that the machine trusts.
    Machine,
    /// Those signed by a certificate of this PEM file.
    File(&'a Path),
    /// All.
    All,
}

/// Makes the client side of TLS 1.2 and 1.3, speaking HTTP/1.1.
pub(crate) fn client_config(trust: Trust<'_>) -> Result<Arc<ClientConfig>, RunError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| RunError::Options(error.to_string()))?;
    let mut config = match trust {
        Trust::All => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth(),
        Trust::Machine | Trust::File(_) => {
            builder.with_root_certificates(roots(trust)?).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn roots(trust: Trust<'_>) -> Result<RootCertStore, RunError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(trust)? {
        match (roots.add(certificate), trust) {
            // A machine may trust certificates that cannot be read.
            (Ok(()), _) | (Err(_), Trust::Machine | Trust::All) => {}
            (Err(error), Trust::File(path)) => return Err(bad_file(path, error.to_string())),
        }
    }
    Ok(roots)
}

/// Loads the certificates to trust; none if all are trusted.
pub(crate) fn certificates(trust: Trust<'_>) -> Result<Vec<CertificateDer<'static>>, RunError> {
    match trust {
        Trust::All => Ok(Vec::new()),
        Trust::File(path) => {
            let text = fs::read(path).map_err(|error| bad_file(path, error.to_string()))?;
            let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
            match read {
                Err(error) => Err(bad_file(path, error.to_string())),
                Ok(read) if read.is_empty() => {
                    Err(bad_file(path, "there is no certificate in it".to_owned()))
                }
                Ok(read) => Ok(read),
            }
        }
        Trust::Machine => match rustls_native_certs::load_native_certs().certs {
            none if none.is_empty() => {
                let reason = "this machine trusts no certificate authority: give --tls-ca or --tls-insecure";
                Err(RunError::Options(reason.to_owned()))
            }
            certificates => Ok(certificates),
        },
    }
}

fn bad_file(path: &Path, reason: String) -> RunError {
    RunError::Options(format!("--tls-ca {}: {reason}", path.display()))
}

/// Believes every certificate, but still checks that the server has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
