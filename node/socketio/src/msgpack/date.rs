//! The text of a JavaScript `Date`.

use std::io::Write as _;

/// The furthest time from 1970 that a `Date` can be, in milliseconds (ECMAScript, "Time Values and Time Range").
const MILLISECONDS_MAX: i64 = 8_640_000_000_000_000;
const DAY_MILLISECONDS: i64 = 24 * 60 * 60 * 1000;

/// Appends what `JSON.stringify` writes for a `Date`: its ISO text with quotes, or `null` for an invalid one.
pub(super) fn push_json(json: &mut Vec<u8>, milliseconds: i64) {
    if !(-MILLISECONDS_MAX..=MILLISECONDS_MAX).contains(&milliseconds) {
        return json.extend_from_slice(b"null");
    }
    let (year, month, day) = civil(milliseconds.div_euclid(DAY_MILLISECONDS));
    let rest = milliseconds.rem_euclid(DAY_MILLISECONDS);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, millisecond) = (rest / 1000 % 60, rest % 1000);
    let written = match year {
        0..=9999 => write!(json, "\"{year:04}"),
        _ => write!(json, "\"{year:+07}"),
    };
    written
        .and_then(|()| {
            write!(json, "-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z\"")
        })
        .expect("writing to memory cannot fail");
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar extended to all years.
///
/// Years are counted from March here, so that the day of a leap year comes last, in eras of 400 years.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests;
