//! A real browser on the page that the binary serves: two tabs, rooms, the upgrade, a lost connection.

use crate::config::Node;
use crate::support::{judge, judge_folder};

#[tokio::test]
async fn a_browser_is_at_home_on_the_page_of_the_binary() {
    let client = judge_folder().join("node_modules/socket.io/client-dist");
    let client = client.to_str().expect("a path");
    let node = Node::start(&["--client-dist", client]).await;
    judge("browser.mjs", &[&node.url]).await;
    node.end().await;
}
