//! Join links: made in a conversation, used at `/links/{token}`.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use parlor_protocol::{
    Conversation, ConversationId, CreateLink, CreatedLink, Link, LinkId, LinkPreview, Page, Problem,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{Auth, From},
    extract::{Body, Id, Ids, Text},
    problem::ApiError,
    state::Gateway,
};

pub(crate) fn routes() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new()
        .routes(routes!(list, make))
        .routes(routes!(revoke))
        .routes(routes!(preview))
        .routes(routes!(join))
}

/// The links that are good, the newest first. Admins and owners may.
#[utoipa::path(get, path = "/conversations/{id}/links", tag = "links", params(("id" = ConversationId, Path)), responses(
    (status = 200, body = Page<Link>),
    (status = "4XX", body = Problem, description = "not_found, forbidden"),
))]
async fn list(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
) -> Result<Json<Page<Link>>, ApiError> {
    let items = gateway.app().links(&actor, id).await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}

/// Make a link. Its token is shown this once; only its hash is kept. Admins and owners may.
#[utoipa::path(post, path = "/conversations/{id}/links", tag = "links",
    params(("id" = ConversationId, Path)), request_body = CreateLink, responses(
    (status = 201, body = CreatedLink),
    (status = "4XX", body = Problem, description = "not_found, forbidden, invalid_request"),
))]
async fn make(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<ConversationId>,
    headers: HeaderMap,
    Body(body): Body<CreateLink>,
) -> Result<(StatusCode, Json<CreatedLink>), ApiError> {
    let (link, token) = gateway.app().make_link(&actor, id, body).await?;
    let url = format!("{}/join/{token}", public_url(&gateway, &headers));
    let made = CreatedLink { link, token, url };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Take a link back. Admins and owners may.
#[utoipa::path(delete, path = "/conversations/{id}/links/{linkId}", tag = "links",
    params(("id" = ConversationId, Path), ("linkId" = LinkId, Path)), responses(
    (status = 204),
    (status = "4XX", body = Problem, description = "not_found, forbidden"),
))]
async fn revoke(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Ids(id, link_id): Ids<ConversationId, LinkId>,
) -> Result<StatusCode, ApiError> {
    gateway.app().revoke_link(&actor, id, link_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where a link leads. Needs no credential but the link.
#[utoipa::path(get, path = "/links/{token}", tag = "links", security(()), params(("token" = String, Path)), responses(
    (status = 200, body = LinkPreview),
    (status = "4XX", body = Problem, description = "not_found: wrong, ended, used up or revoked"),
))]
async fn preview(
    State(gateway): State<Gateway>,
    From(caller): From,
    Text(token): Text,
) -> Result<Json<LinkPreview>, ApiError> {
    Ok(Json(gateway.app().link(&caller, &token).await?))
}

/// Become a member by a link; who is one already stays as they are.
#[utoipa::path(post, path = "/links/{token}/join", tag = "links", params(("token" = String, Path)), responses(
    (status = 200, body = Conversation),
    (status = "4XX", body = Problem, description = "not_found: wrong, ended, used up or revoked"),
))]
async fn join(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Text(token): Text,
) -> Result<Json<Conversation>, ApiError> {
    Ok(Json(gateway.app().join(&actor, &token).await?))
}

/// Where browsers find this server: as it was configured, or as this request found it.
fn public_url(gateway: &Gateway, headers: &HeaderMap) -> String {
    if let Some(url) = &gateway.config().public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("localhost"))
}
