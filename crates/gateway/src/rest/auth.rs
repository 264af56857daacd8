//! `/auth`: registering, signing in, refreshing, signing out, sessions.

use axum::{Json, extract::State, http::StatusCode};
use parlor_protocol::{
    AuthReply, LinkLogin, Login, Page, Problem, Refresh, Register, SessionId, SessionInfo,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{Auth, From},
    extract::{Body, Id},
    problem::ApiError,
    state::Gateway,
};

pub(crate) fn routes() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(login_alias))
        .routes(routes!(link))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(sessions))
        .routes(routes!(revoke))
}

/// Make an account and sign in.
#[utoipa::path(post, path = "/auth/register", tag = "auth", request_body = Register, security(()), responses(
    (status = 201, body = AuthReply),
    (status = "4XX", body = Problem, description = "invalid_request, handle_taken, email_taken, rate_limited, forbidden"),
))]
async fn register(
    State(gateway): State<Gateway>,
    From(caller): From,
    Body(body): Body<Register>,
) -> Result<(StatusCode, Json<AuthReply>), ApiError> {
    Ok((
        StatusCode::CREATED,
        Json(gateway.app().register(body, &caller).await?),
    ))
}

/// Sign in.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = Login, security(()), responses(
    (status = 200, body = AuthReply),
    (status = "4XX", body = Problem, description = "invalid_credentials, rate_limited"),
))]
async fn login(
    State(gateway): State<Gateway>,
    From(caller): From,
    Body(body): Body<Login>,
) -> Result<Json<AuthReply>, ApiError> {
    Ok(Json(gateway.app().login(body, &caller).await?))
}

/// Sign in, under the name that older apps call.
#[utoipa::path(post, path = "/login", tag = "auth", request_body = Login, security(()), responses(
    (status = 200, body = AuthReply),
    (status = "4XX", body = Problem, description = "invalid_credentials, rate_limited"),
))]
async fn login_alias(
    gateway: State<Gateway>,
    caller: From,
    body: Body<Login>,
) -> Result<Json<AuthReply>, ApiError> {
    login(gateway, caller, body).await
}

/// Sign in with the code of a login link. Works once.
#[utoipa::path(post, path = "/auth/link", tag = "auth", request_body = LinkLogin, security(()), responses(
    (status = 200, body = AuthReply),
    (status = "4XX", body = Problem, description = "link_used, rate_limited"),
))]
async fn link(
    State(gateway): State<Gateway>,
    From(caller): From,
    Body(body): Body<LinkLogin>,
) -> Result<Json<AuthReply>, ApiError> {
    Ok(Json(gateway.app().login_by_link(body, &caller).await?))
}

/// Exchange a refresh token. One that is shown a second time ends its session.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", request_body = Refresh, security(()), responses(
    (status = 200, body = AuthReply),
    (status = "4XX", body = Problem, description = "unauthorized"),
))]
async fn refresh(
    State(gateway): State<Gateway>,
    From(caller): From,
    Body(body): Body<Refresh>,
) -> Result<Json<AuthReply>, ApiError> {
    Ok(Json(gateway.app().refresh(&body, &caller).await?))
}

/// End the session of this token; its sockets close.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", responses(
    (status = 204),
    (status = "4XX", body = Problem),
))]
async fn logout(State(gateway): State<Gateway>, Auth(actor): Auth) -> Result<StatusCode, ApiError> {
    gateway.app().logout(&actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's open sessions, the newest first.
#[utoipa::path(get, path = "/auth/sessions", tag = "auth", responses(
    (status = 200, body = Page<SessionInfo>),
    (status = "4XX", body = Problem),
))]
async fn sessions(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
) -> Result<Json<Page<SessionInfo>>, ApiError> {
    Ok(Json(gateway.app().sessions(&actor).await?))
}

/// End one of the caller's sessions; its sockets close.
#[utoipa::path(delete, path = "/auth/sessions/{id}", tag = "auth", params(("id" = SessionId, Path)), responses(
    (status = 204),
    (status = "4XX", body = Problem, description = "not_found"),
))]
async fn revoke(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<SessionId>,
) -> Result<StatusCode, ApiError> {
    gateway.app().revoke_session(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
