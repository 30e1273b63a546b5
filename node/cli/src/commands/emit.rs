//! `fanfare emit`: an event for the clients of a running cluster, sent by a process that is not a node of it.

use std::time::Duration;

use clap::Args;
use fanfare::Emitter;

use crate::client::{ClusterFlags, block_on};

pub const EXAMPLES: &str = "\
Examples, with FANFARE_NATS=nats://127.0.0.1:4222:
  fanfare emit news                                   to everybody, without arguments
  fanfare emit --room lobby --room bar news '\"hi\"' 42  to two rooms, with a text and a number
  fanfare emit --namespace /admin --except ops alert '{\"level\":\"high\"}'

Arguments are JSON: a text stands in double quotes, inside single ones for the shell.";

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    cluster: ClusterFlags,
    /// The namespace.
    #[arg(long, default_value = "/", value_name = "NAME")]
    namespace: String,
    /// A room; several add up, each client gets the event once [default: the whole namespace].
    #[arg(long, value_name = "NAME")]
    room: Vec<String>,
    /// A room whose members are left out.
    #[arg(long, value_name = "NAME")]
    except: Vec<String>,
    /// Drop the event for clients that are not ready for it at once.
    #[arg(long)]
    volatile: bool,
    /// Send the event to the servers instead of the clients (`serverSideEmit`).
    #[arg(long, conflicts_with_all = ["room", "except", "volatile"])]
    to_servers: bool,
    /// The event.
    event: String,
    /// Arguments of the event, each as JSON.
    #[arg(value_name = "JSON")]
    arguments: Vec<String>,
}

/// Sends the event; an error says why it was not sent.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let values = parse(&arguments.arguments)?;
    let bus = arguments.cluster.bus()?;
    let patience: Duration = arguments.cluster.patience.into();
    block_on(async {
        let emitter = Emitter::with_room_buckets(bus, arguments.cluster.room_buckets());
        let emitter = emitter.map_err(|error| format!("cannot start: {error}"))?;
        emitter.connected(patience).await.map_err(|error| error.to_string())?;
        let operator = emitter.of(&arguments.namespace).to(&arguments.room).except(&arguments.except);
        let operator = if arguments.volatile { operator.volatile() } else { operator };
        let sent = match arguments.to_servers {
            true => operator.server_side_emit(&arguments.event, &values),
            false => operator.emit(&arguments.event, &values),
        };
        sent.map_err(|error| error.to_string())?;
        emitter.close(patience).await;
        Ok(())
    })
}

/// The arguments as one list, which is emitted as separate arguments.
fn parse(arguments: &[String]) -> Result<fanfare::Arguments, String> {
    for (number, argument) in arguments.iter().enumerate() {
        serde_json::from_str::<serde::de::IgnoredAny>(argument).map_err(|error| {
            format!(
                "argument {} is not JSON: {error} (a text needs double quotes: '\"{argument}\"')",
                number + 1
            )
        })?;
    }
    fanfare::Arguments::from_json(&format!("[{}]", arguments.join(","))).map_err(|error| error.to_string())
}
