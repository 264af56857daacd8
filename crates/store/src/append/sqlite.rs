//! The statements of a batch for SQLite.

pub(super) use sqlx::{Sqlite as Db, SqliteConnection as Connection};

#[path = "statements.rs"]
pub(super) mod statements;
