//! One tester's share of a run: equal parts of clients, rooms and rates.

use std::fmt;
use std::str::FromStr;

/// Part `index` of `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Number of the part, from 0.
    pub index: u32,
    /// Number of parts.
    pub count: u32,
}

impl Share {
    /// Returns this share of so many things that cannot be divided.
    pub(crate) fn of(self, all: u32) -> u32 {
        let until = |index: u32| u64::from(all) * u64::from(index) / u64::from(self.count);
        (until(self.index + 1) - until(self.index)) as u32
    }

    /// Returns this share of a rate.
    pub(crate) fn of_rate(self, rate: f64) -> f64 {
        rate / f64::from(self.count)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text
            .split_once('/')
            .and_then(|(index, count)| Some(Self { index: index.parse().ok()?, count: count.parse().ok()? }));
        parsed.filter(|share| share.index < share.count).ok_or_else(|| "must be like 0/2".to_owned())
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_whole() {
        for all in [0, 1, 7, 1000] {
            for count in 1..8 {
                let sum: u32 = (0..count).map(|index| Share { index, count }.of(all)).sum();
                assert_eq!(sum, all);
            }
        }
    }

    #[test]
    fn a_share_is_read_as_it_is_written() {
        let share: Share = "1/3".parse().expect("valid");
        assert_eq!(share.to_string(), "1/3");
        assert!("3/3".parse::<Share>().is_err() && "x/3".parse::<Share>().is_err());
    }
}
