//! Clients that behave as official ones and want to be served while others attack: they ask for echoes, one at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::client::{Client, Polling};
use crate::support::eventually;

/// Time between two questions.
const PAUSE: Duration = Duration::from_millis(50);
/// Answers after which a client counts as served.
const ANSWERS: u64 = 3;

struct Witness {
    answers: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

/// One over WebSocket and one that polls.
pub struct Witnesses([Witness; 2]);

impl Witnesses {
    pub async fn start(url: &str) -> Self {
        let mut websocket = Client::connect(url).await;
        let mut polling = Polling::connect(url).await;
        let answers: [Arc<AtomicU64>; 2] = Default::default();
        let [over_websocket, over_polling] = answers.clone();
        let websocket = tokio::spawn(async move {
            loop {
                websocket.ask("echo").await;
                over_websocket.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(PAUSE).await;
            }
        });
        let polling = tokio::spawn(async move {
            loop {
                polling.send("21[\"echo\"]").await;
                while !polling.receive().await.starts_with("31[") {}
                over_polling.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(PAUSE).await;
            }
        });
        let [first, second] = answers;
        let witnesses =
            Self([Witness { answers: first, task: websocket }, Witness { answers: second, task: polling }]);
        witnesses.are_served().await;
        witnesses
    }

    /// Waits until each has got some answers from now on.
    pub async fn are_served(&self) {
        for witness in &self.0 {
            let before = witness.answers.load(Ordering::Relaxed);
            eventually("a well-behaved client is served", || {
                assert!(
                    !witness.task.is_finished(),
                    "a well-behaved client was cut, or its answers are wrong"
                );
                witness.answers.load(Ordering::Relaxed) >= before + ANSWERS
            })
            .await;
        }
    }

    pub fn end(&self) {
        self.0.iter().for_each(|witness| witness.task.abort());
    }
}
