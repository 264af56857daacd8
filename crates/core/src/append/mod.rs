//! What a batch of changes becomes, decided under the conversations' locks.
//!
//! Everything that has a version goes this way: messages, edits, reactions, members, cursors. The
//! store locks the conversations that a batch names, loads what [`Locked`] holds, asks [`plan`],
//! writes what has changed and commits. One bad item never fails its batch: each gets an outcome
//! of its own.

mod change;
mod event;
mod locked;
mod plan;
#[cfg(test)]
mod tests;

pub use change::{Change, Item, body_hash};
pub use event::Event;
pub use locked::{
    Earlier, Locked, LockedConversation, LockedLink, LockedMember, MemberKey, ReactionKey,
    Settings, Touched, TouchedConversation,
};
pub use plan::{Outcome, plan};
