//! `/users`: oneself, one person, the directory.

use axum::{Json, extract::State};
use parlor_protocol::{ChangeUser, Page, Person, Problem, User, UserId, UserSummary};
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
        .routes(routes!(me, change_me))
        .routes(routes!(find))
        .routes(routes!(one))
}

/// The caller.
#[utoipa::path(get, path = "/users/me", tag = "users", responses(
    (status = 200, body = User),
    (status = "4XX", body = Problem),
))]
async fn me(State(gateway): State<Gateway>, Auth(actor): Auth) -> Result<Json<User>, ApiError> {
    Ok(Json(gateway.app().me(&actor).await?))
}

/// Change one's own name, handle or line; what is absent stays.
#[utoipa::path(patch, path = "/users/me", tag = "users", request_body = ChangeUser, responses(
    (status = 200, body = User),
    (status = "4XX", body = Problem, description = "handle_taken, forbidden, invalid_request"),
))]
async fn change_me(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Body(body): Body<ChangeUser>,
) -> Result<Json<User>, ApiError> {
    Ok(Json(gateway.app().change_me(&actor, body).await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FindUsers {
    /// The beginning of a handle or name; everyone when absent.
    query: Option<String>,
    /// From the page before.
    cursor: Option<String>,
    /// 1–200, 50 when absent.
    limit: Option<i64>,
}

/// People by the beginning of handle or name, in order of handle, without the caller.
#[utoipa::path(get, path = "/users", tag = "users", params(FindUsers), responses(
    (status = 200, body = Page<UserSummary>),
    (status = "4XX", body = Problem),
))]
async fn find(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Query(query): Query<FindUsers>,
) -> Result<Json<Page<UserSummary>>, ApiError> {
    Ok(Json(
        gateway
            .app()
            .find_users(&actor, query.query, query.cursor.as_deref(), query.limit)
            .await?,
    ))
}

/// One person, and whether they are here where the caller shares a conversation with them.
#[utoipa::path(get, path = "/users/{id}", tag = "users", params(("id" = UserId, Path)), responses(
    (status = 200, body = Person),
    (status = "4XX", body = Problem, description = "not_found"),
))]
async fn one(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Id(id): Id<UserId>,
) -> Result<Json<Person>, ApiError> {
    Ok(Json(gateway.app().person(&actor, &id).await?))
}
