//! Metrics of the bus, under their Prometheus names.

use fanfare_proto::BusMeters;

use crate::metrics::Description;

macro_rules! meters {
    ($($kind:ident $describe:ident $set:ident $name:literal $help:literal = |$meters:pat_param, $connected:pat_param| $value:expr;)*) => {
        /// Hands every sum to the recorder of the `metrics` crate.
        pub fn publish_meters(meters: &BusMeters, is_connected: bool) {
            $(let value = |$meters: &BusMeters, $connected: bool| $value;
            metrics::$kind!($name).$set(value(meters, is_connected));)*
        }

        /// Tells the recorder the meaning of each name.
        pub fn describe_meters() {
            $(metrics::$describe!($name, $help);)*
        }

        /// Descriptions of all these metrics.
        pub fn meter_descriptions() -> Vec<Description> {
            vec![$(Description { name: $name, kind: stringify!($kind), label: None, help: $help },)*]
        }
    };
}

meters! {
    counter describe_counter absolute "fanfare_bus_frames_published_total" "Frames that this node handed to the bus."
        = |meters, _| meters.published.get();
    counter describe_counter absolute "fanfare_bus_published_bytes_total" "Bytes of the frames that this node handed to the bus."
        = |meters, _| meters.published_bytes.get();
    counter describe_counter absolute "fanfare_bus_dropped_total" "Messages of this node dropped before the bus could publish them: the queue was full, or they waited too long."
        = |meters, _| meters.dropped.get();
    counter describe_counter absolute "fanfare_bus_frames_received_total" "Frames received from other nodes over the bus."
        = |meters, _| meters.received.get();
    counter describe_counter absolute "fanfare_bus_received_bytes_total" "Bytes of the frames received from other nodes over the bus."
        = |meters, _| meters.received_bytes.get();
    counter describe_counter absolute "fanfare_bus_lost_total" "Messages of other nodes lost on the way to this node."
        = |meters, _| meters.lost.get();
    counter describe_counter absolute "fanfare_bus_signs_lost_total" "Heartbeats of other nodes lost on the way to this node; the next one replaces them, so they do not count in `fanfare_bus_lost_total`."
        = |meters, _| meters.signs_lost.get();
    counter describe_counter absolute "fanfare_bus_numbers_set_back_total" "Corrections of another node's sequence numbers by its heartbeat, after a message with false numbers in its name."
        = |meters, _| meters.set_back.get();
    counter describe_counter absolute "fanfare_bus_late_total" "Messages of other nodes ignored because they came twice, or too late to be in order."
        = |meters, _| meters.late.get();
    counter describe_counter absolute "fanfare_bus_refused_total" "Frames from the bus that were refused as unreadable or invalid."
        = |meters, _| meters.refused.get();
    counter describe_counter absolute "fanfare_bus_unknown_total" "Frames from the bus of an unknown, newer version of the protocol."
        = |meters, _| meters.unknown.get();
    counter describe_counter absolute "fanfare_bus_assembled_total" "Messages of other nodes assembled from several parts."
        = |meters, _| meters.assembled.get();
    counter describe_counter absolute "fanfare_bus_disconnects_total" "Losses of the connection to the bus."
        = |meters, _| meters.disconnects.get();
    counter describe_counter absolute "fanfare_bus_reconnects_total" "Reconnections to the bus."
        = |meters, _| meters.reconnects.get();
    counter describe_counter absolute "fanfare_bus_unsynced_total" "Waits for subscriptions to take effect on all nodes, as in awaited joins, that ended without confirmation."
        = |meters, _| meters.unsynced.get();
    counter describe_counter absolute "fanfare_bus_overruns_total" "Overruns: occasions on which this node read the bus too slowly and missed messages."
        = |meters, _| meters.overruns.get();
    gauge describe_gauge set "fanfare_bus_connected" "Whether the node is connected to the bus: 1 if it is, else 0."
        = |_, is_connected| f64::from(u8::from(is_connected));
    gauge describe_gauge set "fanfare_bus_last_outage_seconds" "Duration of the last interruption of the connection to the bus."
        = |meters, _| meters.last_outage_ms.get() as f64 / 1e3;
    gauge describe_gauge set "fanfare_bus_queued_bytes" "Bytes of messages that wait to be published on the bus."
        = |meters, _| meters.queued_bytes.get() as f64;
    gauge describe_gauge set "fanfare_bus_peers" "Other nodes and emitters on the bus that confirm this node's subscriptions."
        = |meters, _| meters.peers.get() as f64;
    gauge describe_gauge set "fanfare_bus_interests" "Subjects of the bus that this node subscribes to."
        = |meters, _| meters.interests.get() as f64;
    gauge describe_gauge set "fanfare_bus_senders" "Senders on the bus (runs of nodes and of emitters) whose sequence numbers this node remembers."
        = |meters, _| meters.senders.get() as f64;
    gauge describe_gauge set "fanfare_bus_sender_subjects" "Subjects of the bus for which sequence numbers are remembered, counted once for each sender."
        = |meters, _| meters.sender_subjects.get() as f64;
    gauge describe_gauge set "fanfare_bus_parts_bytes" "Bytes held of large messages whose remaining parts have not arrived."
        = |meters, _| meters.parts_bytes.get() as f64;
    gauge describe_gauge set "fanfare_bus_round_trip_seconds" "Round trip time of the last ping to the broker."
        = |meters, _| meters.round_trip_us.get() as f64 / 1e6;
}
