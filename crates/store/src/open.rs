//! Opening a store: connecting, checking what is there, bringing the schema up to date.

use std::path::{Path, PathBuf};

use sqlx::{
    Connection, SqliteConnection,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    append::{PostgresWriter, SqliteWriter},
    engine::{ACQUIRE_TIMEOUT, Pools, Store, Turns},
    hosts::{Hosts, Switched, place},
    migrations,
    quick::Quick,
};

/// Oldest PostgreSQL that is supported; 13 is the oldest that Debian's supported releases carry.
const POSTGRES_VERSION_MIN: i32 = 130_000;
/// Rows that SQLite's worker thread may be ahead of its reader: a whole page, so that it never waits.
const ROW_BUFFER_ROWS: usize = 256;
/// Page cache of one SQLite connection, in KiB (a negative pragma counts KiB).
const SQLITE_CACHE_KIB: u32 = 16 * 1024;

/// Which engine, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file; it is made if missing, readable by its owner only.
    Sqlite(PathBuf),
    /// A `postgres://` URL.
    Postgres(String),
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Which engine, and where.
    pub database: Database,
    /// Most connections at once. SQLite: readers, there is one writer; PostgreSQL: half of them write.
    pub connections_max: u32,
}

/// Why a store cannot be opened, in words for an operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The SQLite file cannot be made or opened.
    #[error("cannot open the database file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The URL is not one.
    #[error("DATABASE_URL is not a usable postgres:// URL: {0}")]
    Url(String),
    /// No server answers, or it refuses.
    #[error("cannot reach PostgreSQL at {at}: {reason}")]
    Unreachable {
        /// Host and port, never a password.
        at: String,
        /// What the server or the system says.
        reason: String,
    },
    /// The server is too old.
    #[error("PostgreSQL {found} is too old: 13 or newer is needed")]
    TooOld {
        /// The server's version.
        found: String,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the database schema up to date: {0}")]
    Migrate(String),
}

impl Store {
    /// Connects, checks the server's version and runs the migrations that are missing.
    pub async fn open(config: &StoreConfig) -> Result<Self, OpenError> {
        match &config.database {
            Database::Sqlite(path) => open_sqlite(path, config.connections_max).await,
            Database::Postgres(url) => open_postgres(url, config.connections_max).await,
        }
    }
}

async fn open_sqlite(path: &Path, readers_max: u32) -> Result<Store, OpenError> {
    let file_error = |source| OpenError::File {
        path: path.to_owned(),
        source,
    };
    make_private_file(path).map_err(file_error)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // An ack means "on disk": FULL syncs the log at each commit.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(ACQUIRE_TIMEOUT)
        .pragma("cache_size", format!("-{SQLITE_CACHE_KIB}"))
        .pragma("temp_store", "memory")
        .row_buffer_size(ROW_BUFFER_ROWS);
    let to_file_error = |error: sqlx::Error| file_error(std::io::Error::other(error.to_string()));
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A file does not go away like a server, and each question is a trip to another thread.
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(is_at_rest(connection)))
        .connect_with(options.clone())
        .await
        .map_err(to_file_error)?;
    migrations::sqlite()
        .run(&writer)
        .await
        .map_err(|e| OpenError::Migrate(e.to_string()))?;
    let readers = SqlitePoolOptions::new()
        .max_connections(readers_max.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_with(options.read_only(true))
        .await
        .map_err(to_file_error)?;
    let to_file_error =
        |error: rusqlite::Error| file_error(std::io::Error::other(error.to_string()));
    let appending = SqliteWriter::open(path, ACQUIRE_TIMEOUT, SQLITE_CACHE_KIB);
    let appending = appending.map_err(to_file_error)?;
    let quick = Quick::open(path, ACQUIRE_TIMEOUT).map_err(to_file_error)?;
    Ok(Store {
        pools: Pools::Sqlite {
            writer,
            appending,
            turns: Turns::default(),
            readers,
            quick,
        },
    })
}

/// Whether the last transaction of a connection has ended. A full disk ends it behind the driver's
/// back, which then takes the connection for busy for ever: such a one is replaced.
async fn is_at_rest(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // A rollback may still be queued; this waits behind it.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// SQLite gives its log files the mode of the database file, so making that one private is enough.
fn make_private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

async fn open_postgres(url: &str, connections_max: u32) -> Result<Store, OpenError> {
    let hosts = Hosts::parse(url).map_err(|e| OpenError::Url(e.to_string()))?;
    let unreachable = |(at, error): (String, sqlx::Error)| OpenError::Unreachable {
        at,
        reason: reason(&error),
    };
    // A pool would try again until its timeout and hide the reason: ask once, directly.
    let (mut connection, _) = hosts.primary().await.map_err(unreachable)?;
    check_version(&mut connection).await?;
    // Before the time limits below: building an index may take its time.
    migrations::postgres()
        .run(&mut connection)
        .await
        .map_err(|e| OpenError::Migrate(e.to_string()))?;
    drop(connection.close().await);

    let hosts = hosts.map(|options| {
        options.options([
            // An operator's default of `off` must not turn an ack into a hope.
            ("synchronous_commit", "on"),
            ("idle_in_transaction_session_timeout", "30s"),
            ("statement_timeout", "10s"),
            // Keeps a connection from waiting for a host that has vanished without a word.
            ("tcp_user_timeout", "15s"),
        ])
    });
    let (connection, options) = hosts.primary().await.map_err(unreachable)?;
    drop(connection.close().await);
    let at = place(&options);
    let switched = Switched::default();
    let pool = async |connections: u32| {
        let switched = switched.clone();
        PgPoolOptions::new()
            .max_connections(connections.max(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .before_acquire(move |_, meta| {
                let keeps = switched.keeps(meta.age);
                Box::pin(async move { Ok(keeps) })
            })
            .connect_with(options.clone())
            .await
            .map_err(|error| unreachable((at.clone(), error)))
    };
    // One of them is the appending thread's.
    let writers = pool((connections_max / 2).saturating_sub(1)).await?;
    let readers = pool(connections_max - connections_max / 2).await?;
    let appending = PostgresWriter::spawn(writers.clone(), switched.clone())
        .map_err(|error| unreachable((at.clone(), sqlx::Error::Io(error))))?;
    let following = hosts.follow(at.clone(), [writers.clone(), readers.clone()], switched);
    Ok(Store {
        pools: Pools::Postgres {
            writers,
            appending,
            readers,
            _following: following,
        },
    })
}

async fn check_version(connection: &mut sqlx::PgConnection) -> Result<(), OpenError> {
    let (number, text): (String, String) = sqlx::query_as(
        "SELECT current_setting('server_version_num'), current_setting('server_version')",
    )
    .fetch_one(connection)
    .await
    .map_err(|e| OpenError::Migrate(e.to_string()))?;
    if is_supported(&number) {
        Ok(())
    } else {
        Err(OpenError::TooOld { found: text })
    }
}

fn is_supported(version_number: &str) -> bool {
    version_number
        .parse()
        .is_ok_and(|number: i32| number >= POSTGRES_VERSION_MIN)
}

fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_supported;

    #[test]
    fn old_servers_are_refused() {
        assert!(is_supported("150018") && is_supported("130000") && is_supported("180001"));
        assert!(!is_supported("120022") && !is_supported("90624") && !is_supported("unknown"));
    }
}
