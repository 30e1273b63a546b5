//! `fanfare default-config`: every key with its default, as a file to start from, as a page to read, or as a schema for
//! editors. Page and schema are made of the comments that stand beside the fields, so that they cannot tell otherwise.

use clap::{Args, Command, ValueEnum};
use schemars::schema_for;
use serde_json::{Map, Value};

use crate::config::Config;

const HEAD: &str = "\
# Configuration

<!-- Made of the code by `fanfare default-config --format markdown`: change the comments there. -->

Settings come from a TOML file (`--config FILE` or `FANFARE_CONFIG`), then from the environment, then from flags; each
overrides the one before. Unknown keys are refused. `fanfare check-config` tells what is wrong, all at once, or what is
in force; `fanfare default-config` prints a file to start from, and with `--format schema` a JSON Schema for editors.

Lists are written in a variable as in the file: `FANFARE_SERVER__CORS__ORIGINS='[\"https://app.example\"]'`.
";

/// The keys of NATS stand in a table that knows its servers too; in a file they are named at the top alone.
const HIDDEN_KEY: &str = "nats_client.servers";

#[derive(Args)]
pub struct Arguments {
    /// Format of the output: a TOML file to start from, a page with the meaning of each key, or a JSON Schema for
    /// editors.
    #[arg(long, default_value = "toml")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Toml,
    Markdown,
    Schema,
}

/// Every key with its default. `cli` knows which keys have flags.
pub fn text(arguments: &Arguments, cli: &Command) -> String {
    match arguments.format {
        Format::Toml => Config::default_toml(),
        Format::Markdown => markdown(&schema(), &flags_of_serve(cli)),
        Format::Schema => format!("{:#}\n", schema()),
    }
}

fn schema() -> Value {
    schema_for!(Config).to_value()
}

/// The flags of `fanfare serve`, without their dashes.
fn flags_of_serve(cli: &Command) -> Vec<String> {
    let arguments = cli.find_subcommand("serve").into_iter().flat_map(Command::get_arguments);
    arguments.filter_map(|argument| argument.get_long().map(str::to_owned)).collect()
}

/// The keys of one table of the file.
struct Table {
    /// `server.limits`; empty at the top of the file.
    name: String,
    about: String,
    keys: Vec<Key>,
}

struct Key {
    name: String,
    default: Option<Value>,
    about: String,
}

fn markdown(schema: &Value, flags: &[String]) -> String {
    let definitions = schema["$defs"].as_object().cloned().unwrap_or_default();
    let mut tables = Vec::new();
    gather(schema, &definitions, String::new(), String::new(), &mut tables);
    let sections: String = tables.iter().map(|table| section(table, flags)).collect();
    format!("{HEAD}{sections}")
}

/// Reads a table and those in it, in this order.
fn gather(
    schema: &Value,
    definitions: &Map<String, Value>,
    name: String,
    about: String,
    tables: &mut Vec<Table>,
) {
    let (mut keys, mut inner) = (Vec::new(), Vec::new());
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        let meant = resolve(property, definitions);
        let about = words(&property["description"]);
        if meant["properties"].is_object() {
            inner.push((meant, path, about));
        } else if path != HIDDEN_KEY {
            let about = [without_default(&about), choices(meant)].concat();
            keys.push(Key { name: key.clone(), default: property.get("default").cloned(), about });
        }
    }
    tables.push(Table { name, about, keys });
    for (meant, path, about) in inner {
        gather(meant, definitions, path, about, tables);
    }
}

/// Resolves the reference of a property: to a table, or to a choice, that may be absent.
fn resolve<'a>(property: &'a Value, definitions: &'a Map<String, Value>) -> &'a Value {
    let alternatives = property["anyOf"].as_array().into_iter().flatten();
    let reference = std::iter::once(property).chain(alternatives).find_map(|part| part["$ref"].as_str());
    let definition = reference.and_then(|reference| definitions.get(reference.rsplit('/').next()?));
    definition.unwrap_or(property)
}

/// A comment in one line.
fn words(comment: &Value) -> String {
    comment.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A comment without its last sentence, if that says no more than the default, which has a column of its own.
fn without_default(about: &str) -> String {
    let last = about.rfind(" Default").map_or(0, |at| at + 1);
    let (rest, sentence) = about.split_at(last);
    let says_more = sentence.contains([';', '(']) || sentence.trim_end_matches('.').contains(". ");
    let says = sentence.strip_prefix("Default").is_some_and(|value| value.starts_with([' ', ':']));
    if says && !says_more { rest.trim_end().to_owned() } else { about.to_owned() }
}

/// The values that a key may have, if it is a choice.
fn choices(meant: &Value) -> String {
    let choices = meant["oneOf"].as_array().into_iter().flatten().filter_map(|choice| {
        Some(format!(" `{}`: {}", choice["const"].as_str()?, words(&choice["description"])))
    });
    choices.collect()
}

fn section(table: &Table, flags: &[String]) -> String {
    let title = if table.name.is_empty() { "At the top".into() } else { format!("`[{}]`", table.name) };
    let about = if table.about.is_empty() { String::new() } else { format!("\n{}\n", table.about) };
    let rows: String = table.keys.iter().map(|key| row(&table.name, key, flags)).collect();
    format!(
        "\n## {title}\n{about}\n| key | variable | flag | default | meaning |\n|---|---|---|---|---|\n{rows}"
    )
}

fn row(table: &str, key: &Key, flags: &[String]) -> String {
    let path = if table.is_empty() { key.name.clone() } else { format!("{table}.{}", key.name) };
    let variable = format!("FANFARE_{}", path.replace('.', "__").to_uppercase());
    let is_flag = |flag: &&String| {
        let key = flag.replace('-', "_");
        path == key || path == format!("server.{key}")
    };
    let flag = flags.iter().find(is_flag).map(|flag| format!("`--{flag}`")).unwrap_or_default();
    let default = match &key.default {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(other) => format!("`{other}`"),
    };
    let about = key.about.replace('|', "\\|");
    format!("| `{}` | `{variable}` | {flag} | {default} | {about} |\n", key.name)
}
