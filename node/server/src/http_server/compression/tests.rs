use std::future::poll_fn;
use std::io::Read;
use std::pin::pin;
use std::task::Poll;

use flate2::read::{GzDecoder, ZlibDecoder};

use super::*;
use crate::options::Options;

fn compression(room_max: usize) -> Compression {
    let options = Options { reactors: 1, ..Options::default() };
    Compression::with(Node::alone(options), 1, room_max)
}

fn answer(content: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(content.to_owned()));
    response.extensions_mut().insert(Compressible);
    response
}

/// The name of the encoding, and the content as it was before.
async fn read(response: Response<Full<Bytes>>) -> (Option<String>, String) {
    let encoding = response.headers().get(CONTENT_ENCODING).map(|name| name.to_str().unwrap().to_owned());
    let Ok(content) = response.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let mut text = String::new();
    let mut reader: Box<dyn Read> = match encoding.as_deref() {
        Some("gzip") => Box::new(GzDecoder::new(&content[..])),
        Some("deflate") => Box::new(ZlibDecoder::new(&content[..])),
        _ => Box::new(&content[..]),
    };
    reader.read_to_string(&mut text).expect("it can be decoded");
    (encoding, text)
}

#[test]
fn the_client_chooses_the_encoding() {
    let chosen = |accepted: &str| {
        let mut headers = HeaderMap::new();
        for line in accepted.split('|') {
            headers.append(ACCEPT_ENCODING, line.parse().unwrap());
        }
        Encoding::accepted(&headers)
    };
    for (accepted, wanted) in [
        ("gzip", Some(Encoding::Gzip)),
        ("deflate", Some(Encoding::Deflate)),
        ("gzip, deflate, br, zstd", Some(Encoding::Gzip)),
        ("deflate|GZIP", Some(Encoding::Gzip)),
        ("gzip;q=0.5, deflate;q=0.9", Some(Encoding::Deflate)),
        ("gzip ; Q=0, deflate", Some(Encoding::Deflate)),
        ("*", Some(Encoding::Gzip)),
        ("gzip;q=0, *;q=0.1", Some(Encoding::Deflate)),
        ("identity;q=1, gzip;q=0.5", None),
        ("identity;q=0.5, gzip", Some(Encoding::Gzip)),
        ("gzip;q=0", None),
        ("*;q=0", None),
        ("br, zstd, identity", None),
        ("gzip;q=2", None),
        ("gzip;level=9", None),
        ("", None),
    ] {
        assert_eq!(chosen(accepted), wanted, "{accepted}");
    }
    assert_eq!(Encoding::accepted(&HeaderMap::new()), None);
}

#[tokio::test]
async fn answers_of_every_size_can_be_read_by_the_client() {
    let compression = compression(1 << 20);
    for length in [1024, INLINE_BYTES_MAX, INLINE_BYTES_MAX + 1, 300_000, 2_000_000] {
        let content = "abc ".repeat(length / 4 + 1);
        for (encoding, name) in [(Encoding::Gzip, "gzip"), (Encoding::Deflate, "deflate")] {
            let response = compression.apply(Some(encoding), answer(&content)).await;
            assert_eq!(response.headers()[VARY], "accept-encoding");
            assert_eq!(read(response).await, (Some(name.to_owned()), content.clone()));
        }
    }
    assert!(!compression.is_busy());
}

#[tokio::test]
async fn what_is_small_not_marked_or_not_accepted_stays_as_it_is() {
    let compression = compression(1 << 20);
    let content = "x".repeat(3000);
    let small = compression.apply(Some(Encoding::Gzip), answer("small")).await;
    assert!(small.headers().is_empty());
    let unmarked = compression.apply(Some(Encoding::Gzip), Response::new(Full::from(content.clone()))).await;
    assert!(unmarked.headers().is_empty());
    let unwanted = compression.apply(None, answer(&content)).await;
    assert_eq!(unwanted.headers()[VARY], "accept-encoding");
    assert_eq!(read(unwanted).await, (None, content));
}

#[tokio::test]
async fn what_waits_for_compression_is_bounded_and_more_leaves_as_it_is() {
    let compression = compression(50_000);
    let content = "x".repeat(20_000);
    let held = compression.hold().expect("nothing is under way");
    let mut first = pin!(compression.apply(Some(Encoding::Gzip), answer(&content)));
    let mut second = pin!(compression.apply(Some(Encoding::Gzip), answer(&content)));
    for waiting in [&mut first, &mut second] {
        assert!(poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await);
    }
    let third = compression.apply(Some(Encoding::Gzip), answer(&content)).await;
    assert_eq!(read(third).await, (None, content.clone()));
    assert_eq!(compression.node.metrics.compressions_skipped.get(), 1);
    // Small ones need nobody.
    let small = compression.apply(Some(Encoding::Gzip), answer(&"x".repeat(3000))).await;
    assert_eq!(read(small).await.0.as_deref(), Some("gzip"));
    drop(held);
    for waited in [first.await, second.await] {
        assert_eq!(read(waited).await, (Some("gzip".to_owned()), content.clone()));
    }
    assert!(!compression.is_busy(), "all room is given back");
}

#[tokio::test]
async fn an_answer_larger_than_all_room_is_compressed_alone() {
    let compression = compression(50_000);
    let content = "x".repeat(200_000);
    let response = compression.apply(Some(Encoding::Gzip), answer(&content)).await;
    assert_eq!(read(response).await, (Some("gzip".to_owned()), content));
}
