//! Several nodes in one process, joined by a bus without a network: what must be the same as on one node.

use std::time::Duration;

use fanfare::{
    Data, Faults, FromNode, Io, MemoryHub, Namespace, Options, RequestError, ServerAck, Socket, SocketId,
};

use crate::client::Client;
use crate::contract::contract_server_of;
use crate::support::{eventually, judge, nothing_stays, serve};

/// Nodes of one cluster, which know each other.
pub struct Nodes {
    pub hub: MemoryHub,
    pub nodes: Vec<Io>,
    pub urls: Vec<String>,
}

pub fn options() -> Options {
    let mut options = Options { reactors: 2, ..Options::default() };
    options.cluster.heartbeat_interval_ms = 100;
    options.cluster.heartbeat_timeout_ms = 1_000;
    options
}

impl Nodes {
    /// Starts `count` contract servers.
    async fn start(count: usize) -> Self {
        Self::start_with(count, options(), |_| {}).await
    }

    async fn start_with(count: usize, options: Options, declare: impl Fn(&Io)) -> Self {
        let hub = MemoryHub::new(7);
        hub.set_faults(Faults { shuffle_subjects: true, ..Faults::default() });
        let (mut nodes, mut urls) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let io = contract_server_of(Io::builder().options(options.clone()).bus(hub.bus()));
            declare(&io);
            urls.push(serve(&io).await);
            nodes.push(io);
        }
        let nodes = Self { hub, nodes, urls };
        nodes.know_each_other().await;
        nodes
    }

    pub async fn know_each_other(&self) {
        let others = self.nodes.len() - 1;
        let complete = |io: &Io| {
            let nodes = io.nodes();
            nodes.len() == others && nodes.iter().all(|node| node.namespaces.len() > 1)
        };
        eventually("the nodes know each other", || self.nodes.iter().all(complete)).await;
    }

    async fn close(self) {
        for io in &self.nodes {
            nothing_stays(io).await;
            io.close().await;
        }
    }
}

async fn cheat_sheet_judged(mode: &str) {
    let nodes = Nodes::start(3).await;
    judge("cheatsheet.mjs", &[&nodes.urls.join(","), mode, "--threads"]).await;
    nodes.close().await;
}

#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_across_nodes_over_websocket() {
    cheat_sheet_judged("websocket").await;
}

#[tokio::test]
async fn every_line_of_the_cheat_sheet_reaches_whom_it_should_across_nodes_over_polling() {
    cheat_sheet_judged("polling").await;
}
