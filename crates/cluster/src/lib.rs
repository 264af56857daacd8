//! A `PostgreSQL` cluster for one run of tests: made in a folder of its own, on a free port of the loopback, with the
//! durability settings of a real one, broken on demand, and gone afterwards.
//!
//! Used by `xtask`, which builds with nothing else of this workspace, and by the torture run. Never here: a
//! dependency, or anything that ships.
#![warn(missing_docs)]

mod cluster;
mod faults;
mod programs;

pub use cluster::Cluster;
pub use faults::Exhausted;
pub use programs::{find, is_root};
