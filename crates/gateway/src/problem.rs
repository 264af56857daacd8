//! Refusals as `application/problem+json`.
//!
//! A handler returns an [`ApiError`]; the body is written by `request`, which knows the request id.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use parlor_core::Refusal;
use parlor_protocol::Problem;

/// A refusal on its way out.
#[derive(Debug, Clone)]
pub(crate) struct ApiError(pub(crate) Refusal);

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = status(&self.0).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn status(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Writes the body of a refusal; any other response passes.
pub(crate) fn finish(mut response: Response, request_id: &str) -> Response {
    let Some(ApiError(refusal)) = response.extensions_mut().remove::<ApiError>() else {
        return response;
    };
    let status = status(&refusal);
    let retry_after_s = refusal.retry_after_ms.map(|ms| ms.div_ceil(1000).max(1));
    let problem = Problem {
        kind: format!("urn:parlor:problem:{}", refusal.code.as_str()),
        title: refusal.code.title().to_owned(),
        status: refusal.code.status(),
        code: refusal.code,
        detail: refusal.detail,
        request_id: request_id.to_owned(),
        errors: refusal.fields,
    };
    let mut response = (status, Json(problem)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if let Some(seconds) = retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
