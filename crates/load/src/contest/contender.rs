//! Whoever is measured: the floor, Parlor, or a peer.

use std::time::Duration;

/// What one measurement gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    /// The figure that the goal speaks of: a rate, a latency.
    pub(crate) figure: f64,
    /// By what the two floors of a round are compared: the figure, or, where that is a matter of
    /// chance like a high percentile, something that only a disturbed machine changes.
    pub(crate) steady: f64,
    /// A high percentile of the same, where the figure is the middle of latencies; else the figure.
    pub(crate) tail: f64,
    /// Units of work done: deliveries, acks, sockets.
    pub(crate) units: u64,
    pub(crate) took: Duration,
    /// What the server spent on it.
    pub(crate) server_cpu: Duration,
    /// What the generator spent on it.
    pub(crate) own_cpu: Duration,
}

impl Sample {
    /// Share of the time that the server had its core.
    pub(crate) fn server_share(&self) -> f64 {
        share(self.server_cpu, self.took)
    }

    /// Share of the time that the generator had its core.
    pub(crate) fn own_share(&self) -> f64 {
        share(self.own_cpu, self.took)
    }

    /// What the server spends on one unit, in microseconds.
    pub(crate) fn server_us_per_unit(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / self.units.max(1) as f64
    }

    /// Units a second that the generator could take if it did nothing else with its core.
    pub(crate) fn ceiling(&self) -> f64 {
        self.units as f64 / self.own_cpu.as_secs_f64().max(1e-9)
    }
}

fn share(cpu: Duration, took: Duration) -> f64 {
    cpu.as_secs_f64() / took.as_secs_f64().max(1e-9)
}

/// Someone who can be measured again and again.
pub(crate) trait Contender {
    fn label(&self) -> &str;

    /// What must be known to compare it fairly: what it does not do.
    fn note(&self) -> &str;

    /// Whether it is somebody else's server, which has no goal to meet.
    fn is_peer(&self) -> bool;

    fn measure(&mut self, lasting: Duration) -> anyhow::Result<Sample>;

    /// Keeps its connections alive while others are measured.
    fn tend(&mut self) -> anyhow::Result<()>;
}
