//! The embedded web app: compressed beforehand, hashed names cached for ever, the page never.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use parlor_core::Refusal;
use parlor_protocol::Code;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::ApiError;

#[derive(RustEmbed)]
#[folder = "../../web/app/dist"]
#[allow_missing = true]
struct Dist;

/// What the page may load: itself, and sockets to its own server.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; connect-src 'self' ws: wss:; font-src 'self'; object-src 'none'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

const NOT_BUILT: &str = "The web app is not part of this build.\nRun `cargo xtask start`, or `npm run build` in web/ and build again.\n";

/// Anything that is no API: a file of the web app, or its page for the app's own addresses.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return ApiError(Refusal::new(
            Code::NotFound,
            "there is no such address in the API",
        ))
        .into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return ApiError(Refusal::new(Code::MethodNotAllowed, "only GET here")).into_response();
    }
    // `.br` and `.gz` are spellings of a file, not files.
    let is_file = path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.contains('.'));
    if is_file {
        return match file(path, &headers) {
            Some(response) => response,
            None => ApiError(Refusal::not_found("file")).into_response(),
        };
    }
    match file("index.html", &headers) {
        Some(mut response) => {
            let csp = HeaderValue::from_static(CONTENT_SECURITY_POLICY);
            response
                .headers_mut()
                .insert(header::CONTENT_SECURITY_POLICY, csp);
            response
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, NOT_BUILT).into_response(),
    }
}

fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let plain = Dist::get(path)?;
    let (file, encoding) = best(path, plain, headers);
    let etag = etag(&file);
    let immutable = path.starts_with("assets/");
    let cache = if immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let fresh = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == etag.as_bytes());

    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(file.data))
    };
    let out = response.headers_mut();
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    if let Ok(mime) = HeaderValue::from_str(&with_charset(mime.as_ref())) {
        out.insert(header::CONTENT_TYPE, mime);
    }
    if let Some(encoding) = encoding {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, etag);
    }
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    Some(response)
}

/// The smallest spelling that the client takes.
fn best(
    path: &str,
    plain: EmbeddedFile,
    headers: &HeaderMap,
) -> (EmbeddedFile, Option<&'static str>) {
    let accepted = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let accepts = |name: &str| {
        accepted.split(',').any(|item| {
            let mut parts = item.split(';').map(str::trim);
            parts.next() == Some(name) && parts.next() != Some("q=0")
        })
    };
    for (encoding, suffix) in [("br", "br"), ("gzip", "gz")] {
        if accepts(encoding)
            && let Some(file) = Dist::get(&format!("{path}.{suffix}"))
        {
            return (file, Some(encoding));
        }
    }
    (plain, None)
}

fn etag(file: &EmbeddedFile) -> String {
    // 128 bits of the content's hash, as one number.
    let hash = file.metadata.sha256_hash();
    let first = hash
        .first_chunk::<16>()
        .map_or(0, |half| u128::from_be_bytes(*half));
    format!("\"{first:032x}\"")
}

fn with_charset(mime: &str) -> String {
    if mime.starts_with("text/") {
        format!("{mime}; charset=utf-8")
    } else {
        mime.to_owned()
    }
}
