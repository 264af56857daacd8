//! Around every request: an id, one log line, the headers that protect a browser.
//!
//! The log names the path and never the query: a token may stand there. Of a join link it names the kind.

use std::time::{Duration, Instant};

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use parlor_core::Refusal;
use parlor_protocol::Code;
use tracing::Instrument;
use uuid::Uuid;

use crate::problem::{self, ApiError};

/// How long a request may take. Longer than a batch of sends, which has a deadline of its own.
const REQUEST_DEADLINE: Duration = Duration::from_secs(20);

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().simple().to_string();
    let started = Instant::now();
    let span = tracing::info_span!("request", id, method = %request.method(), path = shown(request.uri().path()));
    let reads = request.method().is_safe();
    let answered =
        tokio::time::timeout(REQUEST_DEADLINE, next.run(request).instrument(span.clone()));
    let response = answered
        .await
        .unwrap_or_else(|_| ApiError(late(reads)).into_response());
    let mut response = problem::finish(response, &id);
    let ms = started.elapsed().as_millis() as u64;
    let status = response.status();
    span.in_scope(|| {
        if status.is_server_error() {
            tracing::warn!(status = status.as_u16(), ms, "answered");
        } else {
            tracing::debug!(status = status.as_u16(), ms, "answered");
        }
    });

    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-store"));
    response
}

/// A path as it may stand in a log: whoever has a join link's token may join.
fn shown(path: &str) -> &str {
    for secret in ["/api/v1/links/", "/api/links/", "/join/"] {
        if path.starts_with(secret) {
            return secret;
        }
    }
    path
}

/// What a request is told that was not answered within the deadline.
fn late(reads: bool) -> Refusal {
    if reads {
        Refusal::new(
            Code::Unavailable,
            "no answer within the deadline, try again",
        )
    } else {
        Refusal::new(
            Code::UnknownOutcome,
            "no answer within the deadline: it may or may not have been done",
        )
    }
}

/// A handler that panics answers 500 and says so in the log; the process goes on.
pub(crate) fn panicked(cause: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let cause = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(cause, "a handler panicked");
    ApiError(Refusal::new(
        Code::Internal,
        "the request could not be answered; the request id finds it in the log",
    ))
    .into_response()
}
