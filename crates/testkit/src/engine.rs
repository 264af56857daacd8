//! Both engines, real: a SQLite file in a temporary folder, a database of its own on a PostgreSQL.

use parlor_store::{Database, Store, StoreConfig};
use tempfile::TempDir;

/// Where the PostgreSQL for tests is: `postgres://user@host:port/database`. `cargo xtask test` sets it.
const POSTGRES_ENV: &str = "PARLOR_TEST_POSTGRES";

/// Which engine a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// The server at `PARLOR_TEST_POSTGRES`.
    Postgres,
}

/// A fresh store's place; it goes when this is dropped.
#[derive(Debug)]
pub struct TestStore {
    /// How it is opened.
    pub config: StoreConfig,
    /// A folder for whatever belongs to it.
    pub folder: TempDir,
}

impl TestStore {
    /// A fresh place on this engine.
    ///
    /// # Panics
    /// When PostgreSQL is asked for and there is none: a test must not pass without it.
    pub async fn new(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = match engine {
            Engine::Sqlite => Database::Sqlite(folder.path().join("parlor.db")),
            Engine::Postgres => {
                let url = std::env::var(POSTGRES_ENV).unwrap_or_else(|_| {
                    panic!("{POSTGRES_ENV} is not set: run `cargo xtask test`, which starts a PostgreSQL, or set it")
                });
                let name = format!("parlor_{}", uuid::Uuid::now_v7().simple());
                Database::Postgres(parlor_store::testing::create_database(&url, &name).await)
            }
        };
        Self {
            config: StoreConfig {
                database,
                connections_max: 4,
            },
            folder,
        }
    }

    /// The place at this `postgres://` URL.
    ///
    /// # Panics
    /// When there is no temporary folder.
    pub fn at(url: String) -> Self {
        Self {
            config: StoreConfig {
                database: Database::Postgres(url),
                connections_max: 8,
            },
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    /// Opens the store.
    pub async fn open(&self) -> Store {
        Store::open(&self.config)
            .await
            .expect("a fresh store opens")
    }
}
