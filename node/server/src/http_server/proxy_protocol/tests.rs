use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A header with any parts.
fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("a short body").to_be_bytes();
    [SIGNATURE, &[0x20 | command, family], &length, body].concat()
}

fn addition(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("a short value").to_be_bytes();
    [&[kind], &length[..], value].concat()
}

fn v4() -> Vec<u8> {
    [&[192, 0, 2, 7][..], &[10, 0, 0, 1], &4711_u16.to_be_bytes(), &443_u16.to_be_bytes()].concat()
}

fn v6(client: &str) -> Vec<u8> {
    let octets = |address: &str| address.parse::<Ipv6Addr>().expect("an address").octets();
    let ports = [4711_u16.to_be_bytes(), 443_u16.to_be_bytes()].concat();
    [&octets(client)[..], &octets("2001:db8::1"), &ports].concat()
}

fn proxied(client: &str, is_secure: bool) -> Result<Progress, HeaderError> {
    let client = Some(client.parse().expect("an address"));
    Ok(Progress::Complete(Header::Proxied { client, is_secure }))
}

const UNKNOWN: Result<Progress, HeaderError> =
    Ok(Progress::Complete(Header::Proxied { client: None, is_secure: false }));

#[test]
fn a_proxy_tells_the_address_of_its_client() {
    assert_eq!(parse(&header(1, 0x11, &v4())), proxied("192.0.2.7:4711", false));
    assert_eq!(parse(&header(1, 0x21, &v6("2001:db8::7"))), proxied("[2001:db8::7]:4711", false));
    assert_eq!(parse(&header(1, 0x21, &v6("::ffff:192.0.2.7"))), proxied("192.0.2.7:4711", false));
    assert_eq!(parse(&header(1, 0x00, b"")), UNKNOWN);
    assert_eq!(parse(&header(1, 0x31, &[0; 216])), UNKNOWN);
}

#[test]
fn a_proxy_tells_that_its_client_came_encrypted() {
    let with = |additions: &[Vec<u8>]| header(1, 0x11, &[v4(), additions.concat()].concat());
    let (secure, plain) = (addition(0x20, &[1, 0, 0, 0, 0]), addition(0x20, &[2, 0, 0, 0, 0]));
    let authority = addition(0x02, b"fanfare.example");
    assert_eq!(parse(&with(&[authority.clone(), secure.clone()])), proxied("192.0.2.7:4711", true));
    assert_eq!(parse(&with(&[secure, authority.clone()])), proxied("192.0.2.7:4711", true));
    assert_eq!(parse(&with(&[authority, plain])), proxied("192.0.2.7:4711", false));
}

#[test]
fn the_connection_of_the_proxy_itself_needs_nothing_else() {
    for body in [&b""[..], b"anything"] {
        assert_eq!(parse(&header(0, 0x77, body)), Ok(Progress::Complete(Header::Local)));
    }
}

#[test]
fn bytes_behind_the_header_are_not_looked_at() {
    let bytes = [header(1, 0x11, &v4()), b"GET / HTTP/1.1\r\n".to_vec()].concat();
    assert_eq!(parse(&bytes), proxied("192.0.2.7:4711", false));
}

#[test]
fn whatever_is_not_version_2_is_refused_as_soon_as_that_shows() {
    assert_eq!(parse(b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n"), Err(HeaderError::Version1));
    assert_eq!(parse(b"PROXY "), Err(HeaderError::Version1));
    assert_eq!(parse(b"PROX"), Ok(Progress::NeedsBytes(6)));
    assert_eq!(parse(b"POST"), Err(HeaderError::NoHeader));
    assert_eq!(parse(b"\r\n\r\nGET / HTTP"), Err(HeaderError::NoHeader));
    // The beginning of TLS.
    assert_eq!(parse(&[0x16, 3, 1]), Err(HeaderError::NoHeader));
    let mut bytes = header(1, 0x11, &v4());
    bytes[12] = 0x31;
    assert_eq!(parse(&bytes), Err(HeaderError::VersionUnknown(3)));
}

#[test]
fn contradictions_are_refused() {
    assert_eq!(parse(&header(2, 0x11, &v4())), Err(HeaderError::CommandUnknown(2)));
    assert_eq!(parse(&header(1, 0x41, &v4())), Err(HeaderError::FamilyUnknown(0x41)));
    assert_eq!(parse(&header(1, 0x13, &v4())), Err(HeaderError::FamilyUnknown(0x13)));
    assert_eq!(parse(&header(1, 0x11, &v4()[1..])), Err(HeaderError::TooShort));
    assert_eq!(parse(&header(1, 0x21, &v4())), Err(HeaderError::TooShort));
    assert_eq!(parse(&header(1, 0x31, &[0; 215])), Err(HeaderError::TooShort));
    for additions in [&[0x02][..], &[0x02, 0], &[0x02, 0, 1], &[0x20, 0, 0]] {
        let body = [&v4(), additions].concat();
        assert_eq!(parse(&header(1, 0x11, &body)), Err(HeaderError::TooShort), "{additions:?}");
    }
}

#[test]
fn a_long_header_is_refused_before_it_is_read() {
    let longest = header(1, 0x00, &addition(0x04, &[0; HEADER_BYTES_MAX - START_BYTES - 3]));
    assert_eq!(longest.len(), HEADER_BYTES_MAX);
    assert_eq!(parse(&longest), UNKNOWN);
    let longer = header(1, 0x00, &addition(0x04, &[0; HEADER_BYTES_MAX - START_BYTES - 2]));
    assert_eq!(parse(&longer[..START_BYTES]), Err(HeaderError::TooLong(HEADER_BYTES_MAX + 1)));
}

proptest! {
    /// However it is cut, reading asks for more, never for more than there is, and comes to the same.
    #[test]
    fn a_header_in_pieces_means_what_it_means_whole(
        command in 0_u8..2,
        family in prop::sample::select(vec![0x00_u8, 0x11, 0x12, 0x21, 0x31]),
        additions in vec((any::<u8>(), vec(any::<u8>(), 0..40)), 0..5),
    ) {
        let address = match family >> 4 { 1 => v4(), 2 => v6("2001:db8::7"), 3 => vec![0; 216], _ => Vec::new() };
        let additions = additions.iter().flat_map(|(kind, value)| addition(*kind, value));
        let whole = header(command, family, &address.into_iter().chain(additions).collect::<Vec<_>>());
        let meant = parse(&whole);
        let mut read = 0;
        loop {
            match parse(&whole[..read]) {
                Ok(Progress::NeedsBytes(needed)) => {
                    prop_assert!(read < needed && needed <= whole.len());
                    read += 1;
                }
                other => {
                    prop_assert_eq!(other, meant);
                    break;
                }
            }
        }
        if let Ok(Progress::Complete(_)) = meant {
            prop_assert_eq!(read, whole.len());
        }
    }

    #[test]
    fn any_bytes_are_read_without_harm(start in 0..=SIGNATURE.len(), rest in vec(any::<u8>(), 0..600)) {
        let bytes = [&SIGNATURE[..start], &rest].concat();
        if let Ok(Progress::NeedsBytes(needed)) = parse(&bytes) {
            prop_assert!(bytes.len() < needed && needed <= HEADER_BYTES_MAX);
        }
    }
}
