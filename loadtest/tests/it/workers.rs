//! A run spread over workers: the shares add up to the whole.

use crate::servers::{Baseline, Mode, Worker, loadtest};

#[test]
fn the_shares_of_two_workers_add_up() {
    let baseline = Baseline::start(Mode::Batched);
    let (one, other) = (Worker::start(), Worker::start());
    let workers = format!("{},{}", one.address, other.address);
    let pid = baseline.pid();
    let arguments = [
        "fanout",
        "--clients",
        "30",
        "--rooms",
        "6",
        "--rate",
        "120",
        "--warmup",
        "200ms",
        "--duration",
        "1500ms",
        "--workers",
        &workers,
        "--server-pid",
        &pid,
    ];
    // Twice, because a worker serves one run after the other.
    for _ in 0..2 {
        let (code, report) = loadtest(baseline.url(), &arguments);
        assert_eq!(code, 0, "{report:#}");
        // 204 messages to rooms of five.
        assert_eq!(report["accounts"]["received"], 204 * 5, "{report:#}");
        let all =
            report["histogram"].as_array().expect("has a histogram").last().expect("is not empty").clone();
        assert_eq!(all["cumulative"], 1.0);
        let series = report["series"].as_array().expect("has a series");
        let measured = series.iter().filter(|sample| sample["is_measured"] == true);
        let units: u64 = measured.filter_map(|sample| sample["units"].as_u64()).sum();
        assert_eq!(Some(units), report["units"].as_u64(), "{report:#}");
        assert!(series.iter().any(|sample| sample["connected"] == 30), "{report:#}");
        assert!(report["usage"]["server_cores"].is_number(), "{report:#}");
    }
}

#[test]
fn a_worker_that_is_not_there_is_exit_code_3_and_a_share_too_small_too() {
    let baseline = Baseline::start(Mode::Batched);
    let (code, _) = loadtest(baseline.url(), &["idle", "--clients", "2", "--workers", "127.0.0.1:1"]);
    assert_eq!(code, 3);
    let worker = Worker::start();
    let workers = format!("{0},{0}", worker.address);
    let (code, _) = loadtest(baseline.url(), &["fanout", "--clients", "1", "--workers", &workers]);
    assert_eq!(code, 3);
}
