//! Appending on PostgreSQL: few round trips, and the same text for every batch.
//!
//! Each statement takes its rows as one array a column, so its text never changes: a connection
//! parses and plans it once, whatever the size of the batch. A batch of sends is `BEGIN`, one
//! statement that locks and loads, one that writes, `COMMIT`.

mod connection;
mod load;
mod rare;
mod save;
mod writer;

pub(crate) use writer::Writer;
