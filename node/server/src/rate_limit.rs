//! A rate limit with a burst: an amount a second, of which an unused part may be taken at once later.

use std::time::{Duration, Instant};

/// Allowance of a rate limit, as the one moment until which all of it is paid for (the generic cell rate
/// algorithm): nothing has to fill it, and looking at it costs a few additions.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    per_second: u64,
    burst: Duration,
    /// Until then at the pace, what was taken is paid for. Up to `burst` ahead of now it is a debt that is allowed.
    paid_until: Instant,
}

impl RateLimit {
    /// Creates a full allowance; `None` without a limit, which 0 means.
    pub fn new(per_second: u64, burst: Duration, now: Instant) -> Option<Self> {
        (per_second > 0).then_some(Self { per_second, burst, paid_until: now })
    }

    /// Takes an amount, even if it exceeds the allowance. Returns the moment at which the excess is paid for, if there
    /// is any.
    pub fn take(&mut self, units: u64, now: Instant) -> Option<Instant> {
        self.paid_until = self.paid_until.max(now) + self.cost(units);
        (self.paid_until > now + self.burst).then(|| self.paid_until - self.burst)
    }

    /// Takes one unit if the allowance permits, else nothing; the error is the time until it will.
    pub fn try_take(&mut self, now: Instant) -> Result<(), Duration> {
        let cost = self.cost(1);
        let paid_until = self.paid_until.max(now) + cost;
        // However small the burst: one at a time is what a pace means.
        let late = (paid_until - now).saturating_sub(self.burst.max(cost));
        if late > Duration::ZERO {
            return Err(late);
        }
        self.paid_until = paid_until;
        Ok(())
    }

    fn cost(&self, units: u64) -> Duration {
        Duration::from_nanos(units.saturating_mul(1_000_000_000) / self.per_second)
    }
}

#[cfg(test)]
mod tests;
