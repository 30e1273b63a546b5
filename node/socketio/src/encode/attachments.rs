//! Takes bytes out of JSON while it is written.

use std::io;

use bytes::Bytes;
use serde_json::ser::Formatter;

/// Writes compact JSON, and for each byte string a placeholder: `{"_placeholder":true,"num":n}`, numbered in
/// the order of writing, which is depth-first as clients expect.
pub(super) struct Extract<'a> {
    /// The byte strings that were taken out, copied because serde only lends them.
    pub(super) attachments: &'a mut Vec<Bytes>,
}

impl Formatter for Extract<'_> {
    fn write_byte_array<W>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let number = self.attachments.len();
        self.attachments.push(Bytes::copy_from_slice(value));
        write!(writer, "{{\"_placeholder\":true,\"num\":{number}}}")
    }
}
