use http::HeaderValue;

use super::*;

/// Who the client is for a node that trusts 10.0.0.0/8 and 2001:db8::1.
fn client(peer: &str, lines: &[&str]) -> String {
    let networks = ["10.0.0.0/8", "2001:db8::1/128"].map(|network| network.parse().expect("a network"));
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).expect("a value"));
    }
    let peer = SocketAddr::new(peer.parse().expect("an address"), 4711);
    TrustedProxies::new(networks.into()).client(peer, &headers).to_string()
}

#[test]
fn nobody_is_believed_who_is_not_trusted() {
    assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1:4711");
    assert_eq!(client("192.0.2.1", &[]), "192.0.2.1:4711");
}

#[test]
fn a_trusted_proxy_tells_the_client() {
    assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7:0");
    assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7:0");
    assert_eq!(client("2001:db8::1", &["2001:db8::2"]), "[2001:db8::2]:0");
    assert_eq!(client("10.0.0.1", &["198.51.100.7:1234"]), "198.51.100.7:0");
    assert_eq!(client("10.0.0.1", &["[2001:db8::2]:1234"]), "[2001:db8::2]:0");
    assert_eq!(client("10.0.0.1", &["[2001:db8::2]"]), "[2001:db8::2]:0");
}

#[test]
fn what_a_client_writes_itself_stands_in_front_and_is_ignored() {
    assert_eq!(client("10.0.0.1", &["1.1.1.1, 10.9.9.9, 198.51.100.7"]), "198.51.100.7:0");
    assert_eq!(client("10.0.0.1", &["1.1.1.1", "198.51.100.7 , 10.0.0.2", "10.0.0.3"]), "198.51.100.7:0");
}

#[test]
fn a_proxy_without_anything_to_believe_is_the_client() {
    assert_eq!(client("10.0.0.1", &[]), "10.0.0.1:4711");
    assert_eq!(client("10.0.0.1", &["198.51.100.7, unknown"]), "10.0.0.1:4711");
    assert_eq!(client("10.0.0.1", &["198.51.100.7, \u{e9}"]), "10.0.0.1:4711");
    assert_eq!(client("10.0.0.1", &["198.51.100.7,,10.0.0.2"]), "10.0.0.2:0");
    assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3:0");
}
