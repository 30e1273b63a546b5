//! What the bus counts, under its Prometheus names.

use fanfare_proto::BusMeters;

/// Hands every sum to the recorder of the `metrics` crate, with its description.
pub fn publish_meters(meters: &BusMeters, is_connected: bool) {
    macro_rules! publish {
        ($($kind:ident $describe:ident $set:ident $name:literal = $value:expr, $text:literal;)*) => {
            $(metrics::$describe!($name, $text);
            metrics::$kind!($name).$set($value);)*
        };
    }
    publish! {
        counter describe_counter absolute "fanfare_bus_frames_published_total" = meters.published.get(), "Frames handed to the bus.";
        counter describe_counter absolute "fanfare_bus_published_bytes_total" = meters.published_bytes.get(), "Bytes of these frames.";
        counter describe_counter absolute "fanfare_bus_dropped_total" = meters.dropped.get(), "Envelopes dropped before they could be published: too many waited, or too long.";
        counter describe_counter absolute "fanfare_bus_frames_received_total" = meters.received.get(), "Frames of other nodes.";
        counter describe_counter absolute "fanfare_bus_received_bytes_total" = meters.received_bytes.get(), "Bytes of these frames.";
        counter describe_counter absolute "fanfare_bus_lost_total" = meters.lost.get(), "Envelopes of other nodes that never came.";
        counter describe_counter absolute "fanfare_bus_late_total" = meters.late.get(), "Envelopes that came twice, or too late to be in order.";
        counter describe_counter absolute "fanfare_bus_refused_total" = meters.refused.get(), "Frames that could not be read, or said what cannot be.";
        counter describe_counter absolute "fanfare_bus_unknown_total" = meters.unknown.get(), "Frames of a newer version of the protocol.";
        counter describe_counter absolute "fanfare_bus_assembled_total" = meters.assembled.get(), "Envelopes put together from parts.";
        counter describe_counter absolute "fanfare_bus_disconnects_total" = meters.disconnects.get(), "Times the connection to the bus was lost.";
        counter describe_counter absolute "fanfare_bus_reconnects_total" = meters.reconnects.get(), "Times it was back.";
        counter describe_counter absolute "fanfare_bus_overruns_total" = meters.overruns.get(), "Times this node read the bus too slowly.";
        gauge describe_gauge set "fanfare_bus_connected" = f64::from(u8::from(is_connected)), "Whether the bus can be reached now.";
        gauge describe_gauge set "fanfare_bus_last_outage_seconds" = meters.last_outage_ms.get() as f64 / 1e3, "How long the last interruption lasted.";
        gauge describe_gauge set "fanfare_bus_queued_bytes" = meters.queued_bytes.get() as f64, "Bytes that wait to be published.";
        gauge describe_gauge set "fanfare_bus_interests" = meters.interests.get() as f64, "Subjects that this node listens to.";
    }
}
