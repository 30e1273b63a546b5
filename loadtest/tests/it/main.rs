//! The tester against a server that keeps its promises (`baseline`) and against one that does not (`baseline` behind a
//! [`faulty_proxy`]): it must agree with the first and catch the second, whatever the fault.

mod bench;
mod chaos;
mod faulty_proxy;
mod layers;
mod load;
mod outputs;
mod readme;
mod servers;
mod transports;
mod watching;
mod workers;

use faulty_proxy::{Fault, FaultyProxy};
use serde_json::Value;
use servers::{Baseline, Mode, loadtest};

/// Short fan-out runs: few clients, several messages in flight, so that faults strike in the middle of traffic. Long
/// enough for a few hundred messages on a busy machine, too.
const FANOUT: [&str; 13] = [
    "fanout",
    "--clients",
    "12",
    "--rooms",
    "3",
    "--window",
    "4",
    "--warmup",
    "100ms",
    "--duration",
    "1500ms",
    "--drain",
    "3s",
];

#[test]
fn an_honest_server_is_found_flawless_in_every_scenario() {
    for mode in [Mode::Direct, Mode::Batched] {
        let baseline = Baseline::start(mode);
        let pid = baseline.pid();
        let echo = ["echo", "--clients", "10", "--warmup", "100ms", "--duration", "1s"];
        let connect = ["connect", "--count", "200", "--warmup", "10"];
        let idle = ["idle", "--clients", "50", "--hold", "100ms"];
        for scenario in [&FANOUT[..], &echo, &connect, &idle] {
            let arguments = [scenario, &["--server-pid", &pid]].concat();
            let (code, report) = loadtest(baseline.url(), &arguments);
            assert_eq!(code, 0, "{mode:?} {scenario:?}: {report:#}");
            assert!(report["units"].as_u64() > Some(0), "{report:#}");
            assert_eq!(report["accounts"]["expected"], report["accounts"]["received"], "{report:#}");
            assert!(report["usage"]["server_cores"].is_number(), "{report:#}");
        }
    }
}

#[test]
fn payloads_larger_than_the_read_buffer_arrive_whole() {
    let baseline = Baseline::start(Mode::Batched);
    let arguments = [&FANOUT[..], &["--payload", "200000", "--complete", "publisher"]].concat();
    let (code, report) = loadtest(baseline.url(), &arguments);
    assert_eq!(code, 0, "{report:#}");
}

/// Runs a fan-out through a faulty proxy with this fault and returns the accounts.
fn accounts_of(fault: Fault, expected_code: i32) -> Value {
    let baseline = Baseline::start(Mode::Batched);
    let proxy = FaultyProxy::before(baseline.address(), fault);
    let (code, report) = loadtest(&proxy.url(), &FANOUT);
    assert!(proxy.has_struck(), "the fault did not happen: {report:#}");
    assert_eq!(code, expected_code, "{fault:?}: {report:#}");
    report["accounts"].clone()
}

#[test]
fn one_lost_delivery_is_noticed() {
    let accounts = accounts_of(Fault::Lose, 1);
    assert_eq!(
        (&accounts["lost"], &accounts["doubled"], &accounts["out_of_order"]),
        (&1.into(), &0.into(), &0.into())
    );
}

#[test]
fn one_doubled_delivery_is_noticed() {
    let accounts = accounts_of(Fault::Double, 1);
    assert_eq!(
        (&accounts["lost"], &accounts["doubled"], &accounts["out_of_order"]),
        (&0.into(), &1.into(), &0.into())
    );
}

#[test]
fn two_swapped_deliveries_are_noticed() {
    let accounts = accounts_of(Fault::Swap, 1);
    assert_eq!(
        (&accounts["lost"], &accounts["doubled"], &accounts["out_of_order"]),
        (&0.into(), &0.into(), &1.into())
    );
}

#[test]
fn one_altered_byte_is_noticed() {
    let accounts = accounts_of(Fault::Alter, 1);
    assert_eq!((&accounts["corrupt"], &accounts["lost"]), (&1.into(), &1.into()));
}

#[test]
fn one_connection_cut_off_is_noticed() {
    let accounts = accounts_of(Fault::Cut, 1);
    assert_eq!(accounts["disconnected"], 1);
}

#[test]
fn fragments_pings_and_heartbeats_are_no_fault() {
    let accounts = accounts_of(Fault::FragmentAndPing, 0);
    assert_eq!((&accounts["corrupt"], &accounts["disconnected"]), (&0.into(), &0.into()));
}
