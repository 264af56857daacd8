//! Writing a batch of changes: one transaction, whatever their number.
//!
//! Lock the conversations in the order of their ids (two nodes can never wait for each other in a
//! circle), load what decides, let `core::append::plan` decide, write what has changed with one
//! statement a kind, commit. Places and versions are given under the lock, so they are in commit
//! order and gapless. The statements stand in `statements.rs`, compiled for each engine.

mod batch;
mod postgres;
mod sqlite;

pub(crate) use batch::Results;
pub use batch::{Appended, Attempt};
