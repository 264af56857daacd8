//! Facts about the store itself: its epoch, and whether it answers.

use crate::{
    Store, StoreError,
    engine::{read, write},
};

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
