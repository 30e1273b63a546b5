//! Access to anything beyond a node's health.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;

/// Open to everybody, or locked by a token.
#[derive(Clone, Debug)]
pub(super) struct Access(Option<Box<str>>);

impl Access {
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
            // In constant time, so that the time tells nothing of the token but its length.
            if scheme.eq_ignore_ascii_case("bearer") {
                value.as_bytes().ct_eq(token.as_bytes()).into()
            } else if scheme.eq_ignore_ascii_case("basic") {
                let decoded = BASE64_STANDARD.decode(value).unwrap_or_default();
                let password = decoded.iter().position(|byte| *byte == b':').map(|at| &decoded[at + 1..]);
                password.is_some_and(|password| password.ct_eq(token.as_bytes()).into())
            } else {
                false
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lets_in(access: &Access, authorization: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        access.lets_in(&headers)
    }

    #[test]
    fn access_by_a_token_asks_for_the_token() {
        let access = Access::locked("s3cret:x");
        assert!(lets_in(&access, "Bearer s3cret:x") && lets_in(&access, "bearer s3cret:x"));
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        assert!(lets_in(&access, &basic("anybody:s3cret:x")) && lets_in(&access, &basic(":s3cret:x")));
        for wrong in [
            "Bearer s3cret:",
            "Bearer",
            "Bearer ",
            "s3cret:x",
            "Basic s3cret:x",
            "Basic ÿ",
            "Digest s3cret:x",
        ] {
            assert!(!lets_in(&access, wrong), "{wrong}");
        }
        assert!(!lets_in(&access, &basic("s3cret:x")), "that is a user `s3cret` with the password `x`");
        assert!(!access.lets_in(&HeaderMap::new()));
        assert!(Access::open().lets_in(&HeaderMap::new()));
    }
}
