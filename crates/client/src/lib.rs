//! The Rust client: REST calls, and a live connection that comes back by itself.
//!
//! [`Api`] speaks REST. [`session`] is what a live connection does, as a state machine without I/O: it
//! resumes where it was cut off, holds the state that the server has told ([`session::Replica`]), tells
//! each message once and in order, and sends what was not acked again, with the same `clientId`.
//! [`Live`] drives it over tokio and keeps what is not acked in an [`outbox`].
//!
//! Never here: a rule of the server, a clock inside the state machine.
#![warn(missing_docs)]

mod api;
mod backoff;
mod event;
mod live;
pub mod outbox;
mod reads;
mod replica;
mod sends;
pub mod session;
mod socket;
mod window;

pub use api::{Api, ApiError};
pub use event::{Event, Status};
pub use live::{Builder, Live, LiveError};
pub use outbox::OutboxError;
pub use socket::{Socket, SocketError};
