//! The differential harness: scripts of clients that are played to the official server and to ours at the same time, whose
//! transcripts have to be equal (`tests/judge/differential`).

use crate::support::differential::Differential;
use crate::support::judge;

#[tokio::test]
async fn clients_and_handlers_see_what_they_see_of_the_official_server() {
    let ours = Differential::start().await;
    judge("differential/main.mjs", &["--ours", &ours.url]).await;
    ours.close().await;
}
