//! The store's contract, on both engines.

mod appends;
mod changes;
mod contract;
mod host_users;
mod presence;
mod replication;
mod settings;
mod standing;
mod tails;
mod unread;
mod world;
