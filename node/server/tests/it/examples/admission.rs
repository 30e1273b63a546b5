//! Clients that may come in, into which namespaces, and as whom.

use std::net::Ipv4Addr;

use fanfare::{Io, Options};
use serde_json::json;

use super::{auth, exchange, middleware, namespaces, own_extractor, started, tenants, tls};
use crate::client::{Client, Http};
use crate::support::authority::{Authority, Identity};
use crate::support::{eventually, serve};

// Compatibility: namespace-middleware
#[tokio::test]
async fn middleware_refuses_with_data_and_leaves_a_name() {
    let (io, url) = started(middleware::install).await;
    let refused = Client::open(&url).await.join("/", "").await;
    assert_eq!(refused, Err(r#"{"message":"who are you?","data":["name"]}"#.to_owned()));
    let (mut client, _) = Client::connect_as(&url, r#"{"name":"Ada"}"#).await;
    exchange(&mut client, r#"27["whoami"]"#, r#"37["Ada"]"#).await;
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn an_own_extractor_knows_the_user_behind_a_token() {
    let io = own_extractor::server();
    own_extractor::install(&io);
    let url = serve(&io).await;
    let refused = Client::open(&url).await.join("/", r#"{"token":"guess"}"#).await;
    assert_eq!(refused, Err(r#"{"message":"unknown token"}"#.to_owned()));
    let (mut client, _) = Client::connect_as(&url, r#"{"token":"s3cret"}"#).await;
    let (mut other, _) = Client::connect_as(&url, r#"{"token":"s3cret"}"#).await;
    exchange(&mut client, r#"27["whoami"]"#, r#"37["Ada"]"#).await;
    exchange(&mut client, r#"28["count",1,2,3]"#, "38[3]").await;
    client.send(r#"2["say","hello"]"#).await;
    assert_eq!(other.receive().await.text, r#"2["said","Ada","hello"]"#);
    drop((client, other));
    io.close().await;
}

#[tokio::test]
async fn a_client_comes_encrypted() {
    let authority = Authority::new();
    let Identity { certificate, key } = authority.issue("server");
    let io = tls::encrypted(certificate, key);
    tls::install(&io);
    let server = io.listen("127.0.0.1:0").await.expect("a free port");
    let stream = authority.connect(server.address()).await.expect("a handshake");
    let mut client = Client::over(stream, "").await;
    client.raw().await.expect("an open packet");
    client.join("/", "").await.expect("everybody is let in");
    exchange(&mut client, r#"27["secure"]"#, "37[true]").await;
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn a_namespace_asks_for_its_token() {
    let (io, url) = started(namespaces::install).await;
    let mut client = Client::connect(&url).await;
    let refused = client.join("/admin", r#"{"token":"guess"}"#).await;
    assert_eq!(refused, Err(r#"{"message":"wrong token"}"#.to_owned()));
    client.join("/admin", r#"{"token":"s3cret"}"#).await.expect("it is let in");
    exchange(&mut client, r#"27["hello"]"#, r#"37["hello, stranger"]"#).await;
    exchange(&mut client, r#"2/admin,8["announce"]"#, r#"2["announcement","/admin says hello"]"#).await;
    assert_eq!(client.receive().await.text, "3/admin,8[]");
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn a_store_knows_who_may_come_in_and_who_may_do_what() {
    let store = auth::Store::default();
    store.add("ada-s3cret", "Ada", true).await;
    store.add("grace-s3cret", "Grace", false).await;
    let io = auth::server(store.clone());
    auth::install(&io);
    let url = serve(&io).await;

    let refused = Client::open(&url).await.join("/", "").await;
    assert_eq!(refused, Err(r#"{"message":"unknown token","data":{"code":"UNKNOWN_TOKEN"}}"#.to_owned()));
    let (mut ada, _) = Client::connect_as(&url, r#"{"token":"ada-s3cret"}"#).await;
    let (mut grace, _) = Client::connect_as(&url, r#"{"token":"grace-s3cret"}"#).await;
    let (mut tab, _) = Client::connect_as(&url, r#"{"token":"grace-s3cret"}"#).await;
    exchange(&mut grace, r#"27["whoami"]"#, r#"37[{"name":"Grace","is_admin":false}]"#).await;
    grace.send(r#"28["admin:announce","me"]"#).await;
    let refused = json!({ "error": "event \"admin:announce\" was refused: for administrators only" });
    assert_eq!(grace.receive().await.text, format!("38[{refused}]"));
    ada.send(r#"27["admin:announce","tea"]"#).await;
    for client in [&mut ada, &mut grace, &mut tab] {
        assert_eq!(client.receive().await.text, r#"2["announcement","tea"]"#);
    }
    assert_eq!(ada.receive().await.text, r#"37[{"error":null}]"#);

    grace.send(r#"2["log out everywhere"]"#).await;
    for mut client in [grace, tab] {
        assert_eq!(client.closed().await.len(), 1, "a DISCONNECT packet");
    }
    let refused = Client::open(&url).await.join("/", r#"{"token":"grace-s3cret"}"#).await;
    assert!(refused.is_err(), "{refused:?}");

    store.block(Ipv4Addr::LOCALHOST.into()).await;
    let answer = Http::connect(&url).await.get("/socket.io/?EIO=4&transport=polling").await;
    assert_eq!((answer.status, answer.body.as_str()), (403, r#"{"code":4,"message":"blocked"}"#));
    exchange(&mut ada, r#"27["whoami"]"#, r#"37[{"name":"Ada","is_admin":true}]"#).await;
    drop(ada);
    io.close().await;
}

#[tokio::test]
async fn each_tenant_has_a_namespace_that_ends() {
    let keys = tenants::Tenants::default();
    keys.add("acme", "1");
    keys.add("globex", "2");
    let options = Options { reactors: 2, child_namespace_idle_ms: 100, ..Options::default() };
    let io = Io::builder().options(options).state(keys.clone()).build();
    let all = tenants::install(&io).expect("a pattern");
    let url = serve(&io).await;
    let mut acme = Client::open(&url).await;
    let refused = acme.join("/acme", r#"{"key":"2"}"#).await;
    assert_eq!(refused, Err(r#"{"message":"wrong key"}"#.to_owned()));
    acme.join("/acme", r#"{"key":"1"}"#).await.expect("its own key");
    let mut globex = Client::open(&url).await;
    globex.join("/globex", r#"{"key":"2"}"#).await.expect("its own key");
    assert!(globex.join("/initech", r#"{"key":"2"}"#).await.is_err(), "a tenant that nobody knows");

    // The same room, and yet another one.
    exchange(&mut acme, r#"2/acme,1["join","lobby"]"#, "3/acme,1[]").await;
    exchange(&mut globex, r#"2/globex,1["join","lobby"]"#, "3/globex,1[]").await;
    exchange(&mut acme, r#"2/acme,["say","lobby","hi"]"#, r#"2/acme,["said","hi"]"#).await;
    exchange(&mut globex, r#"2/globex,2["whose"]"#, r#"3/globex,2["globex"]"#).await;
    tenants::tell(&io, "acme", "for you").expect("it is sent");
    assert_eq!(acme.receive().await.text, r#"2/acme,["news","for you"]"#);
    tenants::tell_all(&all, "for everybody").expect("it is sent");
    assert_eq!(acme.receive().await.text, r#"2/acme,["news","for everybody"]"#);
    assert_eq!(globex.receive().await.text, r#"2/globex,["news","for everybody"]"#);

    tenants::suspend(&io, &keys, "acme");
    assert_eq!(acme.receive().await.text, "1/acme,");
    assert!(acme.join("/acme", r#"{"key":"1"}"#).await.is_err(), "the tenant is suspended");
    drop((acme, globex));
    eventually("all of them have ended", || all.children().is_empty()).await;
    io.close().await;
}
