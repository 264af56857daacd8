//! Appending on SQLite: one connection on a thread of its own, one prepared statement a row.
//!
//! SQLite is a library in this process: a statement that is prepared already costs a microsecond or
//! two, and what is dear is to hand each of them to another thread and to build their text anew for
//! every size of a batch. So a whole batch goes to the thread at once and comes back committed.

mod load;
mod save;
mod writer;

pub(crate) use writer::Writer;
