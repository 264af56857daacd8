//! The scenarios by name.

use crate::{
    lab::Lab,
    scenario::{
        fanout, half, history, idle, kill, lone, members, presence, reconnect, resume, sends,
        stalled,
    },
};

/// A scenario. `all` runs them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// One message at a time to every member of a large group.
    Fanout,
    /// The same with 64 messages under way.
    Backlog,
    /// How late deliveries are at half of the server's own maximum.
    Half,
    /// What a delivery costs the server in groups of ten members to ten thousand.
    Members,
    /// The same fan-out while one reader in a hundred does not read.
    Stalled,
    /// Durable acknowledged sends: 64 senders with 8 messages under way.
    Sends,
    /// How long a lone sender waits for an ack.
    Lone,
    /// What a connection costs that does nothing.
    Idle,
    /// Everybody comes back at once.
    Reconnect,
    /// Everybody comes back and has missed 100 messages.
    Resume,
    /// Reading with a long history and a short one.
    History,
    /// What a group's members are sent while all of them come online.
    Presence,
    /// kill -9 while 64 senders send.
    Kill,
}

impl Scenario {
    pub(crate) const ALL: [Self; 13] = [
        Self::Fanout,
        Self::Backlog,
        Self::Half,
        Self::Members,
        Self::Stalled,
        Self::Sends,
        Self::Lone,
        Self::Idle,
        Self::Reconnect,
        Self::Resume,
        Self::History,
        Self::Presence,
        Self::Kill,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fanout => "fanout",
            Self::Backlog => "backlog",
            Self::Half => "half",
            Self::Members => "members",
            Self::Stalled => "stalled",
            Self::Sends => "sends",
            Self::Lone => "lone",
            Self::Idle => "idle",
            Self::Reconnect => "reconnect",
            Self::Resume => "resume",
            Self::History => "history",
            Self::Presence => "presence",
            Self::Kill => "kill",
        }
    }

    /// Sets it up, measures, and adds what was found to the report.
    pub(crate) fn run(self, lab: &mut Lab, members: usize) -> anyhow::Result<()> {
        lab.progress.scenario(self.name());
        match self {
            Self::Fanout => fanout::alone(lab, members),
            Self::Backlog => fanout::backlog(lab, members),
            Self::Half => half::run(lab, members),
            Self::Members => members::run(lab),
            Self::Stalled => stalled::run(lab, members),
            Self::Sends => sends::run(lab),
            Self::Lone => lone::run(lab),
            Self::Idle => idle::run(lab),
            Self::Reconnect => reconnect::run(lab),
            Self::Resume => resume::run(lab),
            Self::History => history::run(lab),
            Self::Presence => presence::run(lab),
            Self::Kill => kill::run(lab),
        }
    }
}
