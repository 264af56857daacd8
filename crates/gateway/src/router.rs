//! Which address is answered by whom.

use std::sync::OnceLock;

use axum::{
    Json, Router,
    http::{HeaderName, HeaderValue, Method, header},
    middleware,
    response::IntoResponse,
    routing::get,
};
use parlor_core::Refusal;
use parlor_protocol::Code;
use serde_json::Value;
use tower_http::{catch_panic::CatchPanicLayer, cors::CorsLayer};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{assets, documents, health, problem::ApiError, request, rest, state::Gateway, ws};

/// The REST API without its prefix, and its document.
pub(crate) fn api() -> (Router<Gateway>, OpenApi) {
    OpenApiRouter::with_openapi(documents::base())
        .merge(rest::auth())
        .merge(rest::users())
        .merge(rest::conversations())
        .merge(rest::links())
        .merge(rest::messages())
        .merge(rest::sync())
        .merge(rest::state())
        .split_for_parts()
}

/// Everything that the server answers.
pub(crate) fn all(gateway: Gateway) -> Router {
    static OPENAPI: OnceLock<Value> = OnceLock::new();
    static ASYNCAPI: OnceLock<Value> = OnceLock::new();

    let api =
        api()
            .0
            .route("/ws", get(ws::upgrade))
            .route(
                "/openapi.json",
                get(async || {
                    Json(OPENAPI.get_or_init(|| {
                        serde_json::to_value(documents::openapi()).unwrap_or_default()
                    }))
                }),
            )
            .route(
                "/asyncapi.json",
                get(async || Json(ASYNCAPI.get_or_init(documents::asyncapi))),
            )
            .method_not_allowed_fallback(async || {
                ApiError(Refusal::new(
                    Code::MethodNotAllowed,
                    "this address has other methods",
                ))
                .into_response()
            })
            .layer(cors(&gateway.config().cors_origins));
    Router::new()
        .nest("/api/v1", api.clone())
        .nest("/api", api)
        .route("/messages/subscribe", get(ws::upgrade))
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/stats", get(health::stats))
        .fallback(assets::serve)
        .layer(CatchPanicLayer::custom(request::panicked))
        .layer(middleware::from_fn(request::observe))
        .with_state(gateway)
}

/// Pages of the listed origins may call the API with credentials; others cannot read an answer.
fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins
        .iter()
        .filter_map(|origin| origin.parse().ok())
        .collect();
    CorsLayer::new()
        .allow_origin(origins)
        .allow_credentials(true)
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([header::RETRY_AFTER, HeaderName::from_static("x-request-id")])
}
