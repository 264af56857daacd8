//! A database of its own for each test. Only with the feature `testing`.

use std::str::FromStr;

use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

/// Makes a fresh PostgreSQL database on the server at `url` and returns its URL.
///
/// # Panics
/// When the server does not answer: a test cannot go on without it.
pub async fn create_database(url: &str, name: &str) -> String {
    assert!(
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
        "a plain name"
    );
    let options = PgConnectOptions::from_str(url).expect("a postgres:// URL");
    let mut connection = PgConnection::connect_with(&options)
        .await
        .expect("PostgreSQL answers");
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut connection)
        .await
        .expect("made");
    connection.close().await.expect("closed");
    let (server, _) = url.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{name}")
}

impl crate::Store {
    /// Makes every row look as if a server had written it that has come further.
    ///
    /// # Panics
    /// When the store does not answer.
    pub async fn shift_ticks(&self, by: i64) {
        self.try_shift_ticks(by).await.expect("shifted");
    }

    async fn try_shift_ticks(&self, by: i64) -> Result<(), crate::StoreError> {
        crate::engine::write!(self, |Db, tx| {
            for table in ["conversations", "members", "messages"] {
                let update = format!("UPDATE {table} SET tick = tick + {by}");
                sqlx::query(AssertSqlSafe(update)).execute(&mut *tx).await?;
            }
        });
        Ok(())
    }
}
