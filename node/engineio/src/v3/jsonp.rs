//! Polling by script elements: an answer is a call of a function in the page, a POST is a form.

use crate::form;

/// Digits that the index of a function may have.
const DIGITS_MAX: usize = 20;

/// Index of the function that a page waits to be called, from the parameter `j`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Callback(String);

impl Callback {
    /// Keeps the first digits of a parameter: nothing else of it comes into the script.
    pub fn new(parameter: &str) -> Self {
        Self(parameter.chars().filter(char::is_ascii_digit).take(DIGITS_MAX).collect())
    }

    /// The script that hands a payload over: `___eio[0]("…");`.
    pub fn script(&self, payload: &str) -> String {
        let json = serde_json::to_string(payload).expect("a string is always JSON");
        // Ends of lines in JavaScript, and no such thing in JSON.
        let literal = json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
        format!("___eio[{}]({literal});", self.0)
    }
}

/// The payload in a form: its field `d`, with ends of lines as the client meant them. The browser would write them as it
/// likes, so the client writes `\n` instead, and `\\n` where `\n` stood. A form without the field, or with several, holds
/// nothing: the official server passes it over.
pub fn payload_in_form(body: &str) -> Option<String> {
    let mut fields = form::pairs(body).filter(|(name, _)| form::decode(name) == "d");
    let (_, value) = fields.next()?;
    if fields.next().is_some() {
        return None;
    }
    Some(with_ends_of_lines(&form::decode(value)))
}

fn with_ends_of_lines(escaped: &str) -> String {
    let mut text = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let (replacement, taken) = if from.starts_with(r"\\n") {
            (r"\n", 3)
        } else if from.starts_with(r"\n") {
            ("\n", 2)
        } else {
            (r"\", 1)
        };
        text.push_str(replacement);
        rest = &from[taken..];
    }
    text.push_str(rest);
    text
}
