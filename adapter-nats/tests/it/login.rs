//! Ways to log in, and what the log says when it does not work.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use fanfare_adapter_nats::{NatsBus, NatsOptions};
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair as TlsKey};
use serde_json::{Value, json};

use crate::log;
use crate::peer::{Peer, bucket, options, until};
use crate::server::{Server, free_port};

/// Checks that the bus can be used: what one says another hears.
async fn works(options: NatsOptions) {
    let hearing = Peer::join("hear", options.clone(), &[bucket(1)]).await;
    let saying = Peer::join("says", options, &[]).await;
    saying.say(&bucket(1), 1);
    until("it hears", || hearing.numbers() == [1]).await;
}

/// Checks that it cannot be used, and that the log says all of this.
async fn fails(options: NatsOptions, reasons: &[&str]) {
    let before = log::text().len();
    let peer = Peer::start("peer", options);
    until("the log says why", || {
        let text = log::text();
        reasons.iter().all(|reason| text[before..].contains(reason))
    })
    .await;
    assert_eq!(peer.bus.state(), fanfare_proto::State::Connecting);
    // It is said once, however often it is tried.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let text = log::text();
    assert_eq!(text[before..].matches("cannot connect to NATS yet").count(), 1, "{text}");
}

#[tokio::test]
async fn with_user_and_password() {
    let server = Server::configured("authorization { user: fan, password: \"tröt@:/\" }");
    let (user, password) = (Some("fan".into()), Some("tröt@:/".into()));
    works(NatsOptions { user: user.clone(), password, ..options(&server) }).await;
    let url = format!("nats://fan:tr%C3%B6t%40%3A%2F@127.0.0.1:{}", server.port);
    works(NatsOptions { servers: vec![url], ..options(&server) }).await;
    let wrong = NatsOptions { user, password: Some("secret-but-wrong".into()), ..options(&server) };
    fails(wrong, &["authorization violation", "check user and password"]).await;
    fails(options(&server), &["authorization violation", &server.port.to_string()]).await;
}

#[tokio::test]
async fn with_a_token() {
    let server = Server::configured("authorization { token: fanfare-token }");
    works(NatsOptions { token: Some("fanfare-token".into()), ..options(&server) }).await;
    let url = format!("nats://fanfare-token@127.0.0.1:{}", server.port);
    works(NatsOptions { servers: vec![url], ..options(&server) }).await;
    fails(NatsOptions { token: Some("other".into()), ..options(&server) }, &["authorization violation"])
        .await;
}

#[tokio::test]
async fn with_an_nkey() {
    let (pair, other) = (KeyPair::new_user(), KeyPair::new_user());
    let server =
        Server::configured(&format!("authorization {{ users: [ {{ nkey: {} }} ] }}", pair.public_key()));
    let seed = pair.seed().expect("it has one");
    works(NatsOptions { nkey_seed: Some(seed.clone()), ..options(&server) }).await;
    let file = write(server.directory(), "user.nk", &format!("{seed}\n"));
    works(NatsOptions { nkey_seed_file: Some(file), ..options(&server) }).await;
    let wrong = NatsOptions { nkey_seed: other.seed().ok(), ..options(&server) };
    fails(wrong, &["authorization violation", "nkey"]).await;
}

#[tokio::test]
async fn with_a_credentials_file() {
    let (operator, account, user) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_user());
    let unlimited = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1
    });
    let operator_jwt = jwt(&operator, &operator, json!({ "type": "operator", "version": 2 }));
    let account_claims = json!({ "type": "account", "version": 2, "limits": unlimited });
    let account_jwt = jwt(&operator, &account, account_claims);
    let user_claims = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
    let server = Server::configured(&format!(
        "operator: {operator_jwt}\nresolver: MEMORY\nresolver_preload: {{ {}: {account_jwt} }}",
        account.public_key()
    ));
    let credentials = |user: &KeyPair, seed: &KeyPair| {
        format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            jwt(&account, user, user_claims.clone()),
            seed.seed().expect("it has one")
        )
    };
    let file = write(server.directory(), "user.creds", &credentials(&user, &user));
    works(NatsOptions { credentials_file: Some(file), ..options(&server) }).await;
    let file = write(server.directory(), "wrong.creds", &credentials(&user, &KeyPair::new_user()));
    let wrong = NatsOptions { credentials_file: Some(file), ..options(&server) };
    fails(wrong, &["authorization violation", "credentials"]).await;
}

#[tokio::test]
async fn with_tls() {
    let authority = Authority::new();
    let directory = Server::prepared(0, "");
    let directory = directory.directory();
    let (cert, key) = authority.issue(directory, "server");
    let ca = write(directory, "ca.pem", &authority.issuer.pem());
    let other_ca = write(directory, "other.pem", &Authority::new().issuer.pem());
    let tls = |more: &str| {
        let (cert, key) = (cert.display(), key.display());
        Server::configured(&format!("tls {{ cert_file: \"{cert}\", key_file: \"{key}\", {more} }}"))
    };

    let server = tls("");
    let trusting = NatsOptions { tls_ca_file: Some(ca.clone()), ..options(&server) };
    works(trusting.clone()).await;
    works(NatsOptions { servers: vec![format!("tls://localhost:{}", server.port)], ..trusting.clone() })
        .await;
    fails(options(&server), &["UnknownIssuer", "tls_ca_file"]).await;
    fails(NatsOptions { tls_ca_file: Some(other_ca), ..trusting.clone() }, &["certificate", "tls_ca_file"])
        .await;

    let first = tls("handshake_first: true");
    let servers = vec![first.url()];
    works(NatsOptions { tls_first: true, servers: servers.clone(), ..trusting.clone() }).await;
    let hasty = NatsOptions { connection_timeout_ms: 500, ..trusting.clone() };
    fails(NatsOptions { servers, ..hasty }, &["timed out"]).await;

    let verifying = tls(&format!("ca_file: \"{}\", verify: true", ca.display()));
    let (cert, key) = authority.issue(directory, "client");
    let servers = vec![verifying.url()];
    let known = NatsOptions {
        servers: servers.clone(),
        tls_cert_file: Some(cert),
        tls_key_file: Some(key),
        ..trusting.clone()
    };
    works(known).await;
    fails(NatsOptions { servers, ..trusting.clone() }, &["tls_cert_file"]).await;

    let plain = Server::start();
    works(options(&plain)).await;
    fails(NatsOptions { servers: vec![plain.url()], tls_required: true, ..trusting }, &["cannot connect"])
        .await;
}

#[tokio::test]
async fn where_nobody_listens() {
    let server = Server::prepared(free_port(), "");
    fails(options(&server), &["refused", &server.port.to_string()]).await;
    let unknown =
        NatsOptions { servers: vec!["nats://user:secret@nowhere.invalid".into()], ..options(&server) };
    fails(unknown, &["nowhere.invalid:4222", "its name is not known"]).await;
    assert!(!log::text().contains("secret"), "{}", log::text());
}

#[tokio::test]
async fn a_user_who_may_not_subscribe_is_told_about_once() {
    let server = permitting("publish: \">\", subscribe: \"fanfare.v1._inbox.>\"");
    let (user, password) = (Some("fan".into()), Some("fan".into()));
    let subjects = [bucket(1), bucket(2), bucket(3)];
    let _peer = Peer::join("peer", NatsOptions { user, password, ..options(&server) }, &subjects).await;
    until("the log says so", || log::text().contains("everything below the prefix")).await;
    assert_eq!(log::text().matches("the NATS server complains").count(), 1, "{}", log::text());
}

/// Answers to the bus's own questions are below the prefix, too.
#[tokio::test]
async fn permission_for_the_prefix_is_enough() {
    let server = permitting("publish: \"fanfare.>\", subscribe: \"fanfare.>\"");
    works(NatsOptions { user: Some("fan".into()), password: Some("fan".into()), ..options(&server) }).await;
    assert!(!server.log().contains("ermissions Violation"), "{}", server.log());
}

/// Lets the user `fan` do this.
fn permitting(permissions: &str) -> Server {
    Server::configured(&format!(
        "authorization {{ users: [ {{ user: fan, password: fan, permissions: {{ {permissions} }} }} ] }}"
    ))
}

#[test]
fn files_that_cannot_be_used_are_faults() {
    let missing = Some(PathBuf::from("/nowhere/at/all"));
    let options = NatsOptions {
        credentials_file: missing.clone(),
        tls_ca_file: missing.clone(),
        tls_cert_file: missing.clone(),
        tls_key_file: missing,
        prefix: "a b".into(),
        ..NatsOptions::default()
    };
    let faults = NatsBus::new(options).err().expect("it has faults").to_string();
    for name in ["credentials_file", "tls_ca_file", "tls_cert_file", "tls_key_file", "prefix"] {
        assert!(faults.contains(name), "{faults}");
    }
    let no_seed = NatsOptions { nkey_seed: Some("SUPER".into()), ..NatsOptions::default() };
    assert!(NatsBus::new(no_seed).err().expect("it has faults").to_string().contains("nkey_seed"));
}

/// A signed claim, as nsc makes them.
fn jwt(issuer: &KeyPair, subject: &KeyPair, nats: Value) -> String {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let claims = json!({
        "jti": "test", "iat": 1_700_000_000, "iss": issuer.public_key(), "name": "test",
        "sub": subject.public_key(), "nats": nats
    });
    let text = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = encode(&issuer.sign(text.as_bytes()).expect("it can sign"));
    format!("{text}.{signature}")
}

struct Authority {
    issuer: CertifiedIssuer<'static, TlsKey>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("they are valid");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = TlsKey::generate().expect("a key");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate") }
    }

    /// The files of a certificate and its key.
    fn issue(&self, directory: &Path, name: &str) -> (PathBuf, PathBuf) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let params = CertificateParams::new(names).expect("they are valid");
        let key = TlsKey::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        let cert = write(directory, &format!("{name}.pem"), &cert.pem());
        (cert, write(directory, &format!("{name}.key"), &key.serialize_pem()))
    }
}

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let file = directory.join(name);
    fs::write(&file, text).expect("the file can be written");
    file
}
