//! The floors: servers that do nothing but what the kernel, or the database, must do anyway, each in a
//! process of its own on the server's core, so that what is measured beside them pays for no less.

mod accept;
mod command;
pub(crate) mod commits;
mod disk;
mod echo;
mod fanout;
mod start;

pub(crate) use command::{RawServer, run};
pub(crate) use start::{Floor, start, start_with, start_with_folder};
