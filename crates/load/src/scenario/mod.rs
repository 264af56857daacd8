//! The scenarios: who is set up how, what load they get, and which figure is taken.

mod fanout;
mod half;
mod lone;
mod members;
mod names;
mod sends;
mod stalled;

pub(crate) use names::Scenario;
