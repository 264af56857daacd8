//! `parlor bench`: figures of a server, taken from outside over its own protocol.

mod floor;
mod idle;
mod run;
mod send;
mod server;
mod sync;

pub(crate) use run::{Bench, run};
