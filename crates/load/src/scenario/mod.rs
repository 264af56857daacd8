//! The scenarios: who is set up how, what load they get, and which figure is taken.

mod fanout;

pub(crate) mod names;

pub(crate) use names::Scenario;
