//! A real browser on the page that the binary serves: two tabs, on one node and on two, rooms, the upgrade, a lost
//! connection.

use crate::config::Node;
use crate::nats::Server;
use crate::support::{judge, judge_folder};

#[tokio::test]
async fn a_browser_is_at_home_on_the_page_of_the_binary() {
    let client = judge_folder().join("node_modules/socket.io/client-dist");
    let client = client.to_str().expect("a path");
    let node = Node::start(&["--client-dist", client]).await;
    judge("browser.mjs", &[&node.url]).await;
    node.end().await;
}

#[tokio::test]
async fn two_tabs_on_two_nodes_see_each_other() {
    let client = judge_folder().join("node_modules/socket.io/client-dist");
    let client = client.to_str().expect("a path");
    let broker = Server::start();
    let arguments = ["--client-dist", client, "--nats", &broker.url()];
    let (first, second) = (Node::start(&arguments).await, Node::start(&arguments).await);
    judge("browser.mjs", &[&first.url, &second.url]).await;
    first.end().await;
    second.end().await;
}
