//! Answers of the binary to faulty settings: words for people who know nothing of its inside.

use crate::client::{Client, Http};
use crate::config::{File, Node, assert_told, fanfare, output, text};
use crate::support::authority::{Authority, Identity};

/// Complaints of `check-config`.
async fn complaints(file: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = fanfare(&["check-config", "--config", file]);
    let checked = output(command.args(arguments).envs(variables.iter().copied())).await;
    assert_eq!(checked.status.code(), Some(1), "{}", text(&checked.stdout));
    text(&checked.stderr).to_owned()
}

/// Settings in force, as `check-config` prints them.
async fn in_force(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = fanfare(&["check-config"]);
    let checked = output(command.args(arguments).envs(variables.iter().copied())).await;
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    text(&checked.stdout).to_owned()
}

#[tokio::test]
async fn a_word_that_is_no_level_is_refused_and_does_not_mute_the_node() {
    for words in ["loud", "info,loud", "fanfare", "", "debug,"] {
        for command in ["check-config", "serve"] {
            let levels = ["log: ", "not a level: write error, warn, info, debug, trace or off"];
            assert_told(&mut fanfare(&[command, "--log", words]), &levels).await;
        }
    }
    for good in ["info", "WARN", "off", "info,fanfare=debug", "info, fanfare=debug", "[span]=trace", "3"] {
        in_force(&["--log", good], &[]).await;
    }
}

#[tokio::test]
async fn addresses_are_written_as_people_write_them() {
    for (written, meant) in [
        ("3000", "127.0.0.1:3000"),
        (":3000", "127.0.0.1:3000"),
        ("localhost:3777", "localhost:3777"),
        ("[::]:3000", "[::]:3000"),
    ] {
        let meant = format!("\nlisten = \"{meant}\"\n");
        assert!(in_force(&["--listen", written], &[]).await.contains(&meant), "{written}");
        assert!(in_force(&[], &[("FANFARE_LISTEN", written)]).await.contains(&meant), "{written}");
    }
    let file = File::new("port.toml", "listen = 3000\nops_listen = \":9464\"\n");
    let told = in_force(&["--config", file.path()], &[]).await;
    assert!(told.contains("\nlisten = \"127.0.0.1:3000\"\n"), "{told}");
    for nonsense in ["nowhere", "127.0.0.1", "http://localhost:3000", "localhost:99999"] {
        let advice = ["listen: ", nonsense, "ADDRESS:PORT, NAME:PORT or", "(flag --listen)"];
        assert_told(&mut fanfare(&["serve", "--listen", nonsense]), &advice).await;
    }
    let nobody = ["cannot listen on no-such-name.invalid:3000"];
    assert_told(&mut fanfare(&["serve", "--listen", "no-such-name.invalid:3000"]), &nobody).await;
}

#[tokio::test]
async fn a_node_listens_on_a_name_and_on_a_port_alone() {
    for address in ["localhost:0", "0"] {
        let node = Node::start_at(address, &["--ops-listen", address], &[]).await;
        drop(Client::connect(&node.url).await);
        node.end().await;
    }
}

#[tokio::test]
async fn a_node_that_listens_everywhere_names_an_address_that_can_be_opened() {
    let mut node = Node::start_at("0.0.0.0:0", &["--ops-listen", "0.0.0.0:0"], &[]).await;
    assert!(node.url.starts_with("http://0.0.0.0:"), "{}", node.url);
    let open = node.url.replace("0.0.0.0", "127.0.0.1");
    node.logs(&format!("open {open} to see it live")).await;
    assert_eq!(Http::connect(&open).await.get("/").await.status, 200);
    node.end().await;
}

#[tokio::test]
async fn an_address_that_is_taken_comes_with_the_flag_that_moves_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for flag in ["--listen", "--ops-listen"] {
        let mut command = fanfare(&["serve", "--log", "error", "--listen", "127.0.0.1:0"]);
        command.env("FANFARE_OPS_LISTEN", "127.0.0.1:0");
        if flag == "--listen" {
            command = fanfare(&["serve", "--log", "error"]);
            command.env("FANFARE_OPS_LISTEN", "127.0.0.1:0");
        }
        let told = format!("cannot listen on {address}: ");
        assert_told(command.args([flag, &address]), &[&told, "another process", flag]).await;
    }
    // What Rust prints if `main` returns the error.
    let error = fanfare::Io::new().listen(address.as_str()).await.map(drop).expect_err("it is taken");
    let (shown, printed) = (error.to_string(), format!("{error:?}"));
    assert!(shown.starts_with(&format!("cannot listen on {address}: ")), "{shown}");
    assert_eq!(printed, shown);
}

#[tokio::test]
async fn a_key_that_was_renamed_is_answered_with_its_new_name() {
    let file = File::new("renamed.toml", "[nats_client]\nsettle_timeout_ms = 1\nunlisten_delay_ms = 1\n");
    let told = complaints(file.path(), &[], &[]).await;
    for (old, new) in [
        ("nats_client.settle_timeout_ms", "nats_client.sync_timeout_ms"),
        ("nats_client.unlisten_delay_ms", "nats_client.unsubscribe_delay_ms"),
    ] {
        let line = format!("- {old}: there is no such key any more; it is called {new} now (");
        assert!(told.contains(&line), "{line} in {told}");
    }
}

#[tokio::test]
async fn a_typo_is_answered_with_the_nearest_key_and_not_with_all() {
    let file = File::new(
        "typos.toml",
        "lissen = 1\nping_interval_ms = 1\nqwertyuiop = 1\n[server]\nping_intervall_ms = 1\nreactor = 1\n\
         [server.cors]\norigin = [\"*\"]\n[sever]\nreactors = 1\n",
    );
    let told = complaints(file.path(), &[], &[("FANFARE_LOGG", "info")]).await;
    for (key, nearest) in [
        ("lissen", "listen"),
        ("logg", "log"),
        ("ping_interval_ms", "nats_client.ping_interval_ms or server.ping_interval_ms"),
        ("server.ping_intervall_ms", "server.ping_interval_ms"),
        ("server.reactor", "server.reactors"),
        ("server.cors.origin", "server.cors.origins"),
        ("sever", "server"),
    ] {
        let line = format!("- {key}: there is no such key; did you mean {nearest}? (");
        assert!(told.contains(&line), "{line} in {told}");
    }
    assert!(told.contains("- qwertyuiop: there is no such key; `fanfare default-config` shows all keys"));
    assert!(told.contains("(variable FANFARE_LOGG)"), "{told}");
    assert!(!told.contains("slow_consumer_grace_ms"), "{told}");
    let lines = told.lines().skip(1).filter(|line| !line.contains("(variable "));
    assert!(lines.clone().count() == 7 && lines.clone().all(|line| line.contains(file.path())), "{told}");
}

#[tokio::test]
async fn every_message_about_a_file_names_it_and_none_names_types_of_rust() {
    let wrong = File::new(
        "wrong.toml",
        "listen = true\napp = \"chess\"\nlog_format = 1\nnats_client = 1\nops_token = 12345\nclient_dist = 1\n\
         [server]\npolling = \"yes\"\nmax_attachments = -1\nreactors = 0.5\nhttp_compression_threshold_bytes = 70000\n\
         [server.cors]\norigins = \"*\"\n[server.cookie]\nmax_age_s = \"long\"\nsame_site = \"loose\"\n",
    );
    let told = complaints(wrong.path(), &[], &[]).await;
    for expected in [
        "listen: it must be an address such as \"127.0.0.1:3000\", \"unix:/run/fanfare.sock\", or a list of them, and is true",
        "app: it must be one of relay, none, and is chess",
        "nats_client: it must be a table, and is 1",
        "ops_token: it must be text in quotes",
        "server.polling: it must be true or false, and is \"yes\"",
        "server.max_attachments: it must be a whole number that is not negative, and is -1",
        "server.cors.origins: it must be a list",
    ] {
        assert!(told.contains(expected), "{expected} in {told}");
    }
    assert!(!told.contains("12345"), "a secret is told: {told}");
    let not_toml = File::new("not.toml", "listen = \n[server\n");
    let contradiction = File::new("contradiction.toml", "[server]\npolling = false\nwebsocket = false\n");
    for file in [&wrong, &not_toml, &contradiction] {
        let told = complaints(file.path(), &[], &[]).await;
        assert!(told.contains(file.path()), "{told}");
        for word in ["usize", "u16", "u64", "i64", "f64", "bool", "alloc::", "struct ", "enum ", "::"] {
            assert!(!told.contains(word), "{word} in {told}");
        }
    }
    for (path, words) in [("no-such-file.toml", "there is no file"), (env!("CARGO_TARGET_TMPDIR"), "folder")]
    {
        let told = complaints(path, &[], &[]).await;
        assert!(told.contains(path) && told.contains(words), "{told}");
    }
}

#[tokio::test]
async fn the_lines_that_the_defaults_show_can_all_be_uncommented_where_they_stand() {
    let defaults = output(&mut fanfare(&["default-config"])).await;
    let mut uncommented = 0;
    let mut uncomment = |line: &str| match line.strip_prefix("# ") {
        Some(rest) if rest.starts_with('[') || rest.contains(" = ") => {
            uncommented += 1;
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    let lines: Vec<String> = text(&defaults.stdout).lines().map(&mut uncomment).collect();
    assert_eq!(uncommented, 28, "{lines:#?}");
    // The files that they name are not on this machine.
    let authority = Authority::new();
    let Identity { certificate, key } = authority.issue("server");
    let lines = lines
        .join("\n")
        .replace("fullchain.pem", certificate.to_str().expect("a path"))
        .replace("privkey.pem", key.to_str().expect("a path"));
    let file = File::new("uncommented.toml", &lines);
    let told = in_force(&["--config", file.path()], &[]).await;
    for key in [
        "\nclient_dist = ",
        "\nnats = ",
        "\nops_token = ",
        "\npolling_max_payload_bytes = ",
        "\nwebsocket_max_payload_bytes = ",
        "\ninitial_packet = ",
        "\nuser = ",
        "\ntls_ca_file = ",
        "\n[server.cookie]\n",
        "\n[server.cors]\n",
        "\n[server.tls]\n",
    ] {
        assert!(told.contains(key), "{key} in {told}");
    }
}
