//! The WebSocket: frames in, frames out. What they mean is decided by `core::session`.
//!
//! The framing is our own, because a socket that waits must own no buffer and a frame for a thousand
//! people must be made once: what comes is read into a buffer that the thread lends, what goes was
//! finished by the hub, header included. `frame` knows the bytes of RFC 6455, `socket` moves them,
//! `driver` lives a connection's life.

mod driver;
mod frame;
mod handshake;
mod socket;

pub(crate) use handshake::{AtOnce, at_once, upgrade};
