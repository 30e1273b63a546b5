//! `fanfare`: a Socket.IO node.

#![deny(clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use figment::value::{Dict, Value};

use crate::commands::{completions, emit, healthcheck, nodes, reference};
use crate::config::{App, Config, LogFormat};

mod address;
mod client;
mod commands;
mod config;
mod listen;
mod memory;
mod preflight;
mod relay;
mod serve;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXAMPLES: &str = "\
Examples:
  fanfare                                     a node on 127.0.0.1:3000 with the relay app; open http://127.0.0.1:3000
  fanfare serve --listen 0.0.0.0:3000 --app none
  fanfare default-config > fanfare.toml       a file to start from
  fanfare check-config --config fanfare.toml  its faults, all at once
  FANFARE_SERVER__PING_INTERVAL_MS=10000 fanfare serve
  fanfare serve --listen 127.0.0.1:3001 --nats nats://127.0.0.1:4222   one node of a cluster
  fanfare nodes --nats nats://127.0.0.1:4222                           its nodes
  fanfare emit --nats nats://127.0.0.1:4222 --room lobby news 42     an event for everybody in a room
  fanfare healthcheck                         0 if the node on this machine wants clients, else 1 and why not
  fanfare completions bash > /etc/bash_completion.d/fanfare

Settings come from the file, then from variables that start with FANFARE_, then from flags.";

/// A Socket.IO server on actors: stock clients connect unchanged.
#[derive(Parser)]
#[command(name = "fanfare", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Flags,
}

#[derive(Subcommand)]
enum Command {
    /// Run a node (the default).
    #[command(after_help = EXAMPLES)]
    Serve(Flags),
    /// Check a configuration: print its faults, or the settings in force.
    CheckConfig(Flags),
    /// Print every key with its default: a file to start from.
    DefaultConfig(reference::Arguments),
    /// Send an event into a running cluster, to the clients of all its nodes.
    #[command(after_help = emit::EXAMPLES)]
    Emit(emit::Arguments),
    /// List the nodes of a running cluster.
    Nodes(nodes::Arguments),
    /// Ask a node whether it is ready, or alive: for containers and scripts.
    Healthcheck(healthcheck::Arguments),
    /// Print the script that completes this command in a shell.
    Completions(completions::Arguments),
    /// Print the version.
    Version,
}

/// Flags override the environment, which overrides the file.
#[derive(Args)]
struct Flags {
    /// Configuration file (TOML).
    #[arg(long, env = "FANFARE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address that clients connect to, also NAME:PORT, PORT on this machine alone, or unix:PATH; may be given several
    /// times [default: 127.0.0.1:3000].
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<String>,
    /// Address for metrics and health checks, also NAME:PORT, or PORT on this machine alone [default: 127.0.0.1:9464].
    #[arg(long, value_name = "ADDR:PORT")]
    ops_listen: Option<String>,
    /// NATS servers of the cluster, separated by commas [default: none, a node on its own].
    #[arg(long, value_name = "URL[,URL…]")]
    nats: Option<String>,
    /// Threads that serve connections [default: one for each core].
    #[arg(long, value_name = "N")]
    reactors: Option<usize>,
    /// Serve clients of Socket.IO 1 and 2 (Engine.IO 3) too.
    #[arg(long)]
    allow_eio3: bool,
    /// Format of packets, which clients must have too [default: default].
    #[arg(long, value_name = "FORMAT", value_parser = ["default", "msgpack"])]
    parser: Option<String>,
    /// App that runs on the node [default: relay].
    #[arg(long)]
    app: Option<App>,
    /// Folder `client-dist` of the npm package `socket.io`, served to browsers as /socket.io/socket.io.js.
    #[arg(long, value_name = "FOLDER")]
    client_dist: Option<PathBuf>,
    /// Log filter: error, warn, info, debug, trace, off, or `tracing` directives [default: info].
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// Format of log lines [default: text].
    #[arg(long)]
    log_format: Option<LogFormat>,
}

impl Flags {
    fn load(self) -> Result<Config, config::Faults> {
        let text = |value: String| Value::from(value);
        let named = |value: &dyn erased::Named| Value::from(value.name());
        let mut flags = Dict::new();
        let mut set =
            |key: &str, value: Option<Value>| flags.extend(value.map(|value| (key.to_owned(), value)));
        set(
            "listen",
            match <[String; 1]>::try_from(self.listen) {
                Ok([one]) => Some(text(one)),
                Err(several) => (!several.is_empty()).then(|| several.into()),
            },
        );
        set("ops_listen", self.ops_listen.map(text));
        set("nats", self.nats.map(text));
        set("app", self.app.map(|app| named(&app)));
        set("client_dist", self.client_dist.map(|folder| text(folder.display().to_string())));
        set("log", self.log.map(text));
        set("log_format", self.log_format.map(|format| named(&format)));
        let mut server = Dict::new();
        server.extend(self.reactors.map(|reactors| ("reactors".to_owned(), Value::from(reactors))));
        server.extend(self.allow_eio3.then(|| ("allow_eio3".to_owned(), Value::from(true))));
        server.extend(self.parser.map(|parser| ("parser".to_owned(), text(parser))));
        set("server", (!server.is_empty()).then(|| server.into()));
        Config::load(self.config.as_deref(), flags)
    }
}

/// The name of a choice on the command line, which is also its name in the file.
mod erased {
    pub trait Named {
        fn name(&self) -> String;
    }

    impl<T: clap::ValueEnum> Named for T {
        fn name(&self) -> String {
            self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(flags) => flags.load().map_err(|faults| faults.to_string()).and_then(serve::run),
        Command::CheckConfig(flags) => {
            let checked = flags.load().map_err(|faults| faults.to_string());
            checked.and_then(|config| config.check_files().map(|()| config)).map(|config| {
                println!("# No fault found. In force:\n{}", config.to_toml());
            })
        }
        Command::DefaultConfig(arguments) => {
            print!("{}", reference::text(&arguments, &Cli::command()));
            Ok(())
        }
        Command::Emit(arguments) => emit::run(&arguments),
        Command::Nodes(arguments) => nodes::run(&arguments),
        Command::Healthcheck(arguments) => healthcheck::run(arguments),
        Command::Completions(arguments) => completions::run(&arguments, &mut Cli::command()),
        Command::Version => {
            println!("fanfare {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fanfare: {error}");
            ExitCode::FAILURE
        }
    }
}
