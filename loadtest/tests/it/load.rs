//! The load models: latency counts from when the plan wanted a message sent, plans are kept, targets are dealt.

use std::time::Duration;

use serde_json::Value;

use crate::faulty_proxy::{Fault, FaultyProxy};
use crate::servers::{Baseline, Mode, loadtest, loadtest_of};

/// Longer than a busy machine holds anything up, and shorter than a closed loop waits before it gives a message up.
const STALL: Duration = Duration::from_millis(1_500);

/// Number of deliveries that took longer than `ms`.
fn slower_than(report: &Value, ms: f64) -> u64 {
    let points = report["histogram"].as_array().expect("has a histogram");
    let slow = points.iter().filter(|point| point["value_us"].as_f64() > Some(ms * 1e3));
    slow.filter_map(|point| point["count"].as_u64()).sum()
}

/// A run of four seconds with four clients and one publisher, in the middle of which the server stalls.
fn with_a_stall(load: &[&str]) -> Value {
    let baseline = Baseline::start(Mode::Batched);
    let proxy = FaultyProxy::before(baseline.address(), Fault::Stall(STALL));
    let arguments = ["fanout", "--clients", "4", "--warmup", "0s", "--duration", "4s"];
    let (code, report) = loadtest(&proxy.url(), &[&arguments[..], load].concat());
    assert_eq!(code, 0, "{report:#}");
    assert!(proxy.has_struck());
    report
}

#[test]
fn a_stall_is_felt_by_every_message_that_the_plan_wanted_sent_meanwhile() {
    let report = with_a_stall(&["--rate", "100"]);
    // Of the 150 messages of that time, those of its first 800 ms waited for more than 700 ms; four members each.
    let delayed = slower_than(&report, 700.0);
    assert!((280..=600).contains(&delayed), "{delayed}: {report:#}");
    assert!(report["latency"]["max_us"].as_f64() > Some(1_400_000.0), "{report:#}");
    // Three fifths of it, if the stall had kept messages from being sent.
    let (planned, achieved) = (report["planned_rate"].as_f64(), report["achieved_rate"].as_f64());
    assert!(planned > Some(90.0) && achieved > Some(75.0), "{report:#}");
}

#[test]
fn a_closed_loop_hides_a_stall_and_says_so_by_having_no_plan() {
    let report = with_a_stall(&["--window", "1"]);
    let delayed = slower_than(&report, 700.0);
    assert!(delayed <= 40, "one message, four members, and some for a busy machine: {delayed}: {report:#}");
    assert!(report["planned_rate"].is_null(), "{report:#}");
}

#[test]
fn a_known_delay_is_what_is_measured() {
    let baseline = Baseline::start(Mode::Batched);
    let proxy = FaultyProxy::before(baseline.address(), Fault::Delay(Duration::from_millis(300)));
    let arguments = ["fanout", "--clients", "3", "--rate", "2", "--warmup", "0s", "--duration", "4s"];
    let (code, report) = loadtest(&proxy.url(), &arguments);
    assert_eq!(code, 0, "{report:#}");
    // The others may have been held up by something else, too.
    let fastest = report["histogram"][0]["value_us"].as_f64().expect("has latencies");
    assert!((300_000.0..600_000.0).contains(&fastest), "fastest {fastest}: {report:#}");
}

#[test]
fn a_plan_goes_through_its_phases() {
    let baseline = Baseline::start(Mode::Batched);
    let file = std::env::temp_dir().join(format!("fanfare-loadtest-plan-{}.toml", std::process::id()));
    let plan = format!(
        "scenario = 'fanout'\n[options]\nurl = '{}'\nclients = 10\n\
         [[phases]]\nname = 'ramp'\nduration = '1s'\nrate = [0, 200]\nmeasured = false\n\
         [[phases]]\nname = 'steady'\nduration = '1500ms'\nrate = 200\n\
         [[phases]]\nname = 'cool-down'\nduration = '500ms'\nrate = [200, 0]\nmeasured = false\n",
        baseline.url()
    );
    std::fs::write(&file, plan).expect("writes");
    let (code, report) = loadtest_of(&["run", file.to_str().expect("text")]);
    std::fs::remove_file(&file).expect("was written");
    assert_eq!(code, 0, "{report:#}");
    // 100 in the ramp, 300, and 50, each to ten members.
    assert_eq!(report["accounts"]["received"], 4500);
    // A late machine sends some of them when the phase is over, and some of the ramp's in it. All phases have 450.
    assert!((200..=400).contains(&(report["units"].as_u64().expect("a number") / 10)), "{report:#}");
    let series = report["series"].as_array().expect("has a series");
    for phase in ["connect", "ramp", "steady", "cool-down", "drain"] {
        assert!(series.iter().any(|sample| sample["phase"] == phase), "{phase}: {report:#}");
    }
    let units =
        series.iter().filter(|sample| sample["is_measured"] == true).filter_map(|s| s["units"].as_u64());
    assert_eq!(units.sum::<u64>(), report["units"].as_u64().expect("a number"), "{report:#}");
}

#[test]
fn a_cluster_run_tells_local_from_remote_members() {
    // Two servers that are not a cluster: members on the second one receive nothing, and that is noticed.
    let (one, other) = (Baseline::start(Mode::Batched), Baseline::start(Mode::Batched));
    let arguments = [
        "cluster",
        "--clients",
        "8",
        "--rooms",
        "2",
        "--rate",
        "50",
        "--warmup",
        "0s",
        "--duration",
        "500ms",
        "--drain",
        "200ms",
        "--url",
        other.url(),
    ];
    let url = one.url().to_owned();
    let (code, report) = loadtest_of(&[&["cluster", "--url", &url], &arguments[1..]].concat());
    assert_eq!(code, 1, "{report:#}");
    assert!(
        report["latency_local"]["p50_us"].is_number() && report["latency_remote"].is_null(),
        "{report:#}"
    );
    assert_eq!(report["accounts"]["lost"], report["accounts"]["received"], "{report:#}");
}

#[test]
fn rooms_may_share_members_and_have_several_publishers() {
    let baseline = Baseline::start(Mode::Batched);
    let arguments = [
        "fanout",
        "--clients",
        "12",
        "--rooms",
        "8",
        "--members",
        "6",
        "--publishers",
        "2",
        "--window",
        "2",
        "--warmup",
        "50ms",
        "--duration",
        "1s",
    ];
    let (code, report) = loadtest(baseline.url(), &arguments);
    assert_eq!(code, 0, "{report:#}");
    let broadcast =
        ["broadcast", "--clients", "12", "--publishers", "3", "--warmup", "50ms", "--duration", "1s"];
    let (code, report) = loadtest(baseline.url(), &broadcast);
    assert_eq!(code, 0, "{report:#}");
}

#[test]
fn clients_connect_from_the_addresses_given() {
    let baseline = Baseline::start(Mode::Batched);
    let idle = ["idle", "--clients", "4", "--hold", "50ms", "--source", "127.0.0.5", "--source", "127.0.0.6"];
    let (code, report) = loadtest(baseline.url(), &idle);
    assert_eq!(code, 0, "{report:#}");
    let (code, _) =
        loadtest(baseline.url(), &["idle", "--clients", "1", "--hold", "50ms", "--source", "192.0.2.1"]);
    assert_eq!(code, 3, "an address that is not ours");
}
