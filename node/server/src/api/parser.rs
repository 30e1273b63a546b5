//! A parser of the program's own.

use std::sync::Arc;

use fanfare_socketio::Parser;

use super::io::IoBuilder;

impl IoBuilder {
    /// The format of packets, instead of the one that `options().parser` names. Clients must have the same parser: they are not
    /// asked. Handlers, rooms and the other nodes of a cluster do not notice which one it is.
    ///
    /// ```
    /// let io = fanfare::Io::builder().parser(fanfare::parser::MsgpackParser).build();
    /// ```
    pub fn parser(mut self, parser: impl Parser) -> Self {
        self.parser = Some(Arc::new(parser));
        self
    }
}
