//! Tokens of JSON text that is known to be valid.

/// Where the token that begins at `start` ends: a bracket, a separator, a string or another scalar.
pub(super) fn end_of_token(text: &[u8], start: usize) -> usize {
    let rest = &text[start..];
    let length = match rest[0] {
        b'"' => {
            let mut length = 1;
            while rest.get(length).is_some_and(|byte| *byte != b'"') {
                length += if rest[length] == b'\\' { 2 } else { 1 };
            }
            length + 1
        }
        b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => 1,
        _ => {
            let is_end = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
            rest.iter().position(is_end).unwrap_or(rest.len())
        }
    };
    text.len().min(start + length)
}
