//! The default format behind the seam.

use super::*;
use crate::encode;

#[test]
fn default_parser_writes_and_reads_what_the_codec_does() {
    let encoded = encode::event("/a", Some(1), "e", &(1, Bytes::from_static(b"x"))).unwrap();
    let messages = DefaultParser.encode(&encoded).unwrap();
    assert_eq!(
        messages,
        [
            Message::Text("51-/a,1[\"e\",1,{\"_placeholder\":true,\"num\":0}]".into()),
            Message::Binary(Bytes::from_static(b"x"))
        ]
    );
    let mut decoder = DefaultParser.decoder(10);
    assert!(decoder.decode(messages[0].clone()).unwrap().is_none());
    assert_ne!(decoder.held_bytes(), 0);
    let Packet::Event { arguments, .. } = decoder.decode(messages[1].clone()).unwrap().unwrap() else {
        panic!()
    };
    assert_eq!(arguments.deserialize::<(u8, Bytes)>().unwrap(), (1, Bytes::from_static(b"x")));
    assert!(decoder.decode(messages[1].clone()).is_err());
    assert!(DefaultParser.encode(&Encoded { text: "".into(), attachments: Vec::new() }).is_err());
}
