//! Memory of the process: what a storm has taken goes back to the system when it is over (decision 25).

use std::hint::black_box;
use std::time::Duration;

use tracing::debug;

/// Interval at which the allocator is made to look for memory that it may give back; so long it keeps what is free.
const INTERVAL: Duration = Duration::from_secs(1);
/// Bytes of a block that the allocator takes from its store for large ones, and puts back there.
const BLOCK_BYTES: usize = 1024 * 1024;

/// Takes memory in small pages from now on. With huge ones a buffer that uses a part of one takes all of it, and the system
/// joins pages again that were given back.
pub fn use_small_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        // Old kernels do not know that. What a storm has taken goes back in part then.
        debug!(%error, "transparent huge pages stay on");
    }
}

/// Has the allocator give back, once a second, what has been free for a second. mimalloc looks for that only when large
/// blocks come and go, which they do not on a node that has become quiet: so one does.
pub async fn give_back() {
    let mut interval = tokio::time::interval(INTERVAL);
    loop {
        interval.tick().await;
        drop(black_box(Vec::<u8>::with_capacity(black_box(BLOCK_BYTES))));
    }
}
