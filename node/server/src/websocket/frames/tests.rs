use std::sync::Arc;

use fanfare_socketio::Encoded;
use proptest::prelude::*;

use super::*;

fn packet(text: usize, attachments: &[usize]) -> Item {
    let attachments = attachments.iter().map(|length| (0..*length).map(|n| n as u8).collect()).collect();
    let packet: Arc<Packet> = Packet::new(Encoded { text: "x".repeat(text).into(), attachments }, true);
    Item::Packet(packet)
}

/// Everything of an item, gathered from `from` on in as many writes as it takes.
fn gathered(item: &Item, form: AttachmentForm, mut from: usize, large: usize) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), Vec::new());
    while from < encoded_len(item, form) {
        let mut gather = Gather::new(&mut buffer, from, large);
        let _ = gather.item(item, form);
        let behind = gather.behind;
        let written = [gather.buffer(), behind].concat();
        assert!(!written.is_empty());
        from += written.len();
        all.extend(written);
    }
    all
}

#[test]
fn headers_have_the_shortest_form() {
    for (length, header) in [(0, vec![0x81, 0]), (125, vec![0x81, 125]), (126, vec![0x81, 126, 0, 126])] {
        assert_eq!(text(&"x".repeat(length))[..header.len()], header);
    }
    assert_eq!(text(&"x".repeat(65_535))[..4], [0x81, 126, 255, 255]);
    assert_eq!(text(&"x".repeat(65_536))[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn attachments_are_binary_or_base64() {
    let item = packet(1, &[3]);
    for (form, expected) in [
        (AttachmentForm::Binary, &b"\x81\x01x\x82\x03\x00\x01\x02"[..]),
        (AttachmentForm::Base64, b"\x81\x01x\x81\x05bAAEC"),
        (AttachmentForm::TypedBinary, b"\x81\x01x\x82\x04\x04\x00\x01\x02"),
        (AttachmentForm::TypedBase64, b"\x81\x01x\x81\x06b4AAEC"),
    ] {
        assert_eq!(gathered(&item, form, 0, 100), expected, "{form:?}");
    }
}

proptest! {
    /// Wherever the network stopped taking, and whatever is written from where it is.
    #[test]
    fn an_item_goes_on_where_the_network_stopped(
        text in prop_oneof![0..200_usize, 60_000..70_000_usize],
        attachments in proptest::collection::vec(prop_oneof![0..200_usize, 60_000..70_000_usize], 0..3),
        form in prop_oneof![
            Just(AttachmentForm::Binary),
            Just(AttachmentForm::Base64),
            Just(AttachmentForm::TypedBinary),
            Just(AttachmentForm::TypedBase64),
        ],
        at in 0.0..1.0_f64,
        large in prop_oneof![Just(1), Just(100), Just(usize::MAX)],
    ) {
        let item = packet(text, &attachments);
        let whole = gathered(&item, form, 0, usize::MAX);
        prop_assert_eq!(whole.len(), encoded_len(&item, form));
        let from = (whole.len() as f64 * at) as usize;
        prop_assert!(gathered(&item, form, from, large) == whole[from..], "from {}", from);
    }
}
