//! Writing a batch of changes: one transaction, whatever their number.
//!
//! Lock the conversations in the order of their ids (two nodes can never wait for each other in a
//! circle), load what decides, let `core::append::plan` decide, write what has changed with one
//! statement a kind, commit. Places and versions are given under the lock, so they are in commit
//! order and gapless. This is the one place where each engine has statements of its own: it decides how
//! many messages a second a server takes, and what is fast on one engine is slow on the other.

mod batch;
mod postgres;
mod shared;
mod sqlite;

pub use batch::{Appended, Attempt};
pub(crate) use batch::{Progress, Results};
pub(crate) use postgres::Writer as PostgresWriter;
pub(crate) use sqlite::Writer as SqliteWriter;
