use super::*;

/// Subprotocol chosen from these header lines: `Err` if they are refused.
fn chosen(lines: &[&str]) -> Result<Option<String>, ()> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(line).unwrap());
    }
    let text = |value: HeaderValue| value.to_str().unwrap().to_owned();
    choose(&headers).map(|chosen| chosen.map(text)).map_err(drop)
}

#[test]
fn the_first_offer_is_chosen() {
    for lines in [&["a"][..], &["a, b"], &["a\t ,b,c"], &["a", "b, c"]] {
        assert_eq!(chosen(lines), Ok(Some("a".into())), "{lines:?}");
    }
    assert_eq!(chosen(&["chat.v2+x~1"]), Ok(Some("chat.v2+x~1".into())));
}

#[test]
fn without_an_offer_nothing_is_chosen() {
    assert_eq!(chosen(&[]), Ok(None));
}

#[test]
fn what_is_no_list_of_different_tokens_is_refused() {
    for lines in
        [&[""][..], &["a,"], &[",a"], &["a,,b"], &["a b"], &["a/b"], &["a, a"], &["a", "a"], &["a", ""]]
    {
        assert_eq!(chosen(lines), Err(()), "{lines:?}");
    }
}
