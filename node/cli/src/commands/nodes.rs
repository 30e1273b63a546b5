//! `fanfare nodes`: lists the nodes of a running cluster.

use std::time::Duration;

use clap::Args;
use fanfare::{NodeReport, roll_call};

use crate::client::{ClusterFlags, block_on};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    cluster: ClusterFlags,
    /// Time to wait for the nodes' answers.
    #[arg(long, value_name = "TIME", default_value = "1s")]
    wait: humantime::Duration,
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// Prints the nodes; an error says that the cluster could not be asked.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let bus = arguments.cluster.bus()?;
    let (patience, wait): (Duration, Duration) = (arguments.cluster.patience.into(), arguments.wait.into());
    let nodes = block_on(async { roll_call(bus, patience, wait).await.map_err(|error| error.to_string()) })?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&nodes).map_err(|error| error.to_string())?);
    } else {
        print(&nodes);
    }
    Ok(())
}

fn print(nodes: &[NodeReport]) {
    println!(
        "{:<6} {:<9} {:>16} {:>12} {:>9} {:>7} {:>6}",
        "NODE", "RELEASE", "UPTIME", "CONNECTIONS", "SOCKETS", "ROOMS", "LOST"
    );
    for node in nodes {
        let uptime = humantime::format_duration(Duration::from_secs(node.uptime_ms / 1000)).to_string();
        println!(
            "{:<6} {:<9} {uptime:>16} {:>12} {:>9} {:>7} {:>6}",
            node.node, node.release, node.connections, node.sockets, node.rooms, node.lost
        );
    }
    match nodes.len() {
        0 => println!("No node has answered: is the prefix the same as the nodes'?"),
        1 => println!("1 node"),
        count => println!("{count} nodes"),
    }
}
