//! The two engines behind one name, and the macros that expand an operation for each.

use std::{sync::Arc, time::Duration};

use sqlx::{PgPool, Postgres, Sqlite, SqlitePool};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{
    StoreError,
    append::{PostgresWriter, SqliteWriter},
    hosts::Following,
    quick::Quick,
};

/// How long an operation waits for a connection before it answers `unavailable`.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The target under which the engines' driver logs; at `info` it repeats what servers tell it.
pub const DRIVER_LOG_TARGET: &str = "sqlx";

/// The target under which the driver passes on what PostgreSQL notices.
pub(crate) const NOTICE_TARGET: &str = "sqlx::postgres::notice";

/// Everything durable. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pools: Pools,
}

/// SQLite takes one writer at a time, so waiting for it happens in a queue and not in busy loops. On
/// PostgreSQL writers have connections of their own: a flood of reads must not stop the sending.
#[derive(Debug, Clone)]
pub(crate) enum Pools {
    Sqlite {
        /// Everything but appends is written here.
        writer: SqlitePool,
        appending: SqliteWriter,
        turns: Turns,
        readers: SqlitePool,
        quick: Quick,
    },
    Postgres {
        /// Everything but appends is written here.
        writers: PgPool,
        appending: PostgresWriter,
        readers: PgPool,
        /// Lives as long as the pools.
        _following: Option<Following>,
    },
}

/// Whose turn it is to write: two connections of this process do, and neither may find the file busy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<()>>);

impl Turns {
    /// Waits for a turn; it ends when the guard is dropped.
    pub(crate) async fn take(&self) -> Result<OwnedMutexGuard<()>, StoreError> {
        tokio::time::timeout(ACQUIRE_TIMEOUT, self.0.clone().lock_owned())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut.into())
    }
}

/// Where the engines' SQL differs.
pub(crate) trait Dialect {
    /// Locks the selected rows until commit. SQLite's `BEGIN IMMEDIATE` has locked them already.
    const FOR_UPDATE: &'static str;
    /// The first tick that a reader has not surely seen: all below it have ended, as an expression.
    const POSITION: &'static str;
    /// The first tick that was not given yet, as an expression: no position lies beyond it.
    const HORIZON: &'static str;
}

impl Dialect for Sqlite {
    const FOR_UPDATE: &'static str = "";
    const POSITION: &'static str = "(SELECT tick + 1 FROM ticks)";
    const HORIZON: &'static str = Self::POSITION;
}

impl Dialect for Postgres {
    const FOR_UPDATE: &'static str = " FOR UPDATE";
    const POSITION: &'static str =
        "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)";
    const HORIZON: &'static str =
        "CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT)";
}

/// Runs a reading body on either engine: `read!(store, |Db, pool| body)`.
macro_rules! read {
    ($store:expr, |$db:ident, $pool:ident| $body:expr) => {
        match &$store.pools {
            $crate::engine::Pools::Sqlite { readers: $pool, .. } => {
                #[allow(dead_code, reason = "not every body names its engine")]
                type $db = sqlx::Sqlite;
                $body
            }
            $crate::engine::Pools::Postgres { readers: $pool, .. } => {
                #[allow(dead_code, reason = "not every body names its engine")]
                type $db = sqlx::Postgres;
                $body
            }
        }
    };
}

/// Runs a body in one transaction on either engine and commits it: `write!(store, |Db, tx| body)`.
/// A `?` in the body leaves the surrounding function and rolls back.
macro_rules! write {
    ($store:expr, |$db:ident, $tx:ident| $body:expr) => {
        match &$store.pools {
            $crate::engine::Pools::Sqlite { writer, turns, .. } => {
                #[allow(dead_code, reason = "not every body names its engine")]
                type $db = sqlx::Sqlite;
                let _turn = turns.take().await?;
                let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
                let $tx = &mut *transaction;
                let value = $body;
                transaction
                    .commit()
                    .await
                    .map_err(|error| $crate::StoreError::from_commit(error.into()))?;
                value
            }
            $crate::engine::Pools::Postgres { writers, .. } => {
                #[allow(dead_code, reason = "not every body names its engine")]
                type $db = sqlx::Postgres;
                let mut transaction = writers.begin().await?;
                let $tx = &mut *transaction;
                let value = $body;
                transaction
                    .commit()
                    .await
                    .map_err(|error| $crate::StoreError::from_commit(error.into()))?;
                value
            }
        }
    };
}

pub(crate) use {read, write};

impl Store {
    /// `sqlite` or `postgres`, for logs and metrics.
    pub fn engine(&self) -> &'static str {
        match self.pools {
            Pools::Sqlite { .. } => "sqlite",
            Pools::Postgres { .. } => "postgres",
        }
    }

    /// Whether all writing goes through one connection of this process.
    pub(crate) fn has_one_writer(&self) -> bool {
        matches!(self.pools, Pools::Sqlite { .. })
    }

    /// Finishes what runs and closes the files or connections.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite {
                writer,
                readers,
                appending,
                quick,
                ..
            } => {
                // The writing pool goes last: whoever closes the file last folds the log into it.
                appending.close().await;
                quick.close().await;
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres {
                writers,
                readers,
                appending,
                ..
            } => {
                appending.close().await;
                readers.close().await;
                writers.close().await;
            }
        }
    }
}
