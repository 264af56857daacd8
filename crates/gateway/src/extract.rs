//! Strict reading of bodies, queries and paths: every refusal is a problem document.

use std::time::Duration;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use http_body_util::LengthLimitError;
use parlor_core::Refusal;
use parlor_protocol::{Code, InvalidId, inspect, limits::BODY_BYTES_MAX};
use serde::de::DeserializeOwned;

use crate::{problem::ApiError, state::Gateway};

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A JSON body of exactly this shape.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Gateway> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _gateway: &Gateway) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(Refusal::new(
                Code::UnsupportedMediaType,
                "send Content-Type: application/json",
            )
            .into());
        }
        let body = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX);
        let bytes = tokio::time::timeout(BODY_TIMEOUT, body)
            .await
            .map_err(|_| Refusal::new(Code::RequestTimeout, "the body did not arrive in time"))?
            .map_err(unreadable)?;
        let invalid = |detail: String| Refusal::new(Code::InvalidRequest, detail);
        inspect(&bytes).map_err(|malformed| invalid(malformed.to_string()))?;
        Ok(Self(
            serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?,
        ))
    }
}

/// A body that is longer than allowed, or that broke off.
fn unreadable(error: axum::Error) -> Refusal {
    use std::error::Error;
    let too_long = matches!(error.source(), Some(source) if source.is::<LengthLimitError>());
    if too_long {
        Refusal::new(
            Code::PayloadTooLarge,
            format!("the body may have at most {BODY_BYTES_MAX} bytes"),
        )
    } else {
        Refusal::new(Code::InvalidRequest, "the body broke off")
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// A query string of exactly this shape.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Gateway> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _gateway: &Gateway) -> Result<Self, ApiError> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|error| {
                Refusal::new(
                    Code::InvalidRequest,
                    format!("query: {}", error.body_text()),
                )
                .into()
            })
    }
}

/// A text in the path.
pub(crate) struct Text(pub(crate) String);

impl FromRequestParts<Gateway> for Text {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        axum::extract::Path::<String>::from_request_parts(parts, gateway)
            .await
            .map(|axum::extract::Path(text)| Self(text))
            .map_err(|_| ApiError(Refusal::not_found("resource")))
    }
}

/// Two ids in the path, each like [`Id`].
pub(crate) struct Ids<A, B>(pub(crate) A, pub(crate) B);

impl<A, B> FromRequestParts<Gateway> for Ids<A, B>
where
    A: std::str::FromStr<Err = InvalidId>,
    B: std::str::FromStr<Err = InvalidId>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        type Texts = axum::extract::Path<(String, String)>;
        let axum::extract::Path((one, other)) = Texts::from_request_parts(parts, gateway)
            .await
            .map_err(|_| ApiError(Refusal::not_found("resource")))?;
        Ok(Self(id(&one)?, id(&other)?))
    }
}

/// An id from a path; one that cannot exist is answered like one that does not.
pub(crate) fn id<T: std::str::FromStr<Err = InvalidId>>(text: &str) -> Result<T, ApiError> {
    text.parse()
        .map_err(|error: InvalidId| ApiError(Refusal::not_found(error.kind)))
}

/// An id in the path. One that cannot exist is answered like one that does not.
pub(crate) struct Id<T>(pub(crate) T);

impl<T> FromRequestParts<Gateway> for Id<T>
where
    T: std::str::FromStr<Err = InvalidId>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let axum::extract::Path(text) =
            axum::extract::Path::<String>::from_request_parts(parts, gateway)
                .await
                .map_err(|_| ApiError(Refusal::not_found("resource")))?;
        id(&text).map(Self)
    }
}
