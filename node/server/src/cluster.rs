//! The cluster: the way [out](outbound) to the other nodes, and the way [in](inbound) from them.
//!
//! A node on its own has the same operations; there is no other node to ask then.

pub mod inbound;
pub mod outbound;
