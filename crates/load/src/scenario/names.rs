//! The scenarios by name.

use crate::{lab::Lab, scenario::fanout};

/// A scenario. `all` runs them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// One message at a time to every member of a large group.
    Fanout,
    /// The same with 64 messages under way.
    Backlog,
}

impl Scenario {
    pub(crate) const ALL: [Self; 2] = [Self::Fanout, Self::Backlog];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fanout => "fanout",
            Self::Backlog => "backlog",
        }
    }

    pub(crate) fn run(self, lab: &mut Lab, members: usize) -> anyhow::Result<()> {
        lab.progress.scenario(self.name());
        match self {
            Self::Fanout => fanout::alone(lab, members),
            Self::Backlog => fanout::backlog(lab, members),
        }
    }
}
