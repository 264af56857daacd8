//! What can go wrong in a store, as far as a caller acts on it.

use parlor_core::Refusal;
use parlor_protocol::Code;

use crate::driver::DriverError;

/// A failed store operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A rule that only the store can see is broken (a taken handle, a missing member).
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The engine could not be asked or did not answer; nothing was stored.
    #[error("store not available: {0}")]
    Unavailable(#[source] DriverError),
    /// The commit failed or got no answer: it may or may not be on disk.
    #[error("outcome of the commit is not known: {0}")]
    UnknownOutcome(#[source] DriverError),
    /// The commit is on PostgreSQL's own disk; whether it is on its synchronous standby is not known.
    #[error("the commit was cancelled while it waited for the synchronous standby")]
    NotReplicated,
    /// The disk failed under a commit. What the file holds is not known before it is opened anew.
    #[error("the disk failed under a commit: {0}")]
    Broken(#[source] DriverError),
    /// The thread that writes has ended: after a disk that failed, or by a defect.
    #[error("the writing thread has ended")]
    WriterEnded,
    /// No answer within the deadline, and the commit had been begun: it may or may not be on disk.
    #[error("no answer of the database within the deadline")]
    TimedOut,
    /// No answer within the deadline, and the commit had not been begun: nothing was stored.
    #[error("the database was too slow")]
    TooSlow,
    /// The disk is full; nothing was stored.
    #[error("disk is full")]
    StorageFull,
    /// A stored value that this version cannot read.
    #[error("stored value is not readable: {0}")]
    Corrupt(String),
}

impl From<DriverError> for StoreError {
    fn from(error: DriverError) -> Self {
        if error.is_full() {
            Self::StorageFull
        } else {
            Self::Unavailable(error)
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        DriverError::from(error).into()
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        DriverError::from(error).into()
    }
}

impl StoreError {
    /// The error of a failed commit.
    pub(crate) fn from_commit(error: DriverError) -> Self {
        if error.is_disk_failure() {
            return Self::Broken(error);
        }
        match Self::from(error) {
            Self::Unavailable(error) => Self::UnknownOutcome(error),
            other => other,
        }
    }

    /// Whether it may be on disk all the same.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(
            self,
            Self::UnknownOutcome(_)
                | Self::NotReplicated
                | Self::TimedOut
                | Self::Broken(_)
                | Self::WriterEnded
        )
    }

    /// Whether another writer was in the way (a deadlock, a unique key taken meanwhile): nothing was
    /// stored, and the next try sees what the other one did.
    pub(crate) fn is_conflict(&self) -> bool {
        self.sqlstate()
            .is_some_and(|state| state.starts_with("40") || state == "23505")
    }

    /// Whether SQLite would have had to wait for another connection.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Unavailable(error) if error.is_busy())
    }

    /// Whether one of the values was at fault and not the database.
    pub(crate) fn blames_a_value(&self) -> bool {
        self.sqlstate()
            .is_some_and(|state| state.starts_with("22") || state.starts_with("23"))
    }

    fn sqlstate(&self) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Self::Unavailable(error) => error.sqlstate(),
            _ => None,
        }
    }

    /// What the caller is told; the cause is for the log.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            // Asked again it would be refused again.
            Self::Unavailable(_) if self.blames_a_value() => Refusal::new(
                Code::InvalidRequest,
                "the database does not take one of these values",
            ),
            Self::Unavailable(_) | Self::TooSlow => {
                Refusal::new(Code::Unavailable, "the database does not answer, try again")
            }
            Self::UnknownOutcome(_)
            | Self::NotReplicated
            | Self::Broken(_)
            | Self::WriterEnded
            | Self::TimedOut => Refusal::new(
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
