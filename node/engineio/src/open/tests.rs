//! The open packet of engine.io 6.6.12.

use super::*;

const OPEN: Open<'_> = Open {
    sid: "lv_VI97HAXpY6yYWAAAC",
    upgrade_to_websocket: true,
    ping_interval_ms: 25000,
    ping_timeout_ms: 20000,
    max_payload: Some(1_000_000),
};

#[test]
fn open_packet_is_that_of_the_official_server() {
    assert_eq!(
        packet(&OPEN),
        "0{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[\"websocket\"],\
         \"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}"
    );
}

#[test]
fn open_packet_offers_nothing_where_there_is_nothing_to_upgrade_to() {
    let packet = packet(&Open { upgrade_to_websocket: false, ..OPEN });
    assert!(packet.contains("\"upgrades\":[],"), "{packet}");
}

#[test]
fn open_packet_of_protocol_3_tells_no_limit() {
    let packet = packet(&Open { max_payload: None, ..OPEN });
    assert!(packet.ends_with("\"pingTimeout\":20000}"), "{packet}");
}
