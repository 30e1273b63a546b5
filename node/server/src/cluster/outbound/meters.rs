//! What the bus counts, under its Prometheus names.

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

        /// What there is.
        pub fn meter_descriptions() -> Vec<Description> {
            vec![$(Description { name: $name, kind: stringify!($kind), label: None, help: $help },)*]
        }
    };
}

meters! {
    counter describe_counter absolute "fanfare_bus_frames_published_total" "Frames handed to the bus."
        = |meters, _| meters.published.get();
    counter describe_counter absolute "fanfare_bus_published_bytes_total" "Bytes of these frames."
        = |meters, _| meters.published_bytes.get();
    counter describe_counter absolute "fanfare_bus_dropped_total" "Envelopes dropped before they could be published: too many waited, or too long."
        = |meters, _| meters.dropped.get();
    counter describe_counter absolute "fanfare_bus_frames_received_total" "Frames of other nodes."
        = |meters, _| meters.received.get();
    counter describe_counter absolute "fanfare_bus_received_bytes_total" "Bytes of these frames."
        = |meters, _| meters.received_bytes.get();
    counter describe_counter absolute "fanfare_bus_lost_total" "Messages of other nodes that never came."
        = |meters, _| meters.lost.get();
    counter describe_counter absolute "fanfare_bus_signs_lost_total" "Heartbeats of other nodes that never came; the next one says the same, so they are not in `fanfare_bus_lost_total`."
        = |meters, _| meters.signs_lost.get();
    counter describe_counter absolute "fanfare_bus_numbers_set_back_total" "Times the numbers of another node were corrected by its heartbeat, since something with untrue numbers had come in its name."
        = |meters, _| meters.set_back.get();
    counter describe_counter absolute "fanfare_bus_late_total" "Envelopes that came twice, or too late to be in order."
        = |meters, _| meters.late.get();
    counter describe_counter absolute "fanfare_bus_refused_total" "Frames that could not be read, or said what cannot be."
        = |meters, _| meters.refused.get();
    counter describe_counter absolute "fanfare_bus_unknown_total" "Frames of a newer version of the protocol."
        = |meters, _| meters.unknown.get();
    counter describe_counter absolute "fanfare_bus_assembled_total" "Envelopes put together from parts."
        = |meters, _| meters.assembled.get();
    counter describe_counter absolute "fanfare_bus_disconnects_total" "Times the connection to the bus was lost."
        = |meters, _| meters.disconnects.get();
    counter describe_counter absolute "fanfare_bus_reconnects_total" "Times it was back."
        = |meters, _| meters.reconnects.get();
    counter describe_counter absolute "fanfare_bus_unsynced_total" "Waits until subscriptions are in force everywhere that ended without proof: of awaited joins above all."
        = |meters, _| meters.unsynced.get();
    counter describe_counter absolute "fanfare_bus_overruns_total" "Times this node read the bus too slowly."
        = |meters, _| meters.overruns.get();
    gauge describe_gauge set "fanfare_bus_connected" "Whether the bus can be reached now."
        = |_, is_connected| f64::from(u8::from(is_connected));
    gauge describe_gauge set "fanfare_bus_last_outage_seconds" "How long the last interruption lasted."
        = |meters, _| meters.last_outage_ms.get() as f64 / 1e3;
    gauge describe_gauge set "fanfare_bus_queued_bytes" "Bytes that wait to be published."
        = |meters, _| meters.queued_bytes.get() as f64;
    gauge describe_gauge set "fanfare_bus_peers" "Other nodes and emitters on the bus that confirm this node's subscriptions."
        = |meters, _| meters.peers.get() as f64;
    gauge describe_gauge set "fanfare_bus_interests" "Subjects that this node listens to."
        = |meters, _| meters.interests.get() as f64;
    gauge describe_gauge set "fanfare_bus_senders" "Runs of other nodes, and of emitters, whose numbers are remembered."
        = |meters, _| meters.senders.get() as f64;
    gauge describe_gauge set "fanfare_bus_sender_subjects" "Subjects on which numbers of these senders are remembered, each counted for each sender."
        = |meters, _| meters.sender_subjects.get() as f64;
    gauge describe_gauge set "fanfare_bus_parts_bytes" "Bytes of large messages of which parts are still to come."
        = |meters, _| meters.parts_bytes.get() as f64;
    gauge describe_gauge set "fanfare_bus_round_trip_seconds" "How long the broker took to answer when it was asked last."
        = |meters, _| meters.round_trip_us.get() as f64 / 1e6;
}
