//! The parts before the payload, as `decodeString` of `socket.io-parser` reads them.

use super::*;

fn parsed(text: &str) -> Result<(usize, &str, Option<u64>, &str), DecodeError> {
    Header::parse(text, 10).map(|header| (header.attachments, header.namespace, header.id, header.payload))
}

#[test]
fn every_part_may_be_missing() {
    let table = [
        ("2", (0, "/", None, "")),
        ("2[]", (0, "/", None, "[]")),
        ("212", (0, "/", Some(12), "")),
        ("212[]", (0, "/", Some(12), "[]")),
        ("2/a,", (0, "/a", None, "")),
        ("2/a,[]", (0, "/a", None, "[]")),
        ("2/a,12[]", (0, "/a", Some(12), "[]")),
        ("51-[]", (1, "/", None, "[]")),
        ("510-/a,12[]", (10, "/a", Some(12), "[]")),
        ("5003-[]", (3, "/", None, "[]")),
    ];
    for (text, parts) in table {
        assert_eq!(parsed(text), Ok(parts), "{text}");
    }
}

#[test]
fn namespace_ends_at_the_comma_or_with_the_text() {
    assert_eq!(parsed("0/custom"), Ok((0, "/custom", None, "")));
    assert_eq!(parsed("0/,{}"), Ok((0, "/", None, "{}")));
    assert_eq!(parsed("0/slow?a=b,"), Ok((0, "/slow?a=b", None, "")));
    assert_eq!(parsed("2/é/\u{1f600}[],1"), Ok((0, "/é/\u{1f600}[]", Some(1), "")));
}

#[test]
fn namespace_has_a_bound() {
    let longest = format!("0/{}", "a".repeat(1023));
    assert_eq!(parsed(&longest).map(|(_, name, ..)| name.len()), Ok(1024));
    assert_eq!(parsed(&format!("{longest}a,")), Err(DecodeError::NamespaceTooLong(1025)));
}

#[test]
fn white_space_is_part_of_the_id_as_in_javascript() {
    for text in ["2 []", "2\t\n[]", "2\u{a0}[]", "2\u{feff}[]", "2 0 []"] {
        assert_eq!(parsed(text), Ok((0, "/", Some(0), "[]")), "{text:?}");
    }
    assert_eq!(parsed("2 7 []"), Ok((0, "/", Some(7), "[]")));
    assert_eq!(parsed("2\u{85}[]"), Ok((0, "/", None, "\u{85}[]")));
}

#[test]
fn id_has_no_leading_zeros_and_a_bound() {
    assert_eq!(parsed("2007[]"), Ok((0, "/", Some(7), "[]")));
    assert_eq!(parsed("218446744073709551615"), Ok((0, "/", Some(u64::MAX), "")));
    assert_eq!(parsed("218446744073709551616"), Err(DecodeError::IllegalAckId));
    assert_eq!(parsed(&format!("2{}", "9".repeat(10_000))), Err(DecodeError::IllegalAckId));
    // Official: NaN, which would be echoed as such.
    assert_eq!(parsed("21 2[]"), Err(DecodeError::IllegalAckId));
}

#[test]
fn count_of_attachments_is_a_positive_number_and_a_dash() {
    for text in
        ["5", "5-", "5[]", "51", "51[\"e\"]", "50-[]", "500-", "5-1-[]", "5x-[]", "51.0-", "5 1-", "5é-"]
    {
        assert_eq!(parsed(text), Err(DecodeError::IllegalAttachmentCount), "{text}");
    }
}

#[test]
fn count_of_attachments_has_a_bound() {
    for text in ["511-[]", "699999999999999999999999-[]"] {
        assert_eq!(parsed(text), Err(DecodeError::TooManyAttachments(10)), "{text}");
    }
}

#[test]
fn type_is_one_of_seven_digits() {
    assert_eq!(parsed(""), Err(DecodeError::Empty));
    for (text, kind) in [("7", '7'), ("9", '9'), ("abc", 'a'), ("é", 'é'), ("-1", '-'), (" 2", ' ')] {
        assert_eq!(parsed(text), Err(DecodeError::UnknownType(kind)), "{text}");
    }
}
