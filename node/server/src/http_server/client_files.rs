//! The JavaScript client, served as the official server does: from the `client-dist` folder of its npm package.

use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;

const VARIANTS: [&str; 4] =
    ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"];

/// The files of one version of the client.
pub struct ClientFiles {
    files: HashMap<String, Bytes>,
    etag: HeaderValue,
}

impl ClientFiles {
    /// Reads the client from a `client-dist` folder. The version stands in the package beside it.
    ///
    /// # Errors
    /// When the folder has no `socket.io.js`.
    pub fn load(folder: &Path) -> std::io::Result<Self> {
        let mut files = HashMap::new();
        for variant in VARIANTS {
            for name in [variant.to_owned(), format!("{variant}.map")] {
                match std::fs::read(folder.join(&name)) {
                    Ok(content) => drop(files.insert(name, content.into())),
                    Err(error) if name == VARIANTS[0] => return Err(error),
                    // Not every version ships every variant.
                    Err(_) => {}
                }
            }
        }
        let etag = format!("\"{}\"", version(folder).unwrap_or_else(|| "unknown".into()));
        let etag = HeaderValue::try_from(etag).map_err(std::io::Error::other)?;
        Ok(Self { files, etag })
    }

    /// The answer to a request for a file of the client; `None` if it is for something else.
    pub(super) fn answer(&self, name: &str, headers: &HeaderMap) -> Option<Response<Full<Bytes>>> {
        let content = self.files.get(name)?;
        let unchanged = headers.get(IF_NONE_MATCH).is_some_and(|known| {
            known.as_bytes().strip_prefix(b"W/").unwrap_or(known.as_bytes()) == self.etag.as_bytes()
        });
        let mut response = if unchanged {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            let is_map = name.ends_with(".map");
            let kind = if is_map {
                "application/json; charset=utf-8"
            } else {
                "application/javascript; charset=utf-8"
            };
            let mut response = Response::new(Full::new(content.clone()));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            response
        };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=0"));
        response.headers_mut().insert(ETAG, self.etag.clone());
        response.extensions_mut().insert(super::compression::Compressible);
        Some(response)
    }
}

fn version(folder: &Path) -> Option<String> {
    let package = std::fs::read(folder.parent()?.join("package.json")).ok()?;
    let package: serde_json::Value = serde_json::from_slice(&package).ok()?;
    Some(package.get("version")?.as_str()?.to_owned())
}
