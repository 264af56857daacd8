//! `parlor bench`: figures of a server, taken from outside over its own protocol.

mod idle;
mod run;
mod send;
mod server;

pub(crate) use run::{Bench, run};
