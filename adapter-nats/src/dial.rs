//! The way to the servers: from [`NatsOptions`] to the options of the client library.

use std::path::Path;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};
use nkeys::{KeyPair, KeyPairType};

use crate::options::{NatsOptions, OptionFaults};
use crate::subjects::Subjects;

/// The first pause between two attempts is drawn from this; it doubles with each.
const DELAY_MIN: Duration = Duration::from_millis(100);
/// Commands that wait in the client library; all else waits in our queue, where it is bounded by bytes and age.
const COMMANDS_MAX: usize = 256;

/// Options that were checked, with what the files said.
pub(crate) struct Dial {
    /// Without user and password: these would be shown in logs.
    pub(crate) addresses: Vec<ServerAddr>,
    login: Login,
    options: NatsOptions,
}

enum Login {
    Nobody,
    Password { user: String, password: String },
    Token(String),
    Seed(String),
    Credentials(String),
}

impl Dial {
    /// Checks everything and reads the files.
    pub(crate) fn new(options: NatsOptions) -> Result<Self, OptionFaults> {
        let mut faults = options.faults();
        let addresses = options.servers.iter().filter_map(|server| address_without_login(server)).collect();
        let login = login(&options, &mut faults);
        for (name, file) in [
            ("tls_ca_file", &options.tls_ca_file),
            ("tls_cert_file", &options.tls_cert_file),
            ("tls_key_file", &options.tls_key_file),
        ] {
            // The client library reads them again with each connection.
            file.as_ref().and_then(|file| read(name, file, &mut faults));
        }
        if faults.is_empty() { Ok(Self { addresses, login, options }) } else { Err(OptionFaults(faults)) }
    }

    pub(crate) fn options(&self) -> &NatsOptions {
        &self.options
    }

    /// Returns the options of the client library, for a client of this name that never gives up.
    pub(crate) fn connect_options(&self, name: &str, subjects: &Subjects) -> ConnectOptions {
        let options = &self.options;
        let delay_max = Duration::from_millis(options.reconnect_delay_max_ms);
        let mut connect = match &self.login {
            Login::Nobody => ConnectOptions::new(),
            Login::Password { user, password } => {
                ConnectOptions::with_user_and_password(user.clone(), password.clone())
            }
            Login::Token(token) => ConnectOptions::with_token(token.clone()),
            Login::Seed(seed) => ConnectOptions::with_nkey(seed.clone()),
            Login::Credentials(text) => ConnectOptions::with_credentials(text).expect("they were checked"),
        };
        connect = connect
            .name(name)
            .no_echo()
            .retry_on_initial_connect()
            .client_capacity(COMMANDS_MAX)
            .subscription_capacity(options.subscription_capacity)
            .custom_inbox_prefix(subjects.answers())
            // Subjects are made of paths, which are escaped, and of the prefix, which was checked.
            .skip_subject_validation(true)
            .ping_interval(Duration::from_millis(options.ping_interval_ms))
            .connection_timeout(Duration::from_millis(options.connection_timeout_ms))
            .require_tls(options.tls_required)
            .reconnect_delay_callback(move |attempt| delay(attempt, delay_max));
        if options.tls_first {
            connect = connect.tls_first();
        }
        if let Some(file) = &options.tls_ca_file {
            connect = connect.add_root_certificates(file.clone());
        }
        if let (Some(cert), Some(key)) = (&options.tls_cert_file, &options.tls_key_file) {
            connect = connect.add_client_certificate(cert.clone(), key.clone());
        }
        connect
    }
}

fn address_without_login(server: &str) -> Option<ServerAddr> {
    let mut url = server.parse::<ServerAddr>().ok()?.into_inner();
    // These fail for addresses that can have neither, and so have none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    ServerAddr::from_url(url).ok()
}

fn login(options: &NatsOptions, faults: &mut Vec<String>) -> Login {
    if let Some(file) = &options.credentials_file {
        let Some(text) = read("credentials_file", file, faults) else { return Login::Nobody };
        if let Err(error) = ConnectOptions::with_credentials(&text) {
            faults.push(format!("`credentials_file` {} holds no credentials: {error}.", file.display()));
        }
        return Login::Credentials(text);
    }
    if let Some(file) = &options.nkey_seed_file {
        let Some(text) = read("nkey_seed_file", file, faults) else { return Login::Nobody };
        return seed("nkey_seed_file", text.trim(), faults);
    }
    if let Some(text) = &options.nkey_seed {
        return seed("nkey_seed", text, faults);
    }
    if let Some(token) = &options.token {
        return Login::Token(token.clone());
    }
    let written = options.user.clone().map(|user| (user, Some(options.password.clone().unwrap_or_default())));
    match written.or_else(|| options.logins_in_servers().pop()) {
        Some((user, Some(password))) => Login::Password { user, password },
        Some((token, None)) => Login::Token(token),
        None => Login::Nobody,
    }
}

fn seed(name: &str, text: &str, faults: &mut Vec<String>) -> Login {
    let is_of_a_user = KeyPair::from_seed(text).is_ok_and(|pair| pair.key_pair_type() == KeyPairType::User);
    if !is_of_a_user {
        faults.push(format!("`{name}` is not the seed of a user nkey: these begin with `SU`."));
    }
    Login::Seed(text.to_owned())
}

fn read(name: &str, file: &Path, faults: &mut Vec<String>) -> Option<String> {
    let text = std::fs::read_to_string(file);
    text.map_err(|error| faults.push(format!("`{name}` {} cannot be read: {error}.", file.display()))).ok()
}

/// Anything up to a bound that doubles with each attempt.
fn delay(attempt: usize, max: Duration) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16) as u32;
    let bound = DELAY_MIN.saturating_mul(1 << doublings).min(max);
    bound.mul_f64(rand::random_range(0.0..=1.0))
}
