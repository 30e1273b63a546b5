//! Placeholders: the objects that stand in a packet's JSON for its attachments.
//!
//! An object is one if its `_placeholder` is `true`, whatever else it holds (`reconstructPacket` of
//! `socket.io-parser`). Its `num` is the index of the attachment.

/// Reads a `num`: an integer below `attachments`, in any notation that JSON has for it.
pub(super) fn index(num: f64, attachments: usize) -> Option<usize> {
    let fits = num >= 0.0 && num < attachments as f64 && num.fract() == 0.0;
    fits.then_some(num as usize)
}

/// The index of the attachment that an object stands for, given its keys (with their quotes) and values in order.
/// Returns `None` if the value is not a valid placeholder.
pub(super) fn of_members<'a>(
    members: impl Iterator<Item = (&'a str, &'a str)>,
    attachments: usize,
) -> Option<usize> {
    let mut is_placeholder = false;
    let mut num = None;
    for (key, value) in members {
        match Slot::of(key.as_bytes()) {
            Slot::Placeholder => is_placeholder = value == "true",
            Slot::Num => num = value.parse().ok().and_then(|num| index(num, attachments)),
            _ => {}
        }
    }
    num.filter(|_| is_placeholder)
}

/// Whether every placeholder in the text names an attachment that is there. The text must be valid JSON.
///
/// It does not recurse, so that nesting cannot exhaust the stack.
pub(super) fn all_valid(json: &str, attachments: usize) -> bool {
    let mut scan = Scan { rest: json.as_bytes(), open: Vec::new(), attachments };
    while let Some(&byte) = scan.rest.first() {
        if !scan.token(byte) {
            return false;
        }
    }
    true
}

struct Scan<'a> {
    /// The bytes that are not read yet.
    rest: &'a [u8],
    /// The arrays and objects around the current place.
    open: Vec<Open>,
    /// Number of attachments that the packet has.
    attachments: usize,
}

/// An array or object whose end was not seen yet.
struct Open {
    slot: Slot,
    is_placeholder: bool,
    has_valid_num: bool,
}

/// Position of the next value.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    /// An element of an array.
    Element,
    /// The key of a member.
    Key,
    /// The value of the member `_placeholder`.
    Placeholder,
    /// The value of the member `num`.
    Num,
    /// The value of another member.
    Member,
}

impl Scan<'_> {
    /// Reads one token. False if it ends an invalid placeholder.
    fn token(&mut self, byte: u8) -> bool {
        match byte {
            b'{' => self.enter(Slot::Key),
            b'[' => self.enter(Slot::Element),
            b'}' | b']' => {
                self.take(1);
                let closed = self.open.pop();
                return closed.is_none_or(|closed| !closed.is_placeholder || closed.has_valid_num);
            }
            b'"' => self.string(),
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => {
                self.take(1);
            }
            _ => {
                let is_end = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
                let length = self.rest.iter().position(is_end).unwrap_or(self.rest.len());
                let scalar = self.take(length);
                self.value(scalar);
            }
        }
        true
    }

    fn enter(&mut self, slot: Slot) {
        let bracket = self.take(1);
        self.value(bracket);
        self.open.push(Open { slot, is_placeholder: false, has_valid_num: false });
    }

    /// Notes the value that begins here. Of two members with the same key the last counts.
    fn value(&mut self, text: &[u8]) {
        let Some(open) = self.open.last_mut() else { return };
        match open.slot {
            Slot::Placeholder => open.is_placeholder = text == b"true",
            Slot::Num => {
                let num = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                open.has_valid_num = num.is_some_and(|num| index(num, self.attachments).is_some());
            }
            Slot::Element | Slot::Key | Slot::Member => {}
        }
        if !matches!(open.slot, Slot::Element) {
            open.slot = Slot::Key;
        }
    }

    fn string(&mut self) {
        let mut length = 1;
        while let Some(byte) = self.rest.get(length) {
            length += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                break;
            }
        }
        let string = self.take(length);
        match self.open.last_mut() {
            Some(open) if matches!(open.slot, Slot::Key) => open.slot = Slot::of(string),
            _ => self.value(string),
        }
    }
}

impl<'a> Scan<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }
}

impl Slot {
    /// The slot of the value that follows a key, which is given with its quotes.
    pub(super) fn of(key: &[u8]) -> Slot {
        match key {
            b"\"_placeholder\"" => Slot::Placeholder,
            b"\"num\"" => Slot::Num,
            _ if !key.contains(&b'\\') => Slot::Member,
            _ => match serde_json::from_slice::<String>(key).as_deref() {
                Ok("_placeholder") => Slot::Placeholder,
                Ok("num") => Slot::Num,
                _ => Slot::Member,
            },
        }
    }
}

#[cfg(test)]
mod tests;
