//! The floors: servers that do nothing but what the kernel must do anyway, each in a process of its
//! own on the server's core, so that what is measured beside them pays for no less.

mod accept;
mod command;
mod echo;
mod fanout;
mod start;

pub(crate) use command::{RawServer, run};
pub(crate) use start::{Floor, start};
