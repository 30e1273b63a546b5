//! Protocol 3, which clients of Socket.IO 1 and 2 speak, where it differs from protocol 4 on the wire.
//!
//! * [`packet`]: a binary message begins with its type, as a byte `04` or as `b4` before base64.
//! * [`payload`] and [`binary_payload`]: two forms of the body of a poll, in which each packet follows its length.
//! * [`jsonp`]: polling by script elements and forms.
//!
//! Its heartbeat goes the other way round: see [`Heartbeat::awaiting_pings`](crate::Heartbeat::awaiting_pings).
//! Sessions of protocol 4 never come here.

pub mod binary_payload;
pub mod jsonp;
pub mod packet;
pub mod payload;

#[cfg(test)]
mod tests;
