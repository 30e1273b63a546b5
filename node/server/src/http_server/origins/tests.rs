use super::*;

fn cors(origins: &[&str]) -> Cors {
    Cors { origins: origins.iter().map(ToString::to_string).collect(), ..Cors::default() }
}

/// Whether a page of these origins may open a WebSocket to `chat.example:8080`.
fn is_allowed(cors: Option<&Cors>, origins: &[&str]) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("chat.example:8080"));
    for origin in origins {
        headers.append(ORIGIN, HeaderValue::from_str(origin).expect("a value"));
    }
    Origins::new(cors).allow(&headers)
}

#[test]
fn without_cors_and_with_a_star_everybody_is_let_in() {
    assert!(is_allowed(None, &["https://evil.example"]));
    assert!(is_allowed(Some(&cors(&["*"])), &["https://evil.example"]));
    let only_for_polling = Cors { websocket: false, ..cors(&["https://one.example"]) };
    assert!(is_allowed(Some(&only_for_polling), &["https://evil.example"]));
}

#[test]
fn only_the_origins_of_the_list_are_let_in() {
    let cors = cors(&["https://one.example", "https://two.example:8443"]);
    for allowed in ["https://one.example", "https://two.example:8443"] {
        assert!(is_allowed(Some(&cors), &[allowed]), "{allowed}");
    }
    for other in [
        "http://one.example",
        "https://one.example:8443",
        "https://two.example",
        "https://one.example.evil.example",
        "https://evil.example/https://one.example",
        "null",
        "",
    ] {
        assert!(!is_allowed(Some(&cors), &[other]), "{other}");
    }
    assert!(!is_allowed(Some(&cors), &["https://one.example", "https://evil.example"]));
    assert!(!is_allowed(Some(&self::cors(&[])), &["https://one.example"]), "the list is empty");
}

#[test]
fn pages_of_the_host_itself_and_what_is_no_browser_are_let_in() {
    let cors = cors(&["https://one.example"]);
    assert!(is_allowed(Some(&cors), &[]));
    assert!(is_allowed(Some(&cors), &["https://chat.example:8080"]));
    assert!(is_allowed(Some(&cors), &["http://Chat.Example:8080"]));
    assert!(!is_allowed(Some(&cors), &["https://chat.example"]));
    assert!(!is_allowed(Some(&cors), &["https://user@chat.example:8080"]));
    assert!(!is_allowed(Some(&cors), &["file://chat.example:8080"]));
}
