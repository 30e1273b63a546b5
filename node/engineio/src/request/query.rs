//! The query of an Engine.IO request, read as `URLSearchParams` reads it: it refuses nothing.

use super::Protocol;
use crate::error::HandshakeError;
use crate::form;
use crate::v3::jsonp::Callback;

/// The parameters that matter. An empty value counts as a missing one; of two, the last counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// `transport`: what the client asks for.
    pub transport: Option<String>,
    /// `EIO`: the protocol version.
    pub eio: Option<String>,
    /// `sid`: the session, absent in a handshake.
    pub sid: Option<String>,
    /// `b64`: the client cannot receive binary frames; any value but the empty one switches it on.
    pub b64: bool,
    /// `j`: the client polls by script elements, and this function is to be called; an empty value counts here. For
    /// sessions of protocol 3 only.
    pub jsonp: Option<Callback>,
}

impl Query {
    /// Reads the part of the URL after `?`. Never fails: what cannot be decoded is replaced, and the checks
    /// that follow refuse it.
    pub fn parse(raw_query: &str) -> Query {
        let mut query = Query::default();
        for (name, value) in form::pairs(raw_query) {
            let text = || Some(form::decode(value).into_owned()).filter(|text| !text.is_empty());
            match form::decode(name).as_ref() {
                "transport" => query.transport = text(),
                "EIO" => query.eio = text(),
                "sid" => query.sid = text(),
                "j" => query.jsonp = Some(Callback::new(&form::decode(value))),
                "b64" => query.b64 = !value.is_empty(),
                _ => {}
            }
        }
        query
    }

    /// The last check of a handshake, after the application's own. Returns the protocol of the new session, which is 3
    /// only where that is allowed.
    pub fn check_version(&self, allow_eio3: bool) -> Result<Protocol, HandshakeError> {
        match self.protocol() {
            Protocol::V3 if !allow_eio3 => Err(HandshakeError::UnsupportedProtocolVersion),
            protocol => Ok(protocol),
        }
    }

    /// The protocol that the client speaks. A missing or other `EIO` counts as 3 (engine.io `computeProtocolRevision`).
    pub fn protocol(&self) -> Protocol {
        if self.eio.as_deref() == Some("4") { Protocol::V4 } else { Protocol::V3 }
    }
}

#[cfg(test)]
mod tests;
