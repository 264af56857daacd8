//! Facts about the store itself: its epoch, and whether it answers.

use sqlx::QueryBuilder;

use crate::{
    Store, StoreError,
    engine::{Dialect, Pools, read, write},
};

/// `invalid_parameter_value`: how `pg_xact_status` refuses an id that was not given yet.
fn is_in_the_future(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == "22023")
}

/// A place in the order of commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The first tick that a reader has not surely seen: everything below it has ended.
    pub next: i64,
    /// The first tick that was not given yet.
    pub horizon: i64,
}

impl Store {
    /// The name of this store's history. `candidate` becomes it when there is none yet.
    pub async fn epoch(&self, candidate: &str) -> Result<String, StoreError> {
        write!(self, |Db, tx| {
            sqlx::query(
                "INSERT INTO meta (key, value) VALUES ('epoch', $1) ON CONFLICT (key) DO NOTHING",
            )
            .bind(candidate)
            .execute(&mut *tx)
            .await?;
        });
        Ok(read!(self, |Db, pool| sqlx::query_scalar(
            "SELECT value FROM meta WHERE key = 'epoch'"
        )
        .fetch_one(pool)
        .await?))
    }

    /// Gives this store's history another name: it was restored from a backup, so what clients know
    /// of it may never have happened. Ticks that this server has not given yet are forgotten: they
    /// would be taken for changes to come.
    pub async fn renew_epoch(&self, name: &str) -> Result<(), StoreError> {
        write!(self, |Db, tx| {
            sqlx::query(
                "INSERT INTO meta (key, value) VALUES ('epoch', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )
            .bind(name)
            .execute(&mut *tx)
            .await?;
            for update in [
                "UPDATE conversations SET tick = 0 WHERE tick >= ",
                "UPDATE members SET tick = 0 WHERE tick >= ",
                "UPDATE messages SET tick = 0 WHERE tick >= ",
                "UPDATE messages SET revised_tick = NULL WHERE revised_tick >= ",
            ] {
                let mut query = QueryBuilder::<Db>::new(update);
                query.push(<Db as Dialect>::HORIZON);
                query.build().execute(&mut *tx).await?;
            }
        });
        Ok(())
    }

    /// Whether this store holds ticks that its server has not given: it was filled on another one.
    pub async fn is_from_elsewhere(&self) -> Result<bool, StoreError> {
        Ok(read!(self, |Db, pool| {
            let mut query =
                QueryBuilder::<Db>::new("SELECT COUNT(*) > 0 FROM conversations WHERE tick >= ");
            query.push(<Db as Dialect>::HORIZON);
            query.build_query_scalar().fetch_one(pool).await?
        }))
    }

    /// Where a reader stands now, and the furthest place at which any may stand.
    pub async fn position(&self) -> Result<Position, StoreError> {
        let (next, horizon) = read!(self, |Db, pool| {
            let mut query = QueryBuilder::<Db>::new("SELECT ");
            query
                .push(<Db as Dialect>::POSITION)
                .push(" AS next, ")
                .push(<Db as Dialect>::HORIZON)
                .push(" AS horizon");
            query.build_query_as().fetch_one(pool).await?
        });
        Ok(Position { next, horizon })
    }

    /// Whether the batch with this tick is on disk; `None` while that is not decided.
    pub async fn outcome(&self, tick: i64) -> Result<Option<bool>, StoreError> {
        match &self.pools {
            // Whoever gets a turn to write knows that the batch before has ended. The batch after a failed
            // one has the same tick, so this must be asked before it.
            Pools::Sqlite { writer, turns, .. } => {
                let _turn = turns.take().await?;
                let last: i64 = sqlx::query_scalar("SELECT tick FROM ticks")
                    .fetch_one(writer)
                    .await?;
                Ok(Some(last >= tick))
            }
            Pools::Postgres { readers, .. } => {
                let status: Result<Option<String>, sqlx::Error> =
                    sqlx::query_scalar("SELECT pg_xact_status(CAST($1 AS xid8))")
                        .bind(tick.to_string())
                        .fetch_one(readers)
                        .await;
                match status {
                    Ok(status) => Ok(match status.as_deref() {
                        Some("in progress") => None,
                        Some("aborted") => Some(false),
                        // Too old to be known is old enough to be there.
                        _ => Some(true),
                    }),
                    // A standby that took over never saw it.
                    Err(error) if is_in_the_future(&error) => Ok(Some(false)),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// Notes that the demo's people live here.
    pub async fn mark_demo(&self) -> Result<(), StoreError> {
        write!(self, |Db, tx| {
            sqlx::query("INSERT INTO meta (key, value) VALUES ('demo', 'filled')")
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// Whether the demo's people live here.
    pub async fn is_demo(&self) -> Result<bool, StoreError> {
        let mark: Option<String> = read!(self, |Db, pool| sqlx::query_scalar(
            "SELECT value FROM meta WHERE key = 'demo'"
        )
        .fetch_optional(pool)
        .await?);
        Ok(mark.is_some())
    }

    /// Asks the engine for something trivial; an error means that it does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        read!(self, |Db, pool| sqlx::query("SELECT 1")
            .execute(pool)
            .await
            .map(drop)?);
        Ok(())
    }
}
