//! What can go wrong in a store, as far as a caller acts on it.

use parlor_core::Refusal;
use parlor_protocol::Code;

/// A failed store operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A rule that only the store can see is broken (a taken handle, a missing member).
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The engine could not be asked or did not answer; nothing was stored.
    #[error("store not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The commit failed or got no answer: it may or may not be on disk.
    #[error("outcome of the commit is not known: {0}")]
    UnknownOutcome(#[source] sqlx::Error),
    /// No answer within the deadline: it may or may not be on disk.
    #[error("no answer of the database within the deadline")]
    TimedOut,
    /// The disk is full; nothing was stored.
    #[error("disk is full")]
    StorageFull,
    /// A stored value that this version cannot read.
    #[error("stored value is not readable: {0}")]
    Corrupt(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // SQLITE_FULL, and PostgreSQL's disk_full.
        let full = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| code == "13" || code == "53100");
        if full {
            Self::StorageFull
        } else {
            Self::Unavailable(error)
        }
    }
}

impl StoreError {
    /// The error of a failed commit.
    pub(crate) fn from_commit(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Unavailable(error) => Self::UnknownOutcome(error),
            other => other,
        }
    }

    /// What the caller is told; the cause is for the log.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Unavailable(_) => {
                Refusal::new(Code::Unavailable, "the database does not answer, try again")
            }
            Self::UnknownOutcome(_) | Self::TimedOut => Refusal::new(
                Code::UnknownOutcome,
                "it may have been stored: send the same clientId again",
            ),
            Self::StorageFull => Refusal::new(
                Code::StorageFull,
                "the server's disk is full, reading still works",
            ),
            Self::Corrupt(_) => Refusal::new(Code::Internal, "a stored value could not be read"),
        }
    }
}
