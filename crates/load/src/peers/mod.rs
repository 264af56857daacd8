//! The wire protocols of the servers that Parlor is measured beside: one adapter each.
//!
//! `bench/peers/README.md` says what each server is told and says. The adapters check what Parlor's own
//! adapter checks: every delivery is the message that was sent, in its room, once and in its order.

mod adapter;
mod centrifuge;
mod lines;
mod nats;
mod people;
mod socketio;
mod websocket_json;
mod xmpp;

pub(crate) use adapter::adapter;
pub(crate) use people::People;
