//! The loads: one row of the table each.

use fanfare_loadtest::Report;

/// One load, and the figure that is taken from its report.
#[derive(Debug)]
pub(crate) struct Row {
    /// Name in command lines and file names.
    pub(crate) name: &'static str,
    /// Title in the table, with the unit of the figure.
    pub(crate) title: &'static str,
    /// Arguments of `loadtest`, without what [`Row::arguments`] adds.
    load: &'static [&'static str],
    pub(crate) nodes: Nodes,
    pub(crate) figure: Figure,
    /// Target: a multiple of the baseline, or a figure if the baseline has none.
    pub(crate) target: Target,
}

/// Number of nodes that the load is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nodes {
    One,
    /// Two nodes and their broker. The baseline cannot form a cluster: it is that of this row, on one node.
    Two {
        baseline: &'static str,
    },
}

/// Figure that is taken from a report; less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Processor time of all servers and their broker per unit of work, in microseconds.
    ServerCpu,
    /// Resident memory per connection, in KiB.
    Memory,
    /// The latency that 99 % of the deliveries kept below, in milliseconds.
    Latency,
    /// Seconds until 99 % of the clients were back.
    Back,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    OfBaseline(f64),
    Absolute(f64),
    None,
}

pub(crate) static ROWS: [Row; 13] = [
    Row {
        name: "fanout-w1",
        title: "delivery, W=1, µs",
        load: &["fanout", "--clients=1000", "--window=1"],
        nodes: Nodes::One,
        figure: Figure::ServerCpu,
        target: Target::OfBaseline(1.26),
    },
    Row {
        name: "fanout-w8",
        title: "delivery, W=8, µs",
        load: &["fanout", "--clients=1000", "--window=8"],
        nodes: Nodes::One,
        figure: Figure::ServerCpu,
        target: Target::OfBaseline(1.5),
    },
    Row {
        name: "fanout-4k",
        title: "delivery, 4 KiB, W=1, µs",
        load: &["fanout", "--clients=1000", "--window=1", "--payload=4096"],
        nodes: Nodes::One,
        figure: Figure::ServerCpu,
        target: Target::OfBaseline(1.21),
    },
    Row {
        name: "fanout-rooms",
        title: "delivery, 100 rooms of 10, µs",
        load: &["fanout", "--clients=1000", "--rooms=100", "--window=1"],
        nodes: Nodes::One,
        figure: Figure::ServerCpu,
        target: Target::OfBaseline(1.27),
    },
    Row {
        name: "echo",
        title: "ack round trip, 100 clients, µs",
        load: &["echo", "--clients=100"],
        nodes: Nodes::One,
        figure: Figure::ServerCpu,
        target: Target::OfBaseline(1.19),
    },
    Row {
        name: "connect",
        title: "WebSocket connect and close, µs",
        load: &["connect", "--count=4000", "--concurrency=50"],
        nodes: Nodes::One,
        figure: Figure::ServerCpu,
        target: Target::OfBaseline(2.4),
    },
    Row {
        name: "idle",
        title: "idle connection, 8,000 of them, KiB",
        load: &["idle", "--clients=8000"],
        nodes: Nodes::One,
        figure: Figure::Memory,
        target: Target::Absolute(6.0),
    },
    Row {
        name: "latency",
        title: "p99 latency, open loop, 20,000 deliveries/s, ms",
        load: &["fanout", "--clients=1000", "--rooms=10", "--rate=200"],
        nodes: Nodes::One,
        figure: Figure::Latency,
        target: Target::None,
    },
    Row {
        name: "avalanche",
        title: "5,000 clients cut at once: 99 % back, s",
        load: &["avalanche", "--clients=5000"],
        nodes: Nodes::One,
        figure: Figure::Back,
        target: Target::None,
    },
    Row {
        name: "cluster-w1",
        title: "delivery, W=1, µs",
        load: &["fanout", "--clients=1000", "--window=1", "--settle=1s"],
        nodes: Nodes::Two { baseline: "fanout-w1" },
        figure: Figure::ServerCpu,
        target: Target::OfBaseline(1.3),
    },
    Row {
        name: "cluster-w8",
        title: "delivery, W=8, µs",
        load: &["fanout", "--clients=1000", "--window=8", "--settle=1s"],
        nodes: Nodes::Two { baseline: "fanout-w8" },
        figure: Figure::ServerCpu,
        target: Target::OfBaseline(1.8),
    },
    Row {
        name: "cluster-rooms",
        title: "delivery, 100 rooms of 10, µs",
        load: &["fanout", "--clients=1000", "--rooms=100", "--window=1", "--settle=1s"],
        nodes: Nodes::Two { baseline: "fanout-rooms" },
        figure: Figure::ServerCpu,
        target: Target::OfBaseline(1.8),
    },
    Row {
        name: "cluster-latency",
        title: "p99 latency, open loop, 20,000 deliveries/s, ms",
        load: &["fanout", "--clients=1000", "--rooms=10", "--rate=200", "--settle=1s"],
        nodes: Nodes::Two { baseline: "latency" },
        figure: Figure::Latency,
        target: Target::None,
    },
];

impl Row {
    /// The arguments of `loadtest` for a measurement of this many seconds.
    pub(crate) fn arguments(&self, seconds: u32) -> Vec<String> {
        let time = match self.load[0] {
            "connect" | "avalanche" => vec![],
            "idle" => vec![format!("--hold={seconds}s")],
            _ => vec!["--warmup=1s".to_owned(), format!("--duration={seconds}s")],
        };
        self.load.iter().map(|argument| (*argument).to_owned()).chain(time).collect()
    }

    /// The row whose baseline is the limit for this one.
    pub(crate) fn baseline(&self) -> &'static str {
        match self.nodes {
            Nodes::One => self.name,
            Nodes::Two { baseline } => baseline,
        }
    }
}

impl Figure {
    pub(crate) fn of(self, report: &Report) -> Option<f64> {
        match self {
            Self::ServerCpu => report.server_cpu_us_per_unit,
            Self::Memory => report.resident_kib_per_connection,
            Self::Latency => report.latency.as_ref().map(|latency| latency.p99_us / 1e3),
            Self::Back => report.back_99_seconds,
        }
    }
}

/// The row of this name.
pub(crate) fn parse(name: &str) -> Result<&'static Row, String> {
    ROWS.iter().find(|row| row.name == name).ok_or_else(|| "no such row: see --list".to_owned())
}
