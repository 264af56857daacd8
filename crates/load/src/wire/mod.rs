//! The generator's own event loop and what it speaks.
//!
//! One thread, many non-blocking sockets, one big buffer that all reads share. A delivery costs the
//! kernel's `recv` and a comparison: whatever more the generator did would be taken for the server's.

mod fleet;
mod greeted;
mod http;
mod load;
mod parlor;
mod protocol;
mod raw;
mod reborn;
mod returning;
mod ring;
mod timer;
pub(crate) mod websocket;

pub(crate) use fleet::Fleet;
pub(crate) use greeted::Greeted;
pub(crate) use http::Http;
pub(crate) use load::{Taken, acknowledged, closed, keep_up, paced, top_up};
pub(crate) use parlor::Parlor;
pub(crate) use protocol::{Heard, Protocol, Seat};
pub(crate) use raw::{Raw, TRIGGER_BYTES, WELCOME, write_message};
pub(crate) use reborn::{Reborn, Unacked};
pub(crate) use returning::{Clients, Missed, Returning};
