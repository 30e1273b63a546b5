//! The line that shows how a run goes while it goes. On standard error, and only if that is a terminal.

use crate::series::Sample;

/// Shows the interval that just ended.
#[expect(dead_code, reason = "the sampler follows")]
pub(crate) fn show(_sample: &Sample) {}
