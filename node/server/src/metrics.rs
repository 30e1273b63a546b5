//! Counters, gauges and histograms of a node. Counting is one addition to a number of the thread's reactor;
//! [`Metrics::publish`] hands the sums of all reactors to the `metrics` crate.
//!
//! Counting is never on the path of a delivery: a broadcast adds its recipients once.

mod cells;
mod family;
mod histogram;
mod labels;
mod reference;
mod sums;

pub use cells::bind_thread;
pub use family::{Family, Label};
pub use histogram::Histogram;
pub use labels::{Actor, Limit, Mailbox, PacketType, ProxyHeader, Refused, Transport};
pub use reference::{Description, table};
pub use sums::{Counter, Gauge};

use cells::Columns;
use histogram::{NETWORK_US, WORK_US};
use sums::Counts;

use crate::reason::DisconnectReason;

macro_rules! metrics {
    (counters { $($(#[doc = $cdoc:literal])+ $counter:ident = $cname:literal,)* }
     counter_families { $($(#[doc = $fdoc:literal])+ $family:ident = $fname:literal by $flabel:ty,)* }
     gauges { $($(#[doc = $gdoc:literal])+ $gauge:ident = $gname:literal,)* }
     gauge_families { $($(#[doc = $sdoc:literal])+ $set:ident = $sname:literal by $slabel:ty,)* }
     histograms { $($(#[doc = $hdoc:literal])+ $histogram:ident = $hname:literal over $bounds:ident,)* }) => {
        /// The metrics of one node.
        #[derive(Debug)]
        pub struct Metrics {
            $($(#[doc = $cdoc])+ pub $counter: Counter,)*
            $($(#[doc = $fdoc])+ pub $family: Family<$flabel>,)*
            $($(#[doc = $gdoc])+ pub $gauge: Gauge,)*
            $($(#[doc = $sdoc])+ pub $set: Family<$slabel, Gauge>,)*
            $($(#[doc = $hdoc])+ pub $histogram: Histogram,)*
        }

        impl Default for Metrics {
            fn default() -> Self {
                Self::new(0)
            }
        }

        impl Metrics {
            /// Creates the metrics of a node with this number of reactors.
            pub(crate) fn new(reactors: usize) -> Self {
                let counts = [
                    $(stringify!($counter).len().min(1),)*
                    $(<$flabel>::VALUES.len(),)*
                    $(stringify!($gauge).len().min(1),)*
                    $(<$slabel>::VALUES.len(),)*
                    $($bounds.len() + 2,)*
                ];
                let mut columns = Columns::new(counts.iter().sum(), reactors);
                Self {
                    $($counter: Counts::new(&mut columns),)*
                    $($family: Counts::new(&mut columns),)*
                    $($gauge: Counts::new(&mut columns),)*
                    $($set: Counts::new(&mut columns),)*
                    $($histogram: Histogram::new($bounds, &mut columns),)*
                }
            }

            /// Hands every sum to the recorder of the `metrics` crate, under its Prometheus name. Histograms are not
            /// among them: see [`Metrics::render_histograms`].
            pub fn publish(&self) {
                $(metrics::counter!($cname).absolute(self.$counter.get());)*
                $(for (value, sum) in self.$family.iter() {
                    metrics::counter!($fname, <$flabel>::NAME => value).absolute(sum.get());
                })*
                $(metrics::gauge!($gname).set(self.$gauge.get() as f64);)*
                $(for (value, sum) in self.$set.iter() {
                    metrics::gauge!($sname, <$slabel>::NAME => value).set(sum.get() as f64);
                })*
            }

            /// The histograms in the text format of Prometheus.
            pub fn render_histograms(&self) -> String {
                let mut text = String::new();
                $(self.$histogram.render($hname, concat!($($hdoc),+).trim(), &mut text);)*
                text
            }

            /// Tells the recorder the meaning of each name.
            pub fn describe() {
                $(metrics::describe_counter!($cname, concat!($($cdoc),+).trim());)*
                $(metrics::describe_counter!($fname, concat!($($fdoc),+).trim());)*
                $(metrics::describe_gauge!($gname, concat!($($gdoc),+).trim());)*
                $(metrics::describe_gauge!($sname, concat!($($sdoc),+).trim());)*
            }

            /// Descriptions of all these metrics.
            pub fn descriptions() -> Vec<Description> {
                vec![
                    $(Description { name: $cname, kind: "counter", label: None, help: concat!($($cdoc),+).trim() },)*
                    $(Description {
                        name: $fname,
                        kind: "counter",
                        label: Some((<$flabel>::NAME, <$flabel>::VALUES)),
                        help: concat!($($fdoc),+).trim(),
                    },)*
                    $(Description { name: $gname, kind: "gauge", label: None, help: concat!($($gdoc),+).trim() },)*
                    $(Description {
                        name: $sname,
                        kind: "gauge",
                        label: Some((<$slabel>::NAME, <$slabel>::VALUES)),
                        help: concat!($($sdoc),+).trim(),
                    },)*
                    $(Description { name: $hname, kind: "histogram", label: None, help: concat!($($hdoc),+).trim() },)*
                ]
            }
        }
    };
}

metrics! {
    counters {
        /// Polling sessions upgraded to WebSocket.
        upgrades = "fanfare_upgrades_total",
        /// Upgrades to WebSocket that were begun and not finished.
        upgrades_failed = "fanfare_upgrades_failed_total",
        /// Clients admitted to a namespace.
        admissions = "fanfare_sockets_admitted_total",
        /// Clients refused by a namespace.
        rejections = "fanfare_sockets_rejected_total",
        /// Events received from clients.
        events = "fanfare_events_received_total",
        /// Events received from clients for which no handler was declared.
        events_unhandled = "fanfare_events_unhandled_total",
        /// Events received from clients whose arguments did not fit the handler.
        events_invalid = "fanfare_events_invalid_total",
        /// Events received from clients that a middleware of events refused.
        events_refused = "fanfare_events_refused_total",
        /// Room events that readers of the program missed, since more than `room_events_max` waited for them.
        room_events_missed = "fanfare_room_events_missed_total",
        /// Events sent to clients of which their handlers were not told, because too many of these had not finished
        /// (`events_in_flight_max`).
        outgoing_untold = "fanfare_outgoing_untold_total",
        /// Packets that reached nobody because the server's parser could not write them.
        packets_unwritable = "fanfare_packets_unwritable_total",
        /// Errors returned by handlers, and calls of handlers that take a state or an extension which the program has not
        /// provided.
        handler_errors = "fanfare_handler_errors_total",
        /// Panics in handlers, middlewares and error hooks.
        handler_panics = "fanfare_handler_panics_total",
        /// Violations of the protocol by clients, each of which closed a connection.
        protocol_errors = "fanfare_protocol_errors_total",
        /// Packets of clients ignored because the client had just left the namespace, or was being disconnected from it.
        late_packets = "fanfare_late_packets_total",
        /// Acknowledgements of clients that nothing waited for.
        acks_unknown = "fanfare_acks_unknown_total",
        /// Broadcasts delivered on this node, counted once for each shard visited.
        broadcasts = "fanfare_broadcasts_total",
        /// Packets handed to clients by broadcasts.
        deliveries = "fanfare_deliveries_total",
        /// Volatile packets dropped because a client was not ready for them.
        volatile_drops = "fanfare_volatile_dropped_total",
        /// Clients disconnected because they read too slowly what the server sent them.
        slow_consumers = "fanfare_slow_consumers_total",
        /// Packets that still waited for a client when its connection was closed.
        undelivered = "fanfare_packets_undelivered_total",
        /// Emits refused because the queue of a room shard was full, or the shard was being rebuilt.
        overloads = "fanfare_emits_overloaded_total",
        /// Messages lost in the queue of a room shard that died.
        shard_losses = "fanfare_shard_messages_lost_total",
        /// Messages of other nodes that had to wait because the queue of a room shard was full, or the shard was being
        /// rebuilt.
        bus_waits = "fanfare_bus_waits_total",
        /// Messages of other nodes dropped for a reactor whose backlog was full.
        bus_undelivered = "fanfare_bus_undelivered_total",
        /// Messages of other nodes that were refused as invalid.
        bus_invalid_messages = "fanfare_bus_invalid_messages_total",
        /// Requests to other nodes that some of them did not answer in time.
        requests_incomplete = "fanfare_requests_incomplete_total",
        /// Events received from other servers (`serverSideEmit`).
        server_events = "fanfare_server_events_total",
        /// Heartbeats received from two nodes under the same name.
        node_name_conflicts = "fanfare_node_name_conflicts_total",
        /// Answers sent without compression because too many bytes waited for it.
        compressions_skipped = "fanfare_compressions_skipped_total",
        /// TCP connections that could not be accepted or served.
        accept_errors = "fanfare_accept_errors_total",
        /// TCP connections closed because the head of a request did not arrive in time.
        head_timeouts = "fanfare_head_timeouts_total",
        /// TLS handshakes that failed. One that takes too long counts in `fanfare_head_timeouts_total`.
        tls_handshake_failures = "fanfare_tls_handshake_failures_total",
        /// Reloads of the TLS certificate.
        tls_reloads = "fanfare_tls_reloads_total",
        /// Reloads of the TLS certificate that failed, so that the old one stays in force.
        tls_reload_failures = "fanfare_tls_reload_failures_total",
        /// Connections closed by draining, each after its work under way had finished.
        drained = "fanfare_connections_drained_total",
        /// Bytes of messages received from clients.
        received_bytes = "fanfare_received_bytes_total",
        /// Bytes of messages handed to clients, before framing and compression.
        sent_bytes = "fanfare_sent_bytes_total",
        /// Acknowledgements of clients that did not arrive before their timeout.
        acks_timed_out = "fanfare_acks_timed_out_total",
    }
    counter_families {
        /// Engine.IO connections opened.
        connects = "fanfare_connections_opened_total" by Transport,
        /// Engine.IO connections closed.
        closes = "fanfare_connections_closed_total" by DisconnectReason,
        /// HTTP requests of clients refused, most of them with an Engine.IO error.
        refusals = "fanfare_connections_refused_total" by Refused,
        /// Connections closed because their peer is not a trusted proxy, or sent no valid header of the PROXY protocol
        /// (`server.proxy_protocol`).
        proxy_headers_refused = "fanfare_proxy_headers_refused_total" by ProxyHeader,
        /// Sockets that left their namespace.
        disconnects = "fanfare_sockets_disconnected_total" by DisconnectReason,
        /// Packets received from clients.
        packets_received = "fanfare_packets_received_total" by PacketType,
        /// Packets handed to clients.
        packets_sent = "fanfare_packets_sent_total" by PacketType,
        /// Actors restarted by their supervisor.
        restarts = "fanfare_actor_restarts_total" by Actor,
        /// Actors that died unexpectedly and were cleaned up.
        deaths = "fanfare_actor_deaths_total" by Actor,
        /// Refusals and slowdowns of clients because of a limit of `[server.limits]`, or for lack of file descriptors.
        limits = "fanfare_limits_reached_total" by Limit,
    }
    gauges {
        /// Sockets that are in a namespace now.
        sockets = "fanfare_sockets",
        /// Handlers that are running now.
        handlers = "fanfare_handlers_running",
        /// Events of other servers (`serverSideEmit`) whose handlers are running now.
        server_events_running = "fanfare_server_events_running",
        /// Other nodes of the cluster that are alive.
        nodes = "fanfare_nodes",
        /// Other nodes with another `room_buckets` than this node: emits to rooms are lost between them and this node.
        nodes_disagreeing = "fanfare_nodes_disagreeing",
        /// TCP connections that the HTTP server serves now.
        http_connections = "fanfare_http_connections",
        /// TCP connections on which the HTTP server waits for a first or a further request.
        http_connections_idle = "fanfare_http_connections_idle",
        /// Whether the node accepts new clients: 1 if it does, else 0.
        ready = "fanfare_ready",
        /// Namespaces that clients have made by the rules of parents.
        child_namespaces = "fanfare_child_namespaces",
        /// Rooms with members on this node, without the sockets' own rooms.
        rooms = "fanfare_rooms",
        /// Rooms with members on this node that are named like sockets of other nodes.
        borrowed_rooms = "fanfare_borrowed_rooms",
        /// Memberships of sockets in rooms on this node, without the sockets' own rooms.
        memberships = "fanfare_room_memberships",
        /// Bytes queued for clients that have not read them yet.
        outbox_bytes = "fanfare_outbox_bytes",
        /// Acknowledgements of clients that the server waits for now.
        acks_pending = "fanfare_acks_pending",
        /// Whether the node drains: 1 from the moment it does not want new clients, else 0.
        draining = "fanfare_draining",
    }
    gauge_families {
        /// Engine.IO connections open now.
        connections = "fanfare_connections" by Transport,
        /// Messages queued for actors: events that wait for sockets or are being handled, and deliveries of other threads
        /// for room shards.
        mailboxes = "fanfare_mailbox_messages" by Mailbox,
    }
    histograms {
        /// Time from the opening of a connection to its first namespace.
        handshakes = "fanfare_handshake_duration_seconds" over NETWORK_US,
        /// Time from a ping of the server to the client's pong.
        pings = "fanfare_ping_round_trip_seconds" over NETWORK_US,
        /// Duration of handlers of events, connects and disconnects, waiting included.
        handlings = "fanfare_event_duration_seconds" over WORK_US,
        /// Time that one room shard takes to hand a broadcast to its members.
        fanouts = "fanfare_fanout_duration_seconds" over WORK_US,
    }
}
