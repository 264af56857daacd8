//! `/conversations/{id}/messages`: history, sending, cursors.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use parlor_app::WindowQuery;
use parlor_core::{Actor, Refusal};
use parlor_protocol::{
    ConversationId, EditMessage, Member, Message, MessageId, MessagePage, MoveCursor, Page,
    Problem, ReceiptStatus, SendMessage, SetStatus,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::Auth,
    extract::{self, Body, Id, Ids, Query},
    problem::ApiError,
    state::Gateway,
};

pub(crate) fn routes() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new()
        .routes(routes!(history, send))
        .routes(routes!(edit, delete))
        .routes(routes!(react, unreact))
        .routes(routes!(readers))
        .routes(routes!(status))
        .routes(routes!(read))
        .routes(routes!(unread))
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
    Ok((status, Json(Arc::unwrap_or_clone(sent.message))))
}

/// Change the text of one's own message.
#[utoipa::path(patch, path = "/conversations/{id}/messages/{messageId}", tag = "messages",
    params(("id" = ConversationId, Path), ("messageId" = MessageId, Path)), request_body = EditMessage, responses(
    (status = 200, body = Message, description = "as it is now"),
    (status = "4XX", body = Problem, description = "not_found, forbidden, message_deleted, invalid_request"),
    (status = "5XX", body = Problem, description = "unknown_outcome: ask again; unavailable, storage_full"),
))]
async fn edit(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Ids(id, message_id): Ids<ConversationId, MessageId>,
    Body(body): Body<EditMessage>,
) -> Result<Json<Message>, ApiError> {
    let pending = gateway.app().edit(&actor, id, message_id, body.content)?;
    let edited = pending.committed().await?;
    Ok(Json(Arc::unwrap_or_clone(edited.message)))
}

/// Delete a message for everyone; its place stays. Its sender may, and admins.
#[utoipa::path(delete, path = "/conversations/{id}/messages/{messageId}", tag = "messages",
    params(("id" = ConversationId, Path), ("messageId" = MessageId, Path)), responses(
    (status = 204),
    (status = "4XX", body = Problem, description = "not_found, forbidden"),
))]
async fn delete(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Ids(id, message_id): Ids<ConversationId, MessageId>,
) -> Result<StatusCode, ApiError> {
    let pending = gateway.app().delete(&actor, id, message_id)?;
    pending.committed().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put an emoji on a message.
#[utoipa::path(put, path = "/conversations/{id}/messages/{messageId}/reactions/{emoji}", tag = "messages",
    params(("id" = ConversationId, Path), ("messageId" = MessageId, Path), ("emoji" = String, Path)), responses(
    (status = 204),
    (status = "4XX", body = Problem, description = "not_found, message_deleted, invalid_request"),
))]
async fn react(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    path: ReactionPath,
) -> Result<StatusCode, ApiError> {
    set_reaction(&gateway, &actor, path, true).await
}

/// Take one's own emoji off a message.
#[utoipa::path(delete, path = "/conversations/{id}/messages/{messageId}/reactions/{emoji}", tag = "messages",
    params(("id" = ConversationId, Path), ("messageId" = MessageId, Path), ("emoji" = String, Path)), responses(
    (status = 204),
    (status = "4XX", body = Problem, description = "not_found, message_deleted, invalid_request"),
))]
async fn unreact(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    path: ReactionPath,
) -> Result<StatusCode, ApiError> {
    set_reaction(&gateway, &actor, path, false).await
}

async fn set_reaction(
    gateway: &Gateway,
    actor: &Actor,
    path: ReactionPath,
    on: bool,
) -> Result<StatusCode, ApiError> {
    let Path((conversation_id, message_id, emoji)) =
        path.map_err(|_| Refusal::not_found("resource"))?;
    let pending = gateway.app().react(
        actor,
        extract::id(&conversation_id)?,
        extract::id(&message_id)?,
        emoji,
        on,
    )?;
    pending.committed().await?;
    Ok(StatusCode::NO_CONTENT)
}

type ReactionPath = Result<Path<(String, String, String)>, PathRejection>;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Readers {
    /// From the page before.
    cursor: Option<String>,
    /// 1–200, 50 when absent.
    limit: Option<i64>,
}

/// The members who have read a message, in the order they joined; without its sender.
#[utoipa::path(get, path = "/conversations/{id}/messages/{messageId}/readers", tag = "messages",
    params(("id" = ConversationId, Path), ("messageId" = MessageId, Path), Readers), responses(
    (status = 200, body = Page<Member>),
    (status = "4XX", body = Problem, description = "not_found; forbidden with more than 200 members"),
))]
async fn readers(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Ids(id, message_id): Ids<ConversationId, MessageId>,
    Query(page): Query<Readers>,
) -> Result<Json<Page<Member>>, ApiError> {
    let app = gateway.app();
    let readers = app.readers(&actor, id, message_id, page.cursor.as_deref(), page.limit);
    Ok(Json(readers.await?))
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
    let pending = gateway
        .app()
        .move_cursor(&actor, id, ReceiptStatus::Read, body.seq)?;
    pending.committed().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make everything from a message on unread again.
#[utoipa::path(post, path = "/conversations/{id}/unread", tag = "messages",
    params(("id" = ConversationId, Path)), request_body = MoveCursor, responses(
    (status = 204),
    (status = "4XX", body = Problem, description = "not_found"),
))]
async fn unread(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
    Body(body): Body<MoveCursor>,
) -> Result<StatusCode, ApiError> {
    let pending = gateway.app().mark_unread(&actor, id, body.seq)?;
    pending.committed().await?;
    Ok(StatusCode::NO_CONTENT)
}
