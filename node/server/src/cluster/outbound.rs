//! The outbound side of the cluster: messages to other nodes, knowledge about these nodes, and requests that wait for
//! their answers.
//!
//! It knows the bus and the names of rooms; messages of other nodes come in through [`cluster`](crate::cluster).

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
