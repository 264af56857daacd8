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
