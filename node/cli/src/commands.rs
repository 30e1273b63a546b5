//! Commands beside `serve`, one file each.

pub mod completions;
pub mod emit;
pub mod healthcheck;
pub mod nodes;
pub mod reference;
