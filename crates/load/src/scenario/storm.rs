//! A crowd that leaves without a word and comes back as fast as it is let in, again and again.

use std::{
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::{
    adapter::Visits,
    contest::{Contender, Host, Sample},
    machine::own_cpu,
    process::Running,
    scenario::pair::Pair,
    statistics::{Latencies, Spread},
    wire::Fleet,
};

/// Storms have this share of a measurement's time: to leave takes time as well.
const SHARE: f64 = 0.5;

/// Which figure is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    ClientsPerSecond,
    MicrosecondsPerClient,
}

/// A server and those who come back to it.
pub(crate) struct Storm {
    pub(crate) label: String,
    pub(crate) note: String,
    pub(crate) is_peer: bool,
    pub(crate) figure: Figure,
    pub(crate) clients: usize,
    pub(crate) visits: Visits,
    pub(crate) address: SocketAddr,
    // Connections end before their server.
    pub(crate) fleet: Option<Fleet>,
    pub(crate) pair: Option<Talk>,
    pub(crate) host: Host,
}

/// A pair that stays, and what it has waited.
pub(crate) struct Talk {
    pair: Pair,
    /// Before each storm and in it.
    pub(crate) waits: Vec<(Latencies, Latencies)>,
}

impl Talk {
    pub(crate) fn new(pair: Pair) -> Self {
        Self {
            pair,
            waits: Vec::new(),
        }
    }
}

/// One storm.
#[derive(Debug, Default)]
struct Passed {
    took: Duration,
    server_cpu: Duration,
    own_cpu: Duration,
    clients: u64,
    /// How long each of them took, in seconds.
    each: Vec<f64>,
}

impl Storm {
    pub(crate) fn process(&self) -> anyhow::Result<&Running> {
        match &self.host {
            Host::Floor(floor) => Ok(&floor.process),
            Host::Parlor(server) => server.process(),
            Host::Peer(server) => Ok(&server.process),
        }
    }

    /// Everybody comes for the first time; it is not counted.
    pub(crate) fn first_visit(&mut self) -> anyhow::Result<()> {
        self.fleet = Some(self.open()?);
        Ok(())
    }

    fn open(&self) -> anyhow::Result<Fleet> {
        Fleet::open(self.address, (self.visits)(), &[self.clients])
    }

    /// Everybody is gone, and when the server has noticed, everybody comes.
    fn pass(&mut self, passed: &mut Passed) -> anyhow::Result<()> {
        self.fleet = None;
        if matches!(self.host, Host::Floor(_)) {
            // It looks at nobody, so it is told.
            drop(TcpStream::connect(self.address)?);
        }
        self.process()?.until_idle()?;
        let (server_cpu, own, begun) = (self.process()?.cpu()?, own_cpu(), Instant::now());
        let fleet = self.open()?;
        let took = begun.elapsed();
        passed.each.push(took.as_secs_f64());
        passed.took += took;
        passed.own_cpu += own_cpu().saturating_sub(own);
        passed.server_cpu += self.process()?.cpu()?.saturating_sub(server_cpu);
        passed.clients += self.clients as u64;
        self.fleet = Some(fleet);
        Ok(())
    }

    fn talked<T>(
        &mut self,
        meanwhile: impl FnOnce(&mut Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<(T, Latencies)> {
        if let Some(talk) = &self.pair {
            talk.pair.begin()?;
        }
        let done = meanwhile(self)?;
        let waits = match &self.pair {
            Some(talk) => talk.pair.end()?,
            None => Latencies::default(),
        };
        Ok((done, waits))
    }

    fn calm(&mut self, lasting: Duration) -> anyhow::Result<Latencies> {
        if self.pair.is_none() {
            return Ok(Latencies::default());
        }
        let rest = |storm: &mut Self| match &mut storm.fleet {
            Some(fleet) => fleet.rest(lasting),
            None => Ok(()),
        };
        Ok(self.talked(rest)?.1)
    }
}

impl Contender for Storm {
    fn label(&self) -> &str {
        &self.label
    }

    fn note(&self) -> &str {
        &self.note
    }

    fn is_peer(&self) -> bool {
        self.is_peer
    }

    /// As many storms as fit into this time, one at least.
    fn measure(&mut self, lasting: Duration) -> anyhow::Result<Sample> {
        if self.fleet.is_none() {
            self.first_visit()?;
        }
        let before = self.calm(lasting)?;
        let mut during = Latencies::default();
        let mut passed = Passed::default();
        while passed.took < lasting.mul_f64(SHARE) {
            let ((), waits) = self.talked(|storm| storm.pass(&mut passed))?;
            during.merge(&waits);
        }
        if let Some(talk) = &mut self.pair {
            talk.waits.push((before, during));
        }
        // A storm is short: one that something else has disturbed must not decide for the others.
        let middle = Spread::of(passed.each).context("no storm has passed")?;
        let clients = self.clients as f64;
        let figure = match self.figure {
            Figure::ClientsPerSecond => clients / middle.median,
            Figure::MicrosecondsPerClient => middle.median * 1e6 / clients,
        };
        Ok(Sample {
            figure,
            steady: figure,
            tail: figure,
            units: passed.clients,
            took: passed.took,
            server_cpu: passed.server_cpu,
            own_cpu: passed.own_cpu,
        })
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        match &mut self.fleet {
            Some(fleet) => fleet.tend(),
            None => Ok(()),
        }
    }
}
