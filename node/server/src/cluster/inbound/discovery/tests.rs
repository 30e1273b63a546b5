use super::*;

fn report(release: &str, namespaces: &[&str]) -> NodeReport {
    let namespaces = namespaces.iter().map(|namespace| (*namespace).to_owned()).collect();
    let heartbeat = Heartbeat { release: release.to_owned(), namespaces, ..Heartbeat::default() };
    NodeReport::new(&"node".into(), heartbeat)
}

#[test]
fn the_texts_of_another_node_cannot_steer_a_terminal() {
    let hostile = "1.0\x1b[2J\x1b]0;title\x07\r\n\u{7f}\u{9b}31m\u{202e}\u{200b}";
    let report = report(hostile, &["/", "/\x1b[1A"]);
    assert_eq!(report.release, r"1.0\u{1b}[2J\u{1b}]0;title\u{7}\r\n\u{7f}\u{9b}31m\u{202e}\u{200b}");
    assert_eq!(report.namespaces, ["/", r"/\u{1b}[1A"]);
}

#[test]
fn printable_texts_stay_as_they_are_and_a_release_has_a_bound() {
    let namespace = r#"/größer "日本" it's"#;
    assert_eq!(report("1.2.3-rc.1+5", &[namespace]).release, "1.2.3-rc.1+5");
    assert_eq!(report("1.2.3", &[namespace]).namespaces, [namespace]);
    assert_eq!(report(&"9".repeat(1_000), &[]).release, "9".repeat(RELEASE_CHARS_MAX));
}
