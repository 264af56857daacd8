//! Live connections: who is connected, what they listen to, and the bounded way out to each.
//!
//! A topic per conversation holds its live connections. A frame is encoded once and pushed as the
//! same bytes into the outbox of each; whoever published writes them out, one write for all that
//! waits. A publisher never waits: what the kernel does not take at once is left to the connection's
//! own task, and an outbox that is full ends its own connection (4008), nobody else's.
//!
//! Everything here may be lost at any moment without losing a message: the store is the truth.
//!
//! Never here: a rule, the store, a transport.
#![warn(missing_docs)]

mod connection;
mod frame;
mod hub;
mod loaded;
mod outbox;
#[cfg(test)]
mod tape;

pub use connection::{Connection, ConnectionId};
pub use frame::{CursorOf, EphemeralOf, Frame, FrameKind};
pub use hub::{Counts, Hub};
pub use loaded::Loaded;
pub use outbox::{Flushed, Line, OUTBOX_BYTES_MAX, OUTBOX_FRAMES_MAX, Outbox, Trouble};
