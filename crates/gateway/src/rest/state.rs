//! `/conversations/{id}/typing`: what people do now.

use axum::{extract::State, http::StatusCode};
use parlor_protocol::{ConversationId, Problem, SetTyping};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::Auth,
    extract::{Body, Id},
    problem::ApiError,
    state::Gateway,
};

pub(crate) fn routes() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new().routes(routes!(typing))
}

/// Say that the caller is writing, or no more. It is over by itself after six seconds.
#[utoipa::path(post, path = "/conversations/{id}/typing", tag = "messages",
    params(("id" = ConversationId, Path)), request_body = SetTyping, responses(
    (status = 204),
    (status = "4XX", body = Problem, description = "not_found, forbidden"),
))]
async fn typing(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
    Body(body): Body<SetTyping>,
) -> Result<StatusCode, ApiError> {
    gateway.app().typing(&actor, id, body.typing).await?;
    Ok(StatusCode::NO_CONTENT)
}
