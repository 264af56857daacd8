//! `parlor bench`: the load generator.
//!
//! A scenario is a contest: the machine's own floor, Parlor, and other people's servers do the same
//! work in turn, and what is reported is how they stand to the floor of the same minutes. `contest`
//! holds the rules of that, `wire` the event loop that all of them are loaded with, `raw` the floors,
//! `scenario` what is measured, `report` how it is said. `single` holds benchmarks of one server that
//! are no contest yet.
//!
//! Linux only: it pins processes to cores and reads what the kernel counted for them.

mod adapter;
mod command;
mod contest;
mod host_app;
mod lab;
mod machine;
mod payload;
mod peer;
mod peers;
mod process;
mod progress;
mod raw;
mod report;
mod scenario;
mod server;
mod single;
mod statistics;
mod town;
mod wire;

pub use command::{Bench, run};
