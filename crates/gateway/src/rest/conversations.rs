//! `/conversations`: the list, one, its members, making one.

use axum::{Json, extract::State, http::StatusCode};
use parlor_app::ListConversations;
use parlor_protocol::{
    AddMembers, ChangeConversation, ChangeMember, ChangeMembership, Conversation, ConversationId,
    CreateConversation, Member, Membership, Page, Problem, UserId,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::Auth,
    extract::{Body, Id, Ids, Query},
    problem::ApiError,
    state::Gateway,
};

pub(crate) fn routes() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, change, hide))
        .routes(routes!(change_own))
        .routes(routes!(members, add_members))
        .routes(routes!(set_role, remove_member))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// Only those whose title, label, or another member's name or handle holds this text.
    query: Option<String>,
    /// Archived ones instead of the others.
    #[serde(default)]
    archived: bool,
    /// From the page before.
    cursor: Option<String>,
    /// 1–200, 50 when absent.
    limit: Option<i64>,
}

/// The caller's conversations by last activity.
#[utoipa::path(get, path = "/conversations", tag = "conversations", params(List), responses(
    (status = 200, body = Page<Conversation>),
    (status = "4XX", body = Problem),
))]
async fn list(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Query(List {
        query,
        archived,
        cursor,
        limit,
    }): Query<List>,
) -> Result<Json<Page<Conversation>>, ApiError> {
    let list = ListConversations {
        query,
        archived,
        cursor,
        limit,
    };
    Ok(Json(gateway.app().conversations(&actor, list).await?))
}

/// Make a conversation. One other member and no kind: direct; one that exists is answered 200.
#[utoipa::path(post, path = "/conversations", tag = "conversations", request_body = CreateConversation, responses(
    (status = 201, body = Conversation),
    (status = 200, body = Conversation, description = "the direct conversation that exists"),
    (status = "4XX", body = Problem),
))]
async fn create(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Body(body): Body<CreateConversation>,
) -> Result<(StatusCode, Json<Conversation>), ApiError> {
    let created = gateway.app().create_conversation(&actor, body).await?;
    let status = if created.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(created.conversation)))
}

/// One conversation as the caller sees it.
#[utoipa::path(get, path = "/conversations/{id}", tag = "conversations", params(("id" = ConversationId, Path)), responses(
    (status = 200, body = Conversation),
    (status = "4XX", body = Problem, description = "not_found"),
))]
async fn one(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
) -> Result<Json<Conversation>, ApiError> {
    Ok(Json(gateway.app().conversation(&actor, id).await?))
}

/// Change the title, the label, the app's own fields; what is absent stays. Admins and owners may.
#[utoipa::path(patch, path = "/conversations/{id}", tag = "conversations",
    params(("id" = ConversationId, Path)), request_body = ChangeConversation, responses(
    (status = 200, body = Conversation),
    (status = "4XX", body = Problem, description = "not_found, forbidden, invalid_request"),
))]
async fn change(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
    Body(body): Body<ChangeConversation>,
) -> Result<Json<Conversation>, ApiError> {
    let pending = gateway.app().change_conversation(&actor, id, body)?;
    pending.committed().await?;
    Ok(Json(gateway.app().conversation(&actor, id).await?))
}

/// Mute, pin or archive it for oneself; what is absent stays.
#[utoipa::path(patch, path = "/conversations/{id}/me", tag = "conversations",
    params(("id" = ConversationId, Path)), request_body = ChangeMembership, responses(
    (status = 200, body = Membership),
    (status = "4XX", body = Problem, description = "not_found, invalid_request"),
))]
async fn change_own(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
    Body(body): Body<ChangeMembership>,
) -> Result<Json<Membership>, ApiError> {
    let pending = gateway.app().change_membership(&actor, id, body)?;
    pending.committed().await?;
    Ok(Json(gateway.app().conversation(&actor, id).await?.me))
}

/// Put the conversation away and clear one's own history of it; it comes back with the next message.
#[utoipa::path(delete, path = "/conversations/{id}", tag = "conversations", params(("id" = ConversationId, Path)), responses(
    (status = 204),
    (status = "4XX", body = Problem, description = "not_found"),
))]
async fn hide(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
) -> Result<StatusCode, ApiError> {
    gateway.app().hide(&actor, id)?.committed().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// From the page before.
    cursor: Option<String>,
    /// 1–200, 50 when absent.
    limit: Option<i64>,
}

/// The members in the order they joined.
#[utoipa::path(get, path = "/conversations/{id}/members", tag = "conversations",
    params(("id" = ConversationId, Path), PageQuery), responses(
    (status = 200, body = Page<Member>),
    (status = "4XX", body = Problem, description = "not_found"),
))]
async fn members(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Member>>, ApiError> {
    Ok(Json(
        gateway
            .app()
            .members(&actor, id, page.cursor.as_deref(), page.limit)
            .await?,
    ))
}

/// Make people members. Admins and owners may; who is one already stays as they are.
#[utoipa::path(post, path = "/conversations/{id}/members", tag = "conversations",
    params(("id" = ConversationId, Path)), request_body = AddMembers, responses(
    (status = 204),
    (status = "4XX", body = Problem, description = "not_found, forbidden, invalid_request"),
))]
async fn add_members(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
    Body(body): Body<AddMembers>,
) -> Result<StatusCode, ApiError> {
    let pending = gateway.app().add_members(&actor, id, body)?;
    pending.committed().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a member another role. Owners may; everybody may step down but the last owner.
#[utoipa::path(patch, path = "/conversations/{id}/members/{userId}", tag = "conversations",
    params(("id" = ConversationId, Path), ("userId" = UserId, Path)), request_body = ChangeMember, responses(
    (status = 200, body = Member),
    (status = "4XX", body = Problem, description = "not_found, forbidden, last_owner, invalid_request"),
))]
async fn set_role(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Ids(id, user_id): Ids<ConversationId, UserId>,
    Body(body): Body<ChangeMember>,
) -> Result<Json<Member>, ApiError> {
    let pending = gateway.app().set_role(&actor, id, user_id.clone(), body)?;
    pending.committed().await?;
    Ok(Json(gateway.app().member(&actor, id, &user_id).await?))
}

/// Remove a member; oneself leaves.
#[utoipa::path(delete, path = "/conversations/{id}/members/{userId}", tag = "conversations",
    params(("id" = ConversationId, Path), ("userId" = UserId, Path)), responses(
    (status = 204),
    (status = "4XX", body = Problem, description = "not_found, forbidden, last_owner"),
))]
async fn remove_member(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Ids(id, user_id): Ids<ConversationId, UserId>,
) -> Result<StatusCode, ApiError> {
    let pending = gateway.app().remove_member(&actor, id, user_id)?;
    pending.committed().await?;
    Ok(StatusCode::NO_CONTENT)
}
