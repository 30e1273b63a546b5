use http::HeaderValue;

use super::*;

/// A node's that trusts 10.0.0.0/8 and 2001:db8::1.
fn proxies() -> TrustedProxies {
    let networks = ["10.0.0.0/8", "2001:db8::1/128"].map(|network| network.parse().expect("a network"));
    TrustedProxies::new(networks.into())
}

fn request(peer: &str, name: &'static str, lines: &[&str]) -> (SocketAddr, HeaderMap) {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(name, HeaderValue::from_bytes(line.as_bytes()).expect("a value"));
    }
    (SocketAddr::new(peer.parse().expect("an address"), 4711), headers)
}

/// Address of the client, as derived from the peer and the header lines.
fn client(peer: &str, lines: &[&str]) -> String {
    let (peer, headers) = request(peer, FORWARDED_FOR, lines);
    proxies().client(peer, &headers).to_string()
}

/// Whether the client came encrypted.
fn is_secure(peer: &str, lines: &[&str]) -> bool {
    let (peer, headers) = request(peer, FORWARDED_PROTO, lines);
    proxies().is_secure(peer, &headers)
}

#[test]
fn the_last_trusted_proxy_tells_whether_a_client_came_encrypted() {
    for lines in [&["https"][..], &["HTTPS"], &["wss"], &["http, https"], &["http", "https"]] {
        assert!(is_secure("10.0.0.1", lines), "{lines:?}");
        assert!(!is_secure("192.0.2.1", lines), "{lines:?}");
    }
    for lines in [&[][..], &["http"], &[""], &["https, http"], &["https", "http"], &["\u{e9}"]] {
        assert!(!is_secure("10.0.0.1", lines), "{lines:?}");
    }
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
