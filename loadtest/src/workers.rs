//! A run over several testers: a coordinator hands out shares, workers do them.

pub(crate) mod assignment;
pub(crate) mod coordinator;
pub(crate) mod worker;
