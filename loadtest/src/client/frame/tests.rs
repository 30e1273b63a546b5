use super::*;

/// Feeds `stream` in two reads cut at `cut`, as a socket would, and collects the unmasked payloads.
fn payloads_when_cut(stream: &[u8], cut: usize) -> Vec<(Opcode, Vec<u8>)> {
    let mut found = Vec::new();
    let mut held: Vec<u8> = Vec::new();
    for read in [&stream[..cut], &stream[cut..]] {
        held.extend_from_slice(read);
        while let Some(frame) = parse_frame(&held).expect("well-formed") {
            let mut payload = held[frame.payload.clone()].to_vec();
            if let Some(key) = frame.mask {
                apply_mask(&mut payload, key);
            }
            found.push((frame.opcode, payload));
            held.drain(..frame.payload.end);
        }
    }
    assert!(held.is_empty(), "bytes left over when cut at {cut}");
    found
}

#[test]
fn frames_are_the_same_wherever_the_stream_is_cut() {
    let messages = [
        (Opcode::Text, b"2".to_vec()),
        (Opcode::Text, vec![b'x'; 125]),
        (Opcode::Binary, vec![b'y'; 126]),
        (Opcode::Ping, Vec::new()),
        (Opcode::Text, vec![b'z'; 0xFFFF]),
        (Opcode::Text, vec![b'w'; 0x1_0000]),
    ];
    for masked in [false, true] {
        let mut keys = MaskKeys::new(7);
        let mut stream = Vec::new();
        for (opcode, payload) in &messages {
            push_frame(&mut stream, *opcode, payload, masked.then(|| keys.next_key()));
        }
        // Every boundary of the small frames and of every header; a stride through the long payloads.
        let cuts = (0..600)
            .chain((600..stream.len()).step_by(4093))
            .chain(stream.len() - 66_000..stream.len() - 65_000);
        for cut in cuts {
            assert_eq!(payloads_when_cut(&stream, cut), messages, "cut at {cut}, masked: {masked}");
        }
    }
}

#[test]
fn a_frame_is_never_found_before_its_last_byte() {
    let mut stream = Vec::new();
    push_frame(&mut stream, Opcode::Text, &[b'x'; 300], Some([1, 2, 3, 4]));
    for length in 0..stream.len() {
        assert_eq!(parse_frame(&stream[..length]), Ok(None), "at {length}");
    }
    assert!(matches!(parse_frame(&stream), Ok(Some(_))));
}

#[test]
fn masking_is_the_rfc_example() {
    // RFC 6455 section 5.7: a single-frame masked text message "Hello".
    let example = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    let mut written = Vec::new();
    push_frame(&mut written, Opcode::Text, b"Hello", Some([0x37, 0xfa, 0x21, 0x3d]));
    assert_eq!(written, example);
}

#[test]
fn masking_twice_is_the_identity_at_every_length() {
    for length in 0..70 {
        let plain: Vec<u8> = (0..length).collect();
        let mut masked = plain.clone();
        apply_mask(&mut masked, [9, 0, 200, 77]);
        for (index, byte) in masked.iter().enumerate() {
            assert_eq!(*byte, plain[index] ^ [9, 0, 200, 77][index % 4]);
        }
        apply_mask(&mut masked, [9, 0, 200, 77]);
        assert_eq!(masked, plain);
    }
}

#[test]
fn what_the_rfc_forbids_is_refused() {
    let refused = |bytes: &[u8]| parse_frame(bytes).expect_err("must be refused");
    assert_eq!(refused(&[0xC1, 0]), FrameError::ReservedBit);
    assert_eq!(refused(&[0x83, 0]), FrameError::ReservedOpcode(3));
    assert_eq!(refused(&[0x09, 0]), FrameError::BadControl);
    assert_eq!(refused(&[0x89, 126, 0, 126]), FrameError::BadControl);
    assert_eq!(refused(&[0x81, 126, 0, 125]), FrameError::BadLength);
    assert_eq!(refused(&[0x81, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]), FrameError::BadLength);
    assert_eq!(refused(&[0x81, 127, 0x80, 0, 0, 0, 0, 1, 0, 0]), FrameError::BadLength);
}
