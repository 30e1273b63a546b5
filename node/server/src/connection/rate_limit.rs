//! Rate limits of one client.

use std::time::Instant;

use crate::metrics::Limit;
use crate::options::{ClientLimits, ms};
use crate::rate_limit::RateLimit;

/// Allowances of one client; a part that is `None` has no limit.
pub(super) struct RateLimits {
    events: Option<RateLimit>,
    bytes: Option<RateLimit>,
}

impl RateLimits {
    /// Allowances of one client; `None` without limits, as most connections have it.
    pub fn new(limits: &ClientLimits, now: Instant) -> Option<Box<Self>> {
        let burst = ms(limits.burst_ms);
        let events = RateLimit::new(limits.events_per_second.into(), burst, now);
        let bytes = RateLimit::new(limits.bytes_per_second, burst, now);
        (events.is_some() || bytes.is_some()).then(|| Box::new(Self { events, bytes }))
    }

    /// Takes an amount, even if it exceeds the allowance. Returns the moment at which the excess is paid for, if there is
    /// any; each limit that is exceeded is counted.
    pub fn take(
        &mut self,
        events: u64,
        bytes: u64,
        now: Instant,
        exceeded: impl Fn(Limit),
    ) -> Option<Instant> {
        let until_events = self.events.as_mut().and_then(|events_left| events_left.take(events, now));
        let until_bytes = self.bytes.as_mut().and_then(|bytes_left| bytes_left.take(bytes, now));
        until_events.is_some().then(|| exceeded(Limit::Events));
        until_bytes.is_some().then(|| exceeded(Limit::Bytes));
        until_events.max(until_bytes)
    }
}
