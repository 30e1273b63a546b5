use super::*;

fn faults(change: impl FnOnce(&mut NatsOptions)) -> Vec<String> {
    let mut options = NatsOptions::default();
    change(&mut options);
    options.faults()
}

#[test]
fn the_defaults_are_right() {
    assert_eq!(NatsOptions::default().faults(), Vec::<String>::new());
}

#[test]
fn a_configuration_needs_only_what_differs() {
    let options: NatsOptions =
        toml::from_str("servers = [\"nats://nats:4222\"]\ntoken = \"t\"").expect("it is valid");
    let expected = NatsOptions {
        servers: vec!["nats://nats:4222".into()],
        token: Some("t".into()),
        ..NatsOptions::default()
    };
    assert_eq!(options, expected);
    let text = toml::to_string(&options).expect("it can be written");
    assert_eq!(toml::from_str::<NatsOptions>(&text).expect("it is valid"), options);
}

#[test]
fn what_is_not_known_is_refused() {
    let error = toml::from_str::<NatsOptions>("tsl_required = true").expect_err("a slip of the pen");
    assert!(error.to_string().contains("tls_required"), "{error}");
}

#[test]
fn all_faults_are_found_at_once() {
    let found = faults(|options| {
        options.servers = vec!["ftp://nats".into(), "ws://nats".into(), "nats://".into()];
        options.prefix = "fan..fare".into();
        options.user = Some("u".into());
        options.token = Some("t".into());
        options.tls_key_file = Some("key.pem".into());
        options.queue_bytes_max = 1024;
        options.ping_interval_ms = 0;
    });
    for name in [
        "servers[0]",
        "servers[1]",
        "servers[2]",
        "prefix",
        "token",
        "tls_cert_file",
        "queue_bytes_max",
        "ping_interval_ms",
    ] {
        assert!(found.iter().any(|fault| fault.contains(name)), "{name} is missing in {found:#?}");
    }
    assert!(found.iter().all(|fault| fault.ends_with('.')), "they are sentences: {found:#?}");
}

#[test]
fn a_prefix_is_words_with_dots_in_between() {
    let is_right = |prefix: &str| faults(|options| options.prefix = prefix.into()).is_empty();
    assert!(["fanfare", "a.b-c.D_9", "x"].into_iter().all(is_right));
    let long = "x".repeat(257);
    assert!(
        !["", ".", "a.", ".a", "a..b", "a b", "*", "a.>", "$SYS", "größe", "a\n", &long]
            .into_iter()
            .any(is_right)
    );
}

#[test]
fn there_is_one_way_to_log_in() {
    let with_url = |url: &str, options: &mut NatsOptions| options.servers = vec![url.into()];
    assert_eq!(faults(|options| with_url("nats://u:p@nats:4222", options)), Vec::<String>::new());
    let twice = faults(|options| {
        with_url("nats://u:p@nats:4222", options);
        options.user = Some("u".into());
    });
    assert_eq!(twice.len(), 1, "{twice:?}");
    let different = faults(|options| options.servers = vec!["nats://u:p@a".into(), "nats://u:q@b".into()]);
    assert_eq!(different.len(), 1, "{different:?}");
    assert!(!different[0].contains("q@"), "{different:?}");
    assert_eq!(faults(|options| options.password = Some("p".into())).len(), 1);
}

#[test]
fn secrets_are_not_shown() {
    let options = NatsOptions {
        servers: vec![
            "nats://user:secret-1@nats:4222".into(),
            "secret-2@nats".into(),
            "nats://a:secret@3@nats".into(),
        ],
        password: Some("secret-4".into()),
        token: Some("secret-5".into()),
        nkey_seed: Some("secret-6".into()),
        ..NatsOptions::default()
    };
    let shown = format!("{options:?} {:?}", options.faults());
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("nats://nats:4222"), "{shown}");
}
