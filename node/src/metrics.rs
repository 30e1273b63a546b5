//! What a node counts. Counting is one relaxed addition; [`Metrics::publish`] hands the sums to the `metrics` crate.
//!
//! Never on the path of a delivery: a broadcast adds its recipients once.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// A sum that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// The sum so far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number of things that exist now.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// One more.
    pub fn increment(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// One less.
    pub fn decrement(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// So many.
    pub fn set(&self, n: i64) {
        self.0.store(n, Relaxed);
    }

    /// How many there are.
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

macro_rules! metrics {
    (counters { $($(#[doc = $cdoc:literal])+ $counter:ident = $cname:literal,)* }
     gauges { $($(#[doc = $gdoc:literal])+ $gauge:ident = $gname:literal,)* }) => {
        /// The counters of one node.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[doc = $cdoc])+ pub $counter: Counter,)*
            $($(#[doc = $gdoc])+ pub $gauge: Gauge,)*
        }

        impl Metrics {
            /// Hands every sum to the recorder of the `metrics` crate, under its Prometheus name.
            pub fn publish(&self) {
                $(metrics::counter!($cname).absolute(self.$counter.get());)*
                $(metrics::gauge!($gname).set(self.$gauge.get() as f64);)*
            }

            /// Tells the recorder what each name means.
            pub fn describe() {
                $(metrics::describe_counter!($cname, concat!($($cdoc),+).trim());)*
                $(metrics::describe_gauge!($gname, concat!($($gdoc),+).trim());)*
            }
        }
    };
}

metrics! {
    counters {
        /// Connections opened, over any transport.
        connects = "fanfare_connections_opened_total",
        /// Connections refused by an Engine.IO error.
        refusals = "fanfare_connections_refused_total",
        /// Polling sessions upgraded to WebSocket.
        upgrades = "fanfare_upgrades_total",
        /// Upgrades that were begun and not finished.
        upgrades_failed = "fanfare_upgrades_failed_total",
        /// Clients admitted to a namespace.
        admissions = "fanfare_sockets_admitted_total",
        /// Clients refused by a namespace.
        rejections = "fanfare_sockets_rejected_total",
        /// Events received from clients.
        events = "fanfare_events_received_total",
        /// Events that no handler was declared for.
        events_unhandled = "fanfare_events_unhandled_total",
        /// Events whose arguments did not fit their handler.
        events_misfit = "fanfare_events_misfit_total",
        /// Handlers that returned an error.
        handler_errors = "fanfare_handler_errors_total",
        /// Handlers that panicked.
        handler_panics = "fanfare_handler_panics_total",
        /// Packets of clients that broke the protocol and were closed for it.
        protocol_errors = "fanfare_protocol_errors_total",
        /// Packets ignored because the client had just left their namespace.
        late_packets = "fanfare_late_packets_total",
        /// Acknowledgements that nobody waited for.
        acks_unknown = "fanfare_acks_unknown_total",
        /// Broadcasts delivered on this node, counted once for each shard visited.
        broadcasts = "fanfare_broadcasts_total",
        /// Packets handed to clients by broadcasts.
        deliveries = "fanfare_deliveries_total",
        /// Volatile packets dropped because a client was not ready.
        volatile_drops = "fanfare_volatile_dropped_total",
        /// Clients disconnected because they did not read what waited for them.
        slow_consumers = "fanfare_slow_consumers_total",
        /// Packets that waited for a client when it was disconnected.
        undelivered = "fanfare_packets_undelivered_total",
        /// Emits refused because a room shard had too much to do.
        overloads = "fanfare_emits_overloaded_total",
        /// Messages lost in the queue of a room shard that died.
        shard_losses = "fanfare_shard_messages_lost_total",
        /// Room shards restarted.
        shard_restarts = "fanfare_room_shard_restarts_total",
        /// Supervisors of a namespace restarted.
        supervisor_restarts = "fanfare_namespace_restarts_total",
        /// Sockets that died without being closed, and were cleaned up.
        socket_deaths = "fanfare_socket_deaths_total",
        /// Connections that died without being closed, and were cleaned up.
        connection_deaths = "fanfare_connection_deaths_total",
        /// Times that something from another node had to wait for a room shard.
        bus_waits = "fanfare_bus_waits_total",
        /// Broadcasts and changes from other nodes that no shard took in time.
        bus_undelivered = "fanfare_bus_undelivered_total",
        /// Envelopes from other nodes that said what cannot be.
        bus_nonsense = "fanfare_bus_nonsense_total",
        /// Requests to other nodes that some of them did not answer in time.
        requests_incomplete = "fanfare_requests_incomplete_total",
        /// Events that other servers sent to this one.
        server_events = "fanfare_server_events_total",
        /// Heartbeats of two nodes with one name.
        nodes_doubled = "fanfare_nodes_doubled_total",
        /// TCP connections that could not be accepted or served.
        accept_errors = "fanfare_accept_errors_total",
    }
    gauges {
        /// Engine.IO sessions open now.
        sessions = "fanfare_sessions",
        /// Sockets admitted to a namespace now.
        sockets = "fanfare_sockets",
        /// Handlers that have begun and not finished.
        handlers = "fanfare_handlers_running",
        /// Events of other servers whose handlers have not finished.
        server_events_running = "fanfare_server_events_running",
        /// Other nodes of the cluster that are alive.
        nodes = "fanfare_nodes",
        /// TCP connections in the hands of the HTTP server now.
        http_connections = "fanfare_http_connections",
    }
}
