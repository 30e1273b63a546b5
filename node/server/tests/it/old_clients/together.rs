//! Clients of every age beside each other: programs of 2018, one room of a cluster, and many of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fanfare::{Data, EmitError, Io, Namespace, Options, Socket};
use fanfare_test_support::relay;
use tokio::process::Command;

use crate::cluster::Nodes;
use crate::judges::options;
use crate::support::{judge, judge_folder, run, serve, sized};

fn for_all() -> Options {
    Options { allow_eio3: true, ..options() }
}

/// A relay on three nodes, which do not take a slow node for a lost one.
async fn cluster() -> Nodes {
    let mut options = for_all();
    options.cluster.heartbeat_interval_ms = 100;
    options.cluster.heartbeat_timeout_ms = 60_000;
    Nodes::start_with(3, options, relay::install).await
}

/// Numbers of this client that were high.
#[derive(Clone, Copy, Default)]
struct High(u32);

/// The programs that people wrote in 2018.
fn install_programs(io: &Io) {
    io.on("number", async |socket: Socket, Data(number): Data<f64>| -> Result<(), EmitError> {
        if number <= 0.95 {
            return Ok(());
        }
        let High(count) = socket.update_data(|High(count): &mut High| {
            *count += 1;
            High(*count)
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        socket.emit("warn", count)
    });
    io.on("chat message", async |namespace: Namespace, Data(line): Data<String>| {
        namespace.emit("chat message", line)
    });
}

// Compatibility: option-allow-eio3
#[tokio::test]
async fn programs_of_2018_run_in_a_browser_with_the_client_file_of_that_time() {
    let io = Io::builder().options(for_all()).build();
    install_programs(&io);
    judge("old-page.mjs", &[&serve(&io).await]).await;
    io.close().await;
}

/// A Python with the packages of a time.
fn python(variable: &str, folder: &str) -> PathBuf {
    let there = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(folder).join("bin/python");
    std::env::var_os(variable).map_or(there, Into::into)
}

// Compatibility: option-allow-eio3
#[tokio::test]
async fn pages_of_2018_new_clients_and_python_talk_in_one_room_of_three_nodes() {
    const NAMES: &str = "page,page-1,new,new-polling,old,old-1,python,python-old,python-old-polling";
    let nodes = cluster().await;
    let (new, old) = (python("JUDGE_PYTHON", "venv"), python("JUDGE_PYTHON_OLD", "venv-old"));
    let talk = async |python: &Path, url: &str, mode: &str, name: &str| {
        let arguments = ["python_talk.py", url, mode, "square", name, NAMES];
        run(Command::new(python).args(arguments).current_dir(judge_folder())).await;
    };
    let urls = &nodes.urls;
    let all = urls.join(",");
    let talking = [&all, "--room", "square", "--names", NAMES];
    tokio::join!(
        judge("talk.mjs", &talking),
        talk(&new, &urls[2], "upgrade", "python"),
        talk(&old, &urls[0], "websocket", "python-old"),
        talk(&old, &urls[1], "polling", "python-old-polling"),
    );
    nodes.close().await;
}

#[tokio::test]
async fn hundreds_of_clients_of_both_ages_receive_every_message_once_and_in_order() {
    let io = Io::builder().options(for_all()).build();
    relay::install(&io);
    let messages = sized(3, 8).to_string();
    let clients = ["--clients", "150", "--polling", "10", "--old", "120", "--old-polling", "20"];
    let rest = ["--messages", &messages, "--broadcasts", "0", "--echoes", "2"];
    let url = serve(&io).await;
    judge("load.mjs", &[&[url.as_str()][..], &clients, &rest].concat()).await;
    assert_eq!(io.metrics().slow_consumers.get(), 0);
    io.close().await;
}

#[tokio::test]
async fn clients_of_both_ages_receive_every_message_of_three_nodes_once_and_in_order() {
    let nodes = cluster().await;
    let clients = ["--clients", "15", "--polling", "3", "--old", "15", "--old-polling", "6"];
    judge("load.mjs", &[&[nodes.urls.join(",").as_str()][..], &clients].concat()).await;
    nodes.close().await;
}
