//! Options that concern browsers: cookies, and pages of other origins.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The cookie of the polling handshake; its value is the session id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cookie {
    /// Name of the cookie. Default `io`.
    pub name: String,
    /// Path that the cookie is sent for. Default `/`.
    pub path: String,
    /// Whether the cookie is hidden from scripts (`HttpOnly`). Default true.
    pub http_only: bool,
    /// When the browser sends the cookie with requests from other sites: `strict`, `lax` or `none`. Default `lax`.
    pub same_site: SameSite,
    /// Whether the cookie is sent over encrypted connections only (`Secure`). Default false.
    pub secure: bool,
    /// Seconds until the browser forgets the cookie; absent = when the browser is closed. Default absent.
    pub max_age_s: Option<i64>,
}

/// When a cookie travels with requests from other sites.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SameSite {
    /// Never.
    Strict,
    /// When a link is followed.
    Lax,
    /// Always; browsers ask for `secure` as well.
    None,
}

impl Default for Cookie {
    fn default() -> Self {
        Self {
            name: "io".into(),
            path: "/".into(),
            http_only: true,
            same_site: SameSite::Lax,
            secure: false,
            max_age_s: None,
        }
    }
}

/// Rights of pages from other origins. Sets headers for browsers, and refuses WebSockets of other origins; it does not
/// keep out programs that are not browsers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Origins whose pages may connect, or `*` for any.
    pub origins: Vec<String>,
    /// Methods that a preflight's answer allows; empty = all common ones, as the official server does.
    pub methods: Vec<String>,
    /// Request headers that a preflight's answer allows; empty = those that the browser asks for.
    pub allowed_headers: Vec<String>,
    /// Response headers that scripts of other origins may read.
    pub exposed_headers: Vec<String>,
    /// Whether pages of other origins may send cookies and authorization headers.
    pub credentials: bool,
    /// Seconds for which a browser may remember the answer to a preflight.
    pub max_age_s: Option<u64>,
    /// Whether `origins` hold for WebSockets too, which browsers open with the user's cookies for any page: a handshake
    /// or an upgrade from another origin is refused with 403. Pages of the host that is asked are let in (a balancer
    /// must pass `Host` on; else name their origin too), and requests without `Origin`, which no browser sends. Default
    /// true.
    pub websocket: bool,
}

impl Default for Cors {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            methods: Vec::new(),
            allowed_headers: Vec::new(),
            exposed_headers: Vec::new(),
            credentials: false,
            max_age_s: None,
            websocket: true,
        }
    }
}

impl Cors {
    /// Has every rule checked that these must keep.
    pub(super) fn check(&self, mut check: impl FnMut(bool, &str)) {
        let wildcard = self.origins.iter().any(|origin| origin == "*");
        check(
            !(wildcard && self.credentials),
            "cors.credentials needs a list of cors.origins: browsers refuse '*' with credentials",
        );
        check(!wildcard || self.origins.len() == 1, "cors.origins is either '*' or a list of origins");
        for header in self.allowed_headers.iter().chain(&self.exposed_headers) {
            check(
                http::HeaderName::try_from(header).is_ok(),
                "cors.allowed_headers or cors.exposed_headers lists something that is not a header name",
            );
        }
        for method in &self.methods {
            check(
                http::Method::try_from(method.as_str()).is_ok(),
                "cors.methods lists something that is not an HTTP method",
            );
        }
        for origin in &self.origins {
            check(
                http::HeaderValue::try_from(origin).is_ok(),
                "cors.origins lists something that is not an origin",
            );
        }
    }
}
