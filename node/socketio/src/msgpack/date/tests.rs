//! Dates, against what `JSON.stringify(new Date(…))` writes.

use super::*;

#[track_caller]
fn check(milliseconds: i64, json: &str) {
    let mut written = Vec::new();
    push_json(&mut written, milliseconds);
    assert_eq!(String::from_utf8(written).unwrap(), json);
}

#[test]
fn date_reads_as_its_iso_text() {
    check(0, "\"1970-01-01T00:00:00.000Z\"");
    check(-1, "\"1969-12-31T23:59:59.999Z\"");
    check(951_782_400_000, "\"2000-02-29T00:00:00.000Z\"");
    check(1_583_020_799_999, "\"2020-02-29T23:59:59.999Z\"");
    check(4_107_542_400_000, "\"2100-03-01T00:00:00.000Z\"");
}

#[test]
fn years_beyond_four_digits_have_a_sign_and_six() {
    check(253_402_300_799_999, "\"9999-12-31T23:59:59.999Z\"");
    check(253_402_300_800_000, "\"+010000-01-01T00:00:00.000Z\"");
    check(-62_167_219_200_000, "\"0000-01-01T00:00:00.000Z\"");
    check(-62_167_219_200_001, "\"-000001-12-31T23:59:59.999Z\"");
    check(8_640_000_000_000_000, "\"+275760-09-13T00:00:00.000Z\"");
    check(-8_640_000_000_000_000, "\"-271821-04-20T00:00:00.000Z\"");
}

#[test]
fn date_out_of_range_is_null() {
    for milliseconds in [i64::MIN, -8_640_000_000_000_001, 8_640_000_000_000_001, i64::MAX] {
        check(milliseconds, "null");
    }
}
