//! Faults of a configuration, in words for people who write configurations and need not know Rust.

use std::fmt;
use std::path::{Path, PathBuf};

use figment::error::{Actual, Kind};
use figment::{Figment, Source};

use super::Config;

/// A key that is less like another than this is not taken for a misspelt one.
const LIKENESS_MIN: f64 = 0.7;
/// Keys that had another name, by their last part.
const RENAMED: [(&str, &str); 2] =
    [("settle_timeout_ms", "sync_timeout_ms"), ("unlisten_delay_ms", "unsubscribe_delay_ms")];

/// Faults of a configuration, all at once.
#[derive(Debug, thiserror::Error)]
pub struct Faults {
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// Descriptions of the faults, one each.
    pub faults: Vec<String>,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_ref().map(|file| format!("{}, ", file.display())).unwrap_or_default();
        let noun = if self.faults.len() == 1 { "fault" } else { "faults" };
        write!(f, "the configuration ({file}environment, flags) has {} {noun}:", self.faults.len())?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n  - {fault}"))
    }
}

/// One key that cannot be used as it is, and where it comes from.
pub fn of_key(key: &str, kind: &Kind, told: &Figment) -> String {
    let reason = match kind {
        Kind::UnknownField(field, siblings) => return unknown(key, field, siblings) + &origin(key, told),
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("it must be {}, and is {}", in_words(expected), shown(key, found))
        }
        Kind::UnknownVariant(found, choices) => {
            format!("it must be one of {}, and is {found}", choices.join(", "))
        }
        Kind::MissingField(name) => format!("{name} is missing"),
        kind => kind.to_string(),
    };
    format!("{key}: {reason}{}", origin(key, told))
}

fn origin(key: &str, told: &Figment) -> String {
    let metadata = told.find_metadata(key);
    match metadata.map(|metadata| (&metadata.source, metadata.name.contains("environment"))) {
        Some((Some(Source::File(file)), _)) => format!(" ({})", file.display()),
        Some((_, true)) => format!(" (variable FANFARE_{})", key.replace('.', "__").to_uppercase()),
        Some(_) => format!(" (flag --{})", name_of(key).replace('_', "-")),
        None => String::new(),
    }
}

/// A key that does not exist: `field` is the part of its path that is wrong, `siblings` could stand there instead.
fn unknown(key: &str, field: &str, siblings: &[&str]) -> String {
    let table = key.split('.').take_while(|part| *part != field).collect::<Vec<_>>().join(".");
    let path = |name: &str| if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") };
    if let Some((_, name)) = RENAMED.iter().find(|(old, name)| *old == field && siblings.contains(name)) {
        return format!("{}: there is no such key any more; it is called {} now", path(field), path(name));
    }
    let mut nearest = most_like(field, siblings.iter().map(|sibling| path(sibling)).collect());
    if nearest.is_empty() {
        // Keys are often written in the wrong table, or in none.
        let mut all = Vec::new();
        collect_keys("", &toml::Table::try_from(Config::default()).unwrap_or_default(), &mut all);
        nearest = most_like(field, all);
    }
    let advice = match nearest.is_empty() {
        true => "`fanfare default-config` shows all keys".into(),
        false => format!("did you mean {}?", nearest.join(" or ")),
    };
    format!("{}: there is no such key; {advice}", path(field))
}

/// The keys whose names are most like this one, if any is like it at all.
fn most_like(name: &str, keys: Vec<String>) -> Vec<String> {
    let likeness = |key: &str| strsim::normalized_damerau_levenshtein(name, name_of(key));
    let best = keys.iter().map(|key| likeness(key)).fold(LIKENESS_MIN, f64::max);
    keys.into_iter().filter(|key| likeness(key) >= best).collect()
}

fn collect_keys(prefix: &str, table: &toml::Table, keys: &mut Vec<String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        if let toml::Value::Table(inner) = value {
            collect_keys(&key, inner, keys);
        }
        keys.push(key);
    }
}

/// The last part of a key's path.
fn name_of(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// Describes the value that serde expects, without the names of Rust's types.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "text in quotes, such as \"text\"",
        "a sequence" => "a list, such as [\"one\", \"two\"]",
        expected if expected.starts_with("struct ") || expected == "a map" => "a table",
        expected if expected.starts_with("enum ") => "one of its names, in quotes",
        expected => expected,
    }
}

/// A value, unless it is a secret.
fn shown(key: &str, found: &Actual) -> String {
    let is_secret = ["token", "password", "nkey_seed"].iter().any(|secret| name_of(key).ends_with(secret));
    match found {
        Actual::Seq => "a list".into(),
        Actual::Map => "a table".into(),
        _ if is_secret => "something else".into(),
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        Actual::Char(value) => format!("{value:?}"),
        Actual::Str(value) => format!("{value:?}"),
        _ => "something else".into(),
    }
}

/// A file that cannot be read as TOML.
pub fn of_file(file: Option<&Path>, error: figment::Error) -> Vec<String> {
    let file = file.map(|file| format!("{}: ", file.display())).unwrap_or_default();
    error.into_iter().map(|error| format!("{file}{}", error.kind.to_string().trim_end())).collect()
}
