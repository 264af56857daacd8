//! The Rust client: REST calls, and a live connection that comes back by itself.
//!
//! [`Api`] speaks REST. [`session`] is what a live connection does, as a state machine without I/O;
//! [`Live`] drives it over tokio: it reconnects with jittered backoff and sends what was not acked
//! again, with the same `clientId`, in order.
//!
//! Never here: a rule of the server, a clock inside the state machine.
#![warn(missing_docs)]

mod api;
mod live;
pub mod session;
mod socket;

pub use api::{Api, ApiError};
pub use live::{Live, LiveError};
pub use session::{Event, Status};
pub use socket::{Socket, SocketError};
