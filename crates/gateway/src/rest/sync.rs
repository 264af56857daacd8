//! `/sync`: what has changed for the caller.

use axum::{Json, extract::State};
use parlor_protocol::{Problem, SyncPage};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{auth::Auth, extract::Query, problem::ApiError, state::Gateway};

pub(crate) fn routes() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new().routes(routes!(sync))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Since {
    /// From the page before, `connected` or `pong`; absent to begin from nothing.
    cursor: Option<String>,
    /// Conversations on the page: 1–200, 50 when absent.
    limit: Option<i64>,
}

/// A page of what has changed for the caller since a cursor, each thing as it is now.
#[utoipa::path(get, path = "/sync", tag = "sync", params(Since), responses(
    (status = 200, body = SyncPage),
    (status = "4XX", body = Problem, description = "cursor_not_usable: start over without one"),
))]
async fn sync(
    State(gateway): State<Gateway>,
    Auth(actor): Auth,
    Query(Since { cursor, limit }): Query<Since>,
) -> Result<Json<SyncPage>, ApiError> {
    let page = gateway.app().sync(&actor, cursor.as_deref(), limit).await?;
    Ok(Json(page))
}
