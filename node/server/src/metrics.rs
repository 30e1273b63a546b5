//! What a node counts. Counting is one addition to a number of the thread's reactor; [`Metrics::publish`] hands the sums of
//! all reactors to the `metrics` crate.
//!
//! Never on the path of a delivery: a broadcast adds its recipients once.

mod cells;
mod family;
mod histogram;
mod labels;
mod reference;
mod sums;

pub use cells::settle_here;
pub use family::{Family, Label};
pub use histogram::Histogram;
pub use labels::{Actor, Limit, Mailbox, PacketType, Refused, Transport};
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
            /// Metrics of a node with so many reactors.
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

            /// Tells the recorder what each name means.
            pub fn describe() {
                $(metrics::describe_counter!($cname, concat!($($cdoc),+).trim());)*
                $(metrics::describe_counter!($fname, concat!($($fdoc),+).trim());)*
                $(metrics::describe_gauge!($gname, concat!($($gdoc),+).trim());)*
                $(metrics::describe_gauge!($sname, concat!($($sdoc),+).trim());)*
            }

            /// What there is.
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
        events_invalid = "fanfare_events_invalid_total",
        /// Handlers that returned an error.
        handler_errors = "fanfare_handler_errors_total",
        /// Handlers, middlewares and hooks for their errors that panicked.
        handler_panics = "fanfare_handler_panics_total",
        /// Packets of clients that broke the protocol and were closed for it.
        protocol_errors = "fanfare_protocol_errors_total",
        /// Packets ignored because the client had just left their namespace, or was being disconnected from it.
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
        /// Messages of other nodes that found more waiting for a room shard than this node may queue itself, or the shard
        /// being rebuilt.
        bus_waits = "fanfare_bus_waits_total",
        /// Messages of other nodes that were dropped for a reactor on which too much waits already.
        bus_undelivered = "fanfare_bus_undelivered_total",
        /// Envelopes from other nodes that said what cannot be.
        bus_invalid_messages = "fanfare_bus_invalid_messages_total",
        /// Requests to other nodes that some of them did not answer in time.
        requests_incomplete = "fanfare_requests_incomplete_total",
        /// Events that other servers sent to this one.
        server_events = "fanfare_server_events_total",
        /// Heartbeats of two nodes with one name.
        node_name_conflicts = "fanfare_node_name_conflicts_total",
        /// TCP connections that could not be accepted or served.
        accept_errors = "fanfare_accept_errors_total",
        /// Connections closed because the node drains, each after what it had under way.
        drained = "fanfare_connections_drained_total",
        /// Bytes of messages received from clients.
        received_bytes = "fanfare_received_bytes_total",
        /// Bytes of messages handed to clients, before framing and compression.
        sent_bytes = "fanfare_sent_bytes_total",
        /// Acknowledgements that did not come in the time that the server gave them.
        acks_timed_out = "fanfare_acks_timed_out_total",
    }
    counter_families {
        /// Connections opened.
        connects = "fanfare_connections_opened_total" by Transport,
        /// Connections closed.
        closes = "fanfare_connections_closed_total" by DisconnectReason,
        /// Requests refused, most of them with an error of Engine.IO.
        refusals = "fanfare_connections_refused_total" by Refused,
        /// Sockets that left their namespace.
        disconnects = "fanfare_sockets_disconnected_total" by DisconnectReason,
        /// Packets received from clients.
        packets_received = "fanfare_packets_received_total" by PacketType,
        /// Packets handed to clients.
        packets_sent = "fanfare_packets_sent_total" by PacketType,
        /// Actors restarted by their supervisor.
        restarts = "fanfare_actor_restarts_total" by Actor,
        /// Actors that died without being closed, and were cleaned up.
        deaths = "fanfare_actor_deaths_total" by Actor,
        /// Times something was refused, or a client read more slowly, because of `[server.limits]`.
        limits = "fanfare_limits_reached_total" by Limit,
    }
    gauges {
        /// Sockets admitted to a namespace now.
        sockets = "fanfare_sockets",
        /// Handlers that have begun and not finished.
        handlers = "fanfare_handlers_running",
        /// Events of other servers whose handlers have not finished.
        server_events_running = "fanfare_server_events_running",
        /// Other nodes of the cluster that are alive.
        nodes = "fanfare_nodes",
        /// Those of them that have another `room_buckets` than this node, so that emits to rooms are lost between them.
        nodes_disagreeing = "fanfare_nodes_disagreeing",
        /// TCP connections in the hands of the HTTP server now.
        http_connections = "fanfare_http_connections",
        /// Whether the node wants new clients.
        ready = "fanfare_ready",
        /// Rooms with members on this node, beside the sockets' own ones.
        rooms = "fanfare_rooms",
        /// Rooms with members on this node that are named like sockets of other nodes.
        borrowed_rooms = "fanfare_borrowed_rooms",
        /// Memberships of sockets in these rooms.
        memberships = "fanfare_room_memberships",
        /// Bytes that wait for clients to read.
        outbox_bytes = "fanfare_outbox_bytes",
        /// Acknowledgements that the server waits for.
        acks_pending = "fanfare_acks_pending",
        /// Whether the node drains: 1 from the moment it wants no new clients.
        draining = "fanfare_draining",
    }
    gauge_families {
        /// Engine.IO connections open now.
        connections = "fanfare_connections" by Transport,
        /// What actors have before them: events that wait for sockets or are being handled, deliveries of other threads for
        /// room shards.
        mailboxes = "fanfare_mailbox_messages" by Mailbox,
    }
    histograms {
        /// From the opening of a connection to its first namespace.
        handshakes = "fanfare_handshake_duration_seconds" over NETWORK_US,
        /// From a ping to its pong.
        pings = "fanfare_ping_round_trip_seconds" over NETWORK_US,
        /// What handlers of events, connects and disconnects take, waiting included.
        handlings = "fanfare_event_duration_seconds" over WORK_US,
        /// What one room shard takes to hand a broadcast to its members.
        fanouts = "fanfare_fanout_duration_seconds" over WORK_US,
    }
}
