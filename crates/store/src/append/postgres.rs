//! The statements of a batch for PostgreSQL.

pub(super) use sqlx::{PgConnection as Connection, Postgres as Db};

#[allow(
    clippy::duplicate_mod,
    reason = "written once, compiled for each engine"
)]
#[path = "statements.rs"]
pub(super) mod statements;
