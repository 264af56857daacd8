//! The store's contract, on both engines.

mod appends;
mod changes;
mod contract;
mod replication;
mod world;
