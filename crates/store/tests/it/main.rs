//! The store's contract, on both engines.

mod appends;
mod contract;
mod world;
