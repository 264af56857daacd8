//! A server with its connections: what most scenarios measure.

use std::time::Duration;

use crate::{
    contest::contender::Sample,
    peer::Started,
    process::Running,
    raw::Floor,
    server::Measured,
    wire::{Fleet, Taken},
};

/// Whose server it is.
pub(crate) enum Host {
    Floor(Floor),
    Parlor(Measured),
    Peer(Started),
}

/// A server and the connections to it. The connections end first.
pub(crate) struct Crowd {
    pub(crate) label: String,
    pub(crate) note: String,
    pub(crate) fleet: Fleet,
    pub(crate) host: Host,
}

impl Crowd {
    pub(crate) fn process(&self) -> anyhow::Result<&Running> {
        match &self.host {
            Host::Floor(floor) => Ok(&floor.process),
            Host::Parlor(server) => server.process(),
            Host::Peer(server) => Ok(&server.process),
        }
    }

    pub(crate) fn is_peer(&self) -> bool {
        matches!(self.host, Host::Peer(_))
    }

    /// Puts a load on it. The figure of the sample is its deliveries a second.
    pub(crate) fn measure(
        &mut self,
        load: impl FnOnce(&mut Fleet) -> anyhow::Result<Taken>,
    ) -> anyhow::Result<(Sample, Taken)> {
        let before = self.process()?.cpu()?;
        let taken = load(&mut self.fleet)?;
        let server_cpu = self.process()?.cpu()?.saturating_sub(before);
        let took = taken.took.max(Duration::from_nanos(1));
        let rate = taken.deliveries as f64 / took.as_secs_f64();
        let sample = Sample {
            figure: rate,
            steady: rate,
            tail: rate,
            units: taken.deliveries,
            took: taken.took,
            server_cpu,
            own_cpu: taken.own_cpu,
        };
        Ok((sample, taken))
    }
}
