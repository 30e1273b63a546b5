use std::collections::VecDeque;
use std::task::Waker;

use proptest::prelude::*;

use super::*;

const MAX: usize = 100_000;

/// A stream that brings one piece at a time, and then nothing, or its end.
struct Pieces {
    pieces: VecDeque<Vec<u8>>,
    ends: bool,
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(mut piece) = self.pieces.pop_front() else {
            return if self.ends { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        let rest = piece.split_off(piece.len().min(buffer.remaining()));
        buffer.put_slice(&piece);
        if !rest.is_empty() {
            self.pieces.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

/// A masked frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 11, 13, 17];
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    frame
}

/// Everything that a client hears back for these pieces, in words, and the reader.
fn read(pieces: impl IntoIterator<Item = Vec<u8>>) -> (Vec<String>, Reader) {
    read_within(pieces, &mut Reader::new(&[], MAX))
}

fn read_within(pieces: impl IntoIterator<Item = Vec<u8>>, reader: &mut Reader) -> (Vec<String>, Reader) {
    let mut stream = Pieces { pieces: pieces.into_iter().collect(), ends: false };
    let mut received = Vec::new();
    while let Poll::Ready(frame) = reader.poll_receive(&mut stream, &mut Context::from_waker(Waker::noop())) {
        let is_end = matches!(frame, Ok(Received::Closed));
        received.push(match frame {
            Ok(Received::Text(text)) => text.to_string(),
            Ok(Received::Binary(data)) => format!("{data:?}"),
            Ok(Received::Fragment { bytes }) => format!("fragment of {bytes}"),
            Ok(Received::Control(answer)) => format!("answer {answer:?}"),
            Ok(Received::Closed) => "closed".into(),
            Err(error) => error.to_string(),
        });
        if is_end {
            break;
        }
    }
    (received, std::mem::replace(reader, Reader::new(&[], MAX)))
}

#[test]
fn nothing_is_kept_between_messages() {
    let (received, reader) =
        read([frame(0x81, b"hello"), frame(0x82, b"world"), frame(0x81, &[b'x'; 50_000])]);
    assert_eq!(received[..2], ["hello", "b\"world\""]);
    assert_eq!(received[2].len(), 50_000);
    assert_eq!((reader.held_bytes(), reader.context.is_none()), (0, true));
}

#[test]
fn what_is_kept_grows_with_what_has_come() {
    let mut large = frame(0x81, &[b'x'; 90_000]);
    large.truncate(14);
    let (received, reader) = read([large.clone()]);
    assert!(received.is_empty());
    assert!(reader.held_bytes() <= 64, "{} bytes for 14", reader.held_bytes());
    large.extend([b'x'; 3_000]);
    let (_, reader) = read([large]);
    assert!(reader.held_bytes() <= READ_BYTES, "{} bytes for 3,014", reader.held_bytes());
}

#[test]
fn a_frame_that_announces_too_much_is_refused_by_its_header() {
    let mut large = frame(0x81, &vec![b'x'; MAX + 1]);
    large.truncate(14);
    assert_eq!(read([large]).0, ["message too large"]);
    let mut second = frame(0x80, &vec![b'x'; MAX]);
    second.truncate(14);
    assert_eq!(read([frame(0x01, b"x"), second]).0, ["fragment of 1", "message too large"]);
    let mut ping = frame(0x89, &[0; 1000]);
    ping.truncate(8);
    assert!(read([ping]).0[0].contains("ontrol frame too big"));
}

#[test]
fn every_frame_is_told_of() {
    let pieces =
        [frame(0x01, b"a"), frame(0x00, b""), frame(0x89, b"x"), frame(0x8a, b""), frame(0x80, b"b")];
    let (received, reader) = read([pieces.concat()]);
    assert_eq!(received, ["fragment of 1", "fragment of 0", "answer b\"\\x8a\\x01x\"", "answer b\"\"", "ab"]);
    assert_eq!((reader.held_bytes(), reader.context.is_none()), (0, true));
}

#[test]
fn a_close_frame_is_answered_once() {
    let (received, mut reader) = read([frame(0x88, &[3, 232]), frame(0x81, b"late")]);
    assert_eq!(received, ["answer b\"\\x88\\x02\\x03\\xe8\"", "closed"]);
    assert_eq!(reader.close(None), None);
    let mut reader = Reader::new(&[], MAX);
    assert_eq!(reader.close(Some(1001)).as_deref(), Some(&[0x88, 2, 3, 233][..]));
    assert_eq!(reader.close(None), None);
    let (received, _) = read_within([frame(0x81, b"on its way"), frame(0x88, &[3, 233])], &mut reader);
    assert_eq!(received, ["on its way", "answer b\"\"", "closed"]);
}

#[test]
fn a_client_that_broke_the_protocol_gets_to_read_why() {
    let mut reader = Reader::new(&[], MAX);
    let (received, mut reader) =
        read_within([frame(0xc1, b"reserved"), frame(0x81, b"ignored")], &mut reader);
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(reader.close(Some(1002)).as_deref(), Some(&[0x88, 2, 3, 234][..]));
}

proptest! {
    /// Messages in any fragments, with control frames between them, cut into any pieces, mean the same.
    #[test]
    fn messages_do_not_depend_on_how_they_travel(
        messages in proptest::collection::vec(
            (any::<bool>(), proptest::collection::vec("[a-zé]{0,30}|x{8000}", 1..4), any::<bool>()), 1..6),
        cuts in proptest::collection::vec(1_usize..9_000, 1..30),
        read_already in 0_usize..40,
    ) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (is_text, fragments, pinged) in &messages {
            for (at, fragment) in fragments.iter().enumerate() {
                let opcode = if at > 0 { 0 } else if *is_text { 1 } else { 2 };
                let is_last = at + 1 == fragments.len();
                bytes.extend(frame(opcode | u8::from(is_last) << 7, fragment.as_bytes()));
                if !is_last {
                    expected.push(format!("fragment of {}", fragment.len()));
                    if *pinged {
                        bytes.extend(frame(0x89, b"p"));
                        expected.push("answer b\"\\x8a\\x01p\"".into());
                    }
                }
            }
            let whole = fragments.concat();
            expected.push(if *is_text { whole } else { format!("{:?}", Bytes::from(whole)) });
        }
        let mut reader = Reader::new(&bytes[..read_already.min(bytes.len())], MAX);
        let mut rest = &bytes[read_already.min(bytes.len())..];
        let mut pieces = Vec::new();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, others) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece.to_vec());
            rest = others;
        }
        let (received, reader) = read_within(pieces, &mut reader);
        prop_assert_eq!(received, expected);
        prop_assert_eq!((reader.held_bytes(), reader.context.is_none()), (0, true));
    }

    /// Whatever a client sends, the reader ends or goes on, and keeps no more than a message.
    #[test]
    fn no_bytes_make_it_keep_more_than_a_message(
        bytes in proptest::collection::vec(any::<u8>(), 0..3_000),
        valid in proptest::collection::vec((0_u8..16, any::<bool>(), 0_usize..300), 0..8),
    ) {
        let valid = valid.iter().flat_map(|(opcode, is_final, length)| {
            frame(opcode | u8::from(*is_final) << 7, &vec![b'x'; *length])
        });
        let (_, reader) = read([valid.chain(bytes).collect()]);
        prop_assert!(reader.held_bytes() <= MAX + READ_BYTES);
    }
}
