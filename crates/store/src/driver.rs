//! What went wrong in a driver: sqlx's, or the appending connection's own.

use std::borrow::Cow;

use rusqlite::ffi;

/// The low byte of SQLite's extended codes for a disk that fails.
const SQLITE_IOERR: i32 = ffi::SQLITE_IOERR;

/// Length of PostgreSQL's codes.
const SQLSTATE_CHARS: usize = 5;

/// A driver's error.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// Of a pool, on either engine.
    #[error(transparent)]
    Pool(#[from] sqlx::Error),
    /// Of the connection that appends on SQLite.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl DriverError {
    /// Whether the disk is full: `SQLITE_FULL`, and PostgreSQL's `disk_full`.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Pool(error) => error
                .as_database_error()
                .and_then(sqlx::error::DatabaseError::code)
                .is_some_and(|code| code == "13" || code == "53100"),
            Self::Sqlite(error) => primary_code(error) == Some(ffi::SQLITE_FULL),
        }
    }

    /// Whether SQLite could not read or write its files.
    pub(crate) fn is_disk_failure(&self) -> bool {
        match self {
            Self::Pool(error) => error
                .as_database_error()
                .filter(|database| {
                    database
                        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
                        .is_some()
                })
                .and_then(sqlx::error::DatabaseError::code)
                .and_then(|code| code.parse::<i32>().ok())
                .is_some_and(|code| code & 0xff == SQLITE_IOERR),
            Self::Sqlite(error) => primary_code(error) == Some(SQLITE_IOERR),
        }
    }

    /// Whether SQLite would have had to wait for another connection.
    pub(crate) fn is_busy(&self) -> bool {
        match self {
            Self::Pool(_) => false,
            Self::Sqlite(error) => primary_code(error) == Some(ffi::SQLITE_BUSY),
        }
    }

    /// PostgreSQL's five characters; of SQLite's codes, constraints count as class 23.
    pub(crate) fn sqlstate(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Pool(error) => {
                let database = error.as_database_error()?;
                if database.is_unique_violation() {
                    return Some("23505".into());
                }
                if database.is_foreign_key_violation() || database.is_check_violation() {
                    return Some("23503".into());
                }
                // SQLite's codes are numbers: 2314 is a disk that fails and no constraint.
                database.code().filter(|code| code.len() == SQLSTATE_CHARS)
            }
            Self::Sqlite(error) => {
                let extended = error.sqlite_error()?.extended_code;
                match extended {
                    ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                        Some("23505".into())
                    }
                    code if code & 0xff == ffi::SQLITE_CONSTRAINT => Some("23503".into()),
                    _ => None,
                }
            }
        }
    }
}

fn primary_code(error: &rusqlite::Error) -> Option<i32> {
    Some(error.sqlite_error()?.extended_code & 0xff)
}
