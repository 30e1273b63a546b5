use bytes::Bytes;

use super::*;

#[test]
fn what_comes_from_outside_must_be_an_event_that_clients_take() {
    let emit = |text: &str, attachments: usize| Encoded {
        text: text.into(),
        attachments: vec![Bytes::from_static(b"x"); attachments],
    };
    let placeholder = r#"451-["e",{"_placeholder":true,"num":0}]"#;
    assert!(is_event_of(&emit(r#"42["e",1]"#, 0), "/"));
    assert!(is_event_of(&emit(r#"42/n,["e",1]"#, 0), "/n"));
    assert!(is_event_of(&emit(placeholder, 1), "/"));
    for (text, attachments, namespace) in [
        (r#"42["e",1]"#, 0, "/n"),
        (r#"42["e",1]"#, 1, "/"),
        (placeholder, 0, "/"),
        (placeholder, 2, "/"),
        (r#"421["e"]"#, 0, "/"),
        (r#"42["e",]"#, 0, "/"),
        (r#"42["disconnect"]"#, 0, "/"),
        ("42", 0, "/"),
        ("41", 0, "/"),
        ("2[\"e\"]", 0, "/"),
        ("", 0, "/"),
    ] {
        assert!(!is_event_of(&emit(text, attachments), namespace), "{text} {attachments} {namespace}");
    }
}
