//! `/conversations/{id}/messages`: history, sending, cursors.

use axum::{Json, extract::State, http::StatusCode};
use parlor_app::WindowQuery;
use parlor_protocol::{
    ConversationId, Message, MessagePage, MoveCursor, Problem, ReceiptStatus, SendMessage,
    SetStatus,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::Auth,
    extract::{Body, Id, Query},
    problem::ApiError,
    state::Gateway,
};

pub(crate) fn routes() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new()
        .routes(routes!(history, send))
        .routes(routes!(status))
        .routes(routes!(read))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct History {
    /// Just before this `seq`.
    before: Option<i64>,
    /// Just after this `seq`.
    after: Option<i64>,
    /// Around this `seq`, which is included.
    around: Option<i64>,
    /// 1–200, 50 when absent.
    limit: Option<i64>,
}

/// A page of history in ascending `seq`: the newest, or before, after or around a `seq`.
#[utoipa::path(get, path = "/conversations/{id}/messages", tag = "messages",
    params(("id" = ConversationId, Path), History), responses(
    (status = 200, body = MessagePage),
    (status = "4XX", body = Problem, description = "not_found"),
))]
async fn history(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
    Query(History {
        before,
        after,
        around,
        limit,
    }): Query<History>,
) -> Result<Json<MessagePage>, ApiError> {
    let window = WindowQuery {
        before,
        after,
        around,
    };
    Ok(Json(
        gateway.app().history(&actor, id, window, limit).await?,
    ))
}

/// Send a message. It is on disk when this answers; the same `clientId` again makes no second one.
#[utoipa::path(post, path = "/conversations/{id}/messages", tag = "messages",
    params(("id" = ConversationId, Path)), request_body = SendMessage, responses(
    (status = 201, body = Message),
    (status = 200, body = Message, description = "the message that this clientId made before"),
    (status = "4XX", body = Problem, description = "not_found, forbidden, client_id_reused, invalid_request"),
    (status = "5XX", body = Problem, description = "unknown_outcome: send the same clientId again; unavailable, storage_full"),
))]
async fn send(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
    Body(body): Body<SendMessage>,
) -> Result<(StatusCode, Json<Message>), ApiError> {
    let sent = gateway.app().send(&actor, id, body)?.committed().await?;
    let status = if sent.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(sent.message)))
}

/// Move the caller's delivered or read cursor up; never backwards.
#[utoipa::path(post, path = "/conversations/{id}/messages/status", tag = "messages",
    params(("id" = ConversationId, Path)), request_body = SetStatus, responses(
    (status = 204),
    (status = "4XX", body = Problem, description = "not_found"),
))]
async fn status(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
    Body(body): Body<SetStatus>,
) -> Result<StatusCode, ApiError> {
    gateway.app().set_status(&actor, id, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Move the caller's read cursor up; never backwards.
#[utoipa::path(post, path = "/conversations/{id}/read", tag = "messages",
    params(("id" = ConversationId, Path)), request_body = MoveCursor, responses(
    (status = 204),
    (status = "4XX", body = Problem, description = "not_found"),
))]
async fn read(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
    Body(body): Body<MoveCursor>,
) -> Result<StatusCode, ApiError> {
    gateway
        .app()
        .move_cursor(&actor, id, ReceiptStatus::Read, body.seq)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
