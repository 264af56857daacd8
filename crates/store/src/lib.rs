//! Everything durable, on SQLite or PostgreSQL, written once.
//!
//! A [`Store`] offers whole operations ("append these", "a page of history"), not rows. Each is
//! written once and expanded for both engines by the macros of `engine`; only the schema and a
//! locking clause differ.
//!
//! Adding an operation: put it into the module of its noun, write it with `read!` or `write!`,
//! return wire types or core's, and add a case to `tests/it/contract.rs`, which runs on both
//! engines. Absence is `Ok(None)`, a broken rule is [`StoreError::Refused`].
//!
//! Never here: a rule (they are in `parlor-core`), a live connection, a clock: times are arguments.
#![warn(missing_docs)]

mod accounts;
mod append;
mod appender;
mod conversations;
mod counts;
mod directory;
mod driver;
mod engine;
mod error;
mod floor;
mod history;
mod host_users;
mod hosts;
mod links;
mod meta;
mod migrations;
mod open;
mod presence;
mod quick;
mod replicated;
mod rows;
mod sessions;
mod standing;
mod sync;
mod tail;
#[cfg(feature = "testing")]
pub mod testing;

pub use accounts::{Account, NewUser};
pub use append::{Appended, Attempt};
pub use appender::{Announced, Appender, AppenderConfig, PendingAppend};
pub use conversations::{ListFilter, ListKey};
pub use directory::MemberKey;
pub use driver::DriverError;
pub use engine::{DRIVER_LOG_TARGET, Store};
pub use error::StoreError;
pub use floor::{RawCommits, RawRows};
pub use history::Window;
pub use host_users::HostStanding;
pub use links::NewLink;
pub use meta::Position;
pub use open::{Database, OpenError, StoreConfig};
pub use presence::Seat;
pub use sessions::{NewSession, RefreshOutcome, Rotation};
pub use standing::Standing;
pub use sync::{ChangedConversation, Changes};
pub use tail::{Missed, Tail};
