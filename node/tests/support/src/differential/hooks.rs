//! Hooks of the engine, in the profile that has some.

use std::sync::Arc;

use fanfare::Io;
use fanfare::http::HeaderValue;
use fanfare::http::request::Parts;
use serde_json::json;

use super::interpreter::Interpreter;

/// Adds the hooks. Errors are told under the `mark` of the request, in the log of the namespace `engine`.
pub fn declare(interpreter: &Arc<Interpreter>, io: &Io) {
    io.on_initial_headers(|headers, _| drop(headers.insert("x-initial", HeaderValue::from_static("first"))));
    io.on_headers(|headers, request| {
        let mark = HeaderValue::from_str(mark(request).unwrap_or("none")).expect("a mark is a word");
        headers.insert("x-every", mark);
    });
    let interpreter = interpreter.clone();
    io.on_connection_error(move |error| {
        let told = json!({
            "id": mark(error.request), "what": "refused", "code": error.code, "message": error.message,
        });
        interpreter.write(&("hooked".into(), "engine".into()), told);
    });
}

fn mark(request: &Parts) -> Option<&str> {
    request.uri.query()?.split('&').find_map(|parameter| parameter.strip_prefix("mark="))
}
