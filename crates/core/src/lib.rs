//! The rules of Parlor: who may do what, what a batch of sends becomes, how a connection lives.
//!
//! Pure functions and state machines: `now`, ids and randomness are arguments, so every rule is
//! tested without a runtime, a clock or a disk.
//!
//! Never here: I/O, async, a clock, a random number, SQL, a transport's framing.
#![warn(missing_docs)]

pub mod append;
mod bucket;
pub mod conversation;
mod cursor;
pub mod host;
mod identity;
pub mod planted;
mod presence;
mod refusal;
pub mod session;
mod typing;
pub mod validate;

pub use bucket::{Bucket, Rate};
pub use cursor::Cursors;
pub use identity::{Actor, Identity};
pub use presence::{GRACE_MS, Presence, Presented};
pub use refusal::Refusal;
pub use typing::{Typed, Typing};
