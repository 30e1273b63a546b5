//! The way out: what a node says to its cluster, whom it knows there, and the answers it waits for.
//!
//! It knows the bus and the names of rooms; what others say is heard in [`cluster`](crate::cluster).

mod agreement;
mod borrowed;
mod directory;
mod link;
mod meters;
mod pace;
mod peers;
mod requests;
mod routing;

pub use link::{ClusterLink, Question, TooLarge, target};
pub use meters::{describe_meters, meter_descriptions, publish_meters};
pub use peers::Standing;
pub use requests::{FromNode, Ticket};
