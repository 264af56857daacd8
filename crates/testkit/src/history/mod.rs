//! What clients saw, line by line, and whether it keeps the rules of `docs/PROTOCOL.md`.
//!
//! Every client writes what it asked for and what it was told; a device writes each frame that it heard and each
//! change that it applied; at the end what is stored and what each device holds are written as they are read.
//! [`check`] knows nothing of the server: it compares these lines with each other and says which rule is broken. Its
//! own tests plant bugs into a good history and see that each is found.
//!
//! `entry` is the shape of a line, `journal` keeps lines in memory and in files, `facts` puts them in order, and
//! `check` has one file for each kind of rule.

mod check;
mod entry;
mod facts;
mod journal;
#[cfg(test)]
mod planted;

pub use check::{KILLED, SERVING_MAX_MS, Violation, check};
pub use entry::{Call, Change, Entry, Held, Line, Place};
pub use journal::{History, read_folder};
