//! An open loop's plan: when each message of a phase is to be sent, whatever the server does meanwhile. Pure.

/// Messages at a rate that changes evenly from the beginning of a phase to its end.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    began_ns: u64,
    duration_seconds: f64,
    /// Messages per second at the beginning and at the end.
    from: f64,
    to: f64,
    /// Messages that were handed out.
    issued: u64,
}

impl Schedule {
    pub(crate) fn new(began_ns: u64, duration_seconds: f64, (from, to): (f64, f64)) -> Self {
        Self { began_ns, duration_seconds, from, to, issued: 0 }
    }

    /// The planned time of the next message if it has come.
    pub(crate) fn next(&mut self, now_ns: u64) -> Option<u64> {
        let planned_ns = self.upcoming()?;
        (planned_ns <= now_ns).then(|| {
            self.issued += 1;
            planned_ns
        })
    }

    /// The planned time of the next message; `None` if the phase has no more.
    pub(crate) fn upcoming(&self) -> Option<u64> {
        // The middle of its share of the phase, so that phases join evenly.
        let number = self.issued as f64 + 0.5;
        if number > (self.from + self.to) / 2.0 * self.duration_seconds {
            return None;
        }
        Some(self.began_ns + (self.seconds_until(number) * 1e9) as u64)
    }

    /// Number of messages handed out: all that were planned up to the last one asked for.
    pub(crate) fn issued(&self) -> u64 {
        self.issued
    }

    /// Seconds until `number` messages have been planned: the solution of `from t + (to - from) t² / 2d = number`.
    fn seconds_until(&self, number: f64) -> f64 {
        let slope = (self.to - self.from) / self.duration_seconds;
        let root = (self.from * self.from + 2.0 * slope * number).max(0.0).sqrt();
        // This form of the solution stays exact when the slope is small or 0.
        2.0 * number / (self.from + root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(schedule: &mut Schedule) -> Vec<u64> {
        std::iter::from_fn(|| schedule.next(u64::MAX)).collect()
    }

    #[test]
    fn an_even_rate_is_evenly_spaced() {
        let mut schedule = Schedule::new(1_000, 0.01, (1000.0, 1000.0));
        let times = times(&mut schedule);
        assert_eq!(times.len(), 10);
        assert!(
            times.windows(2).all(|pair| (999_000..=1_001_000).contains(&(pair[1] - pair[0]))),
            "{times:?}"
        );
    }

    #[test]
    fn a_ramp_sends_its_mean_and_gets_denser() {
        for rates in [(0.0, 200.0), (200.0, 0.0)] {
            let times = times(&mut Schedule::new(0, 2.0, rates));
            assert_eq!(times.len(), 200);
            assert!(times.iter().all(|time| *time <= 2_000_000_000), "{times:?}");
            let first_half = times.iter().filter(|time| **time < 1_000_000_000).count();
            assert_eq!(first_half, if rates.0 == 0.0 { 50 } else { 150 });
        }
    }

    #[test]
    fn nothing_comes_before_its_time_and_everything_late_keeps_its_own() {
        let mut schedule = Schedule::new(0, 1.0, (10.0, 10.0));
        assert_eq!(schedule.next(49_999_999), None);
        assert_eq!(schedule.next(50_000_000), Some(50_000_000));
        // After a stall of the tester, each message still has the time it was planned for.
        assert_eq!(schedule.next(350_000_000), Some(150_000_000));
        assert_eq!(schedule.next(350_000_000), Some(250_000_000));
        assert_eq!(schedule.issued(), 3);
    }
}
