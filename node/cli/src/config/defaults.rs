//! The defaults as a TOML file to start from.

use super::Config;

const HEAD: &str = "\
# Every key with its default. Keys that are absent keep it; unknown keys are refused.
# Lines that begin with `# ` and a key show what is absent by default: uncommented they would switch it on.
";

/// Keys of a table that are absent by default, each with the header that they stand before: the next table's.
const ABSENT_KEYS: [(&str, &str); 3] = [
    (
        "[nats_client]",
        r#"# client_dist = "node_modules/socket.io/client-dist"
# nats = "nats://10.0.0.1:4222,nats://10.0.0.2:4222"
# ops_token = "…"
"#,
    ),
    (
        "[server]",
        r#"# user = "fanfare"
# password = "…"
#   or, instead of these two: token, nkey_seed, nkey_seed_file, credentials_file
# tls_ca_file = "ca.pem"
#   and, if the servers ask for it: tls_cert_file, tls_key_file
"#,
    ),
    (
        "[server.cluster]",
        r#"# polling_max_payload_bytes = 1000000
# websocket_max_payload_bytes = 1000000
# initial_packet = "…"
"#,
    ),
];

/// Tables that are absent by default. They stand at the end.
const ABSENT_TABLES: &str = r#"
# [server.cookie]
# name = "io"
# path = "/"
# http_only = true
# same_site = "lax"
# secure = false
# max_age_s = 86400

# [server.tls]
# certificate = "fullchain.pem"
# key = "privkey.pem"
# reload_interval_ms = 30000
#   and, if clients must show certificates: client_ca, client_certificates

# [server.cors]
# origins = ["https://example.com"]
# methods = []
# allowed_headers = []
# exposed_headers = []
# credentials = false
# max_age_s = 600
# websocket = true
"#;

impl Config {
    /// The defaults as a TOML file to start from.
    pub fn default_toml() -> String {
        let mut keys = Self::default().to_toml();
        for (next_header, absent) in ABSENT_KEYS {
            let next_header = format!("\n{next_header}\n");
            keys = keys.replacen(&next_header, &format!("{absent}{next_header}"), 1);
        }
        format!("{HEAD}{keys}{ABSENT_TABLES}")
    }
}
