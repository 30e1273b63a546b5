//! Our side of the differential harness alone, to run single scripts against: prints its address, and ends with its input.
//!
//! ```sh
//! cargo run -p fanfare-test-support --example differential
//! node node/tests/judge/differential/main.mjs --ours ADDRESS --only emit/room-union-once
//! ```

use fanfare_test_support::differential::Differential;
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let differential = Differential::start().await;
    println!("listening {}", differential.url);
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    differential.close().await;
    Ok(())
}
