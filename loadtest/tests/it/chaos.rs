//! Members that come and go, are cut off or do not read: the books stay exact, whatever is done to the clients.

use serde_json::Value;

use crate::faulty_proxy::{Fault, FaultyProxy};
use crate::servers::{Baseline, Mode, loadtest};

const TRAFFIC: [&str; 12] = [
    "--clients",
    "40",
    "--rooms",
    "4",
    "--rate",
    "200",
    "--warmup",
    "100ms",
    "--duration",
    "2s",
    "--drain",
    "5s",
];

fn flawless(scenario: &[&str]) -> Value {
    let baseline = Baseline::start(Mode::Batched);
    let (code, report) = loadtest(baseline.url(), &[scenario, &TRAFFIC].concat());
    assert_eq!(code, 0, "{scenario:?}: {report:#}");
    assert!(report["accounts"]["received"].as_u64() > Some(0), "{report:#}");
    report
}

#[test]
fn members_that_leave_and_join_and_reconnect_are_owed_what_they_are_there_for() {
    let report = flawless(&["churn", "--moves", "60", "--reconnects", "40"]);
    assert!(report["details"]["moves"].as_f64() > Some(10.0), "{report:#}");
    assert!(report["details"]["reconnects"].as_f64() > Some(5.0), "{report:#}");
}

#[test]
fn connections_that_are_cut_come_back_and_lose_only_what_came_meanwhile() {
    let report = flawless(&["jitter", "--cuts", "40", "--away", "100ms"]);
    assert!(report["details"]["cuts"].as_f64() > Some(5.0), "{report:#}");
}

#[test]
fn recovery_that_the_server_does_not_offer_is_a_loss() {
    let baseline = Baseline::start(Mode::Batched);
    let scenario = ["jitter", "--cuts", "40", "--away", "100ms", "--recovery"];
    let (code, report) = loadtest(baseline.url(), &[&scenario[..], &TRAFFIC].concat());
    assert_eq!(code, 1, "{report:#}");
    assert!(report["accounts"]["lost"].as_u64() > Some(0), "{report:#}");
    assert_eq!(report["details"]["recovered"], 0.0);
}

#[test]
fn clients_that_do_not_read_hold_up_no_others_and_get_everything_in_the_end() {
    let report = flawless(&["slow", "--slow", "5"]);
    assert_eq!(report["details"]["slow_disconnected"], 0.0);
}

#[test]
fn members_that_cannot_leave_are_noticed() {
    let baseline = Baseline::start(Mode::Batched);
    let proxy = FaultyProxy::before(baseline.address(), Fault::KeepLeavers);
    let churn = ["churn", "--moves", "20", "--reconnects", "0"];
    let (code, report) = loadtest(&proxy.url(), &[&churn[..], &TRAFFIC].concat());
    assert!(proxy.has_struck());
    assert_eq!(code, 1, "{report:#}");
    // At 200 messages a second in four rooms, each leaver hears some in its 100 ms outside.
    assert!(report["accounts"]["stray"].as_u64() > Some(5), "{report:#}");
    assert_eq!(report["accounts"]["lost"], 0, "{report:#}");
}

#[test]
fn all_clients_are_back_after_an_avalanche() {
    let baseline = Baseline::start(Mode::Batched);
    let avalanche = ["avalanche", "--clients", "300", "--hold", "100ms", "--spread", "100ms"];
    let (code, report) = loadtest(baseline.url(), &avalanche);
    assert_eq!(code, 0, "{report:#}");
    let back = |share: &str| report[format!("back_{share}_seconds")].as_f64().expect("all came back");
    assert!(back("50") <= back("99") && back("99") <= back("100"), "{report:#}");
    assert_eq!(report["units"], 300);
}
