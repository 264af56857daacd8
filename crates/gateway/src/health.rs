//! Whether the server is alive and ready, and its public counters.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;

use crate::{problem::ApiError, state::Gateway};

/// `GET /health`: the process runs. Says nothing of the store.
pub(crate) async fn health() -> (StatusCode, &'static str) {
    (StatusCode::OK, "ok\n")
}

/// `GET /ready`: the store answers and the server is not stopping.
pub(crate) async fn ready(State(gateway): State<Gateway>) -> Result<&'static str, ApiError> {
    gateway.app().ready().await?;
    Ok("ready\n")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatsReply {
    version: &'static str,
    engine: &'static str,
    users: i64,
    conversations: i64,
    messages: i64,
    connections: u64,
    sockets: usize,
    delivered: u64,
    uptime_ms: u64,
}

/// `GET /stats`: public counters.
pub(crate) async fn stats(State(gateway): State<Gateway>) -> Result<Json<StatsReply>, ApiError> {
    let stats = gateway.app().stats().await?;
    Ok(Json(StatsReply {
        version: env!("CARGO_PKG_VERSION"),
        engine: gateway.app().engine(),
        users: stats.users,
        conversations: stats.conversations,
        messages: stats.messages,
        connections: stats.connections,
        sockets: gateway.sockets(),
        delivered: stats.delivered,
        uptime_ms: gateway.now_ms(),
    }))
}
