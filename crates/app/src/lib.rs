//! Use cases: what an actor wants becomes a decision of `parlor-core`, a write to the store and an
//! event in the hub, in this order.
//!
//! Each transport calls the same methods of [`App`] with an [`Actor`](parlor_core::Actor), so a
//! rule cannot hold on one and not on another. This is the only crate that writes to the store.
//!
//! Never here: a frame's bytes, an HTTP status, SQL.
#![warn(missing_docs)]

mod accounts;
mod admission;
mod app;
mod clock;
mod conversations;
mod credential;
mod demo;
mod detached;
mod ephemeral;
mod known;
mod limiter;
mod links;
mod login_links;
mod members;
mod messages;
mod page_token;
mod people;
mod presence;
mod publisher;
mod receipts;
mod revoked;
mod sight;
mod sync;
mod tails;
mod typing;

pub use accounts::Caller;
pub use admission::FirstSight;
pub use app::{App, AppConfig, Attached, Stats};
pub use clock::{Clock, SystemClock};
pub use conversations::{CreatedConversation, ListConversations};
pub use credential::Credential;
pub use demo::Demo;
pub use ephemeral::Lasting;
pub use messages::{PendingChange, PendingSend, Sent, WindowQuery};
