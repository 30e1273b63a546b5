//! Access to anything beyond a node's health.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Open to everybody, or locked by a token.
pub(super) struct Door(Option<Box<str>>);

impl Door {
    pub(super) fn open() -> Self {
        Self(None)
    }

    pub(super) fn locked(token: &str) -> Self {
        Self(Some(token.into()))
    }

    /// Whether a request brings the token: as `Bearer`, as Prometheus does, or as the password of `Basic`, as browsers
    /// do.
    pub(super) fn lets_in(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.0 else { return true };
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        shown.and_then(|value| value.split_once(' ')).is_some_and(|(scheme, value)| {
            if scheme.eq_ignore_ascii_case("bearer") {
                is_same(value.as_bytes(), token.as_bytes())
            } else if scheme.eq_ignore_ascii_case("basic") {
                let decoded = BASE64_STANDARD.decode(value).unwrap_or_default();
                let password = decoded.iter().position(|byte| *byte == b':').map(|at| &decoded[at + 1..]);
                password.is_some_and(|password| is_same(password, token.as_bytes()))
            } else {
                false
            }
        })
    }
}

/// Compares in constant time, so that the time tells nothing of the token but its length.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lets_in(door: &Door, authorization: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        door.lets_in(&headers)
    }

    #[test]
    fn a_locked_door_asks_for_the_token() {
        let door = Door::locked("s3cret:x");
        assert!(lets_in(&door, "Bearer s3cret:x") && lets_in(&door, "bearer s3cret:x"));
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        assert!(lets_in(&door, &basic("anybody:s3cret:x")) && lets_in(&door, &basic(":s3cret:x")));
        for wrong in [
            "Bearer s3cret:",
            "Bearer",
            "Bearer ",
            "s3cret:x",
            "Basic s3cret:x",
            "Basic ÿ",
            "Digest s3cret:x",
        ] {
            assert!(!lets_in(&door, wrong), "{wrong}");
        }
        assert!(!lets_in(&door, &basic("s3cret:x")), "that is a user `s3cret` with the password `x`");
        assert!(!door.lets_in(&HeaderMap::new()));
        assert!(Door::open().lets_in(&HeaderMap::new()));
    }
}
