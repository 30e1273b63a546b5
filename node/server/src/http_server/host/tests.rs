use http::HeaderValue;

use super::*;

fn is_valid_in(version: Version, hosts: &[&str]) -> bool {
    let mut headers = HeaderMap::new();
    for host in hosts {
        headers.append(HOST, HeaderValue::from_bytes(host.as_bytes()).expect("a value"));
    }
    is_valid(version, &headers)
}

#[test]
fn there_is_one_host() {
    assert!(is_valid_in(Version::HTTP_11, &["example.com"]));
    assert!(!is_valid_in(Version::HTTP_11, &[]));
    assert!(!is_valid_in(Version::HTTP_11, &["example.com", "example.com"]));
    assert!(is_valid_in(Version::HTTP_10, &[]), "HTTP/1.0 knows no Host");
    assert!(!is_valid_in(Version::HTTP_10, &["a", "b"]));
}

#[test]
fn a_host_is_a_name_or_an_address_with_a_port_or_without() {
    for host in [
        "",
        "localhost",
        "a_b.example:3000",
        "127.0.0.1:80",
        "[::1]",
        "[2001:db8::1]:443",
        "a%20b",
        "a:",
        ":80",
    ] {
        assert!(is_valid_in(Version::HTTP_11, &[host]), "{host:?}");
    }
    for host in [
        "a b",
        "a/b",
        "user@example.com",
        "http://a",
        "a:b",
        "a:80:80",
        "[::1",
        "[::1]x",
        "[a]",
        "::1",
        "a, b",
        "\u{e9}",
    ] {
        assert!(!is_valid_in(Version::HTTP_11, &[host]), "{host:?}");
    }
}
