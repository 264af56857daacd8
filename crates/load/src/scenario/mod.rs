//! The scenarios: who is set up how, what load they get, and which figure is taken.

mod fanout;
mod half;
mod history;
mod idle;
mod kill;
mod lone;
mod members;
mod names;
mod pair;
mod presence;
mod reconnect;
mod resume;
mod sends;
mod stalled;
mod storm;

pub(crate) use names::Scenario;
