//! What every scenario works with: the machine, the plan, whoever is measured, and the report.

use tokio::runtime::Runtime;

use crate::{
    adapter,
    contest::{Crowd, Host, Plan},
    machine::Machine,
    peer::Peer,
    progress::Progress,
    raw,
    report::Report,
    server::Measured,
    town::Town,
    wire::{Fleet, Raw},
};

pub(crate) struct Lab {
    pub(crate) machine: Machine,
    pub(crate) plan: Plan,
    pub(crate) database_url: Option<String>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) progress: Progress,
    pub(crate) report: Report,
    pub(crate) sizes: Sizes,
    /// For REST while a scenario is set up; idle while it is measured.
    pub(crate) runtime: Runtime,
}

/// How large what is measured is, where somebody has said so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) quick: bool,
    pub(crate) clients: Option<usize>,
    pub(crate) messages: Option<u64>,
}

impl Lab {
    /// How many people come and go: as many as was said, or one of these.
    pub(crate) fn clients(&self, unhurried: usize, quick: usize) -> usize {
        let usual = if self.sizes.quick { quick } else { unhurried };
        self.sizes.clients.unwrap_or(usual)
    }

    /// How many messages a long history has: as many as was said, or one of these.
    pub(crate) fn messages(&self, unhurried: u64, quick: u64) -> u64 {
        let usual = if self.sizes.quick { quick } else { unhurried };
        self.sizes.messages.unwrap_or(usual)
    }

    /// A fresh Parlor with so many people, each in so many conversations; nobody is connected.
    pub(crate) fn town(
        &mut self,
        people: usize,
        conversations: usize,
    ) -> anyhow::Result<(Measured, Town)> {
        self.progress.say("Parlor: people and conversations");
        let (server, town) = self.runtime.block_on(async {
            let server = Measured::fresh(&self.machine, self.database_url.as_deref()).await?;
            let town = Town::found(&server, people, conversations).await?;
            anyhow::Ok((server, town))
        })?;
        self.report.name_engine(&server.engine);
        Ok((server, town))
    }

    /// A fresh Parlor with a connection for each member of rooms of these sizes.
    pub(crate) fn parlor(&mut self, rooms: &[usize]) -> anyhow::Result<Crowd> {
        self.machine.ensure_descriptors(rooms.iter().sum())?;
        self.progress.say("Parlor: people, rooms, connections");
        let (server, protocol) = self.runtime.block_on(async {
            let server = Measured::fresh(&self.machine, self.database_url.as_deref()).await?;
            let protocol = adapter::parlor(&server, rooms).await?;
            anyhow::Ok((server, protocol))
        })?;
        self.report.name_engine(&server.engine);
        let fleet = Fleet::open(server.address()?, Box::new(protocol), rooms)?;
        Ok(Crowd {
            label: "Parlor".to_owned(),
            note: String::new(),
            fleet,
            host: Host::Parlor(server),
        })
    }

    /// A raw loop that writes frames of this length to one room, so many in a call.
    pub(crate) fn raw_fanout(
        &self,
        members: usize,
        bytes: usize,
        batch: usize,
    ) -> anyhow::Result<Crowd> {
        self.machine.ensure_descriptors(members)?;
        let arguments = format!("fanout --members {members} --bytes {bytes} --batch {batch}");
        let floor = raw::start(&self.machine, &arguments)?;
        let fleet = Fleet::open(floor.address, Box::new(Raw), &[members])?;
        Ok(Crowd {
            label: "floor".to_owned(),
            note: String::new(),
            fleet,
            host: Host::Floor(floor),
        })
    }

    /// Everybody on the list, each with a connection for each member of rooms of these sizes. Whoever
    /// cannot take part is left out, and the report says why.
    pub(crate) fn peers(
        &mut self,
        scenario: &str,
        rooms: &[usize],
        takes_part: impl Fn(&Peer) -> Result<(), &'static str>,
    ) -> Vec<Crowd> {
        let mut crowds = Vec::new();
        for peer in self.peers.clone() {
            self.progress.say(&format!("{}: connections", peer.name));
            let crowd = match takes_part(&peer) {
                Ok(()) => self.peer(&peer, rooms),
                Err(why) => Err(anyhow::anyhow!(why)),
            };
            match crowd {
                Ok(crowd) => crowds.push(crowd),
                Err(error) => self
                    .report
                    .leave_out(scenario, &peer.name, &format!("{error:#}")),
            }
        }
        crowds
    }

    fn peer(&self, peer: &Peer, rooms: &[usize]) -> anyhow::Result<Crowd> {
        let adapter = adapter::named(&peer.protocol)?;
        let server = peer.start(&self.machine, &adapter.environment())?;
        let protocol = adapter.prepare(&self.runtime, server.address, rooms)?;
        let fleet = Fleet::open(server.address, protocol, rooms)?;
        Ok(Crowd {
            label: peer.name.clone(),
            note: peer.note(),
            fleet,
            host: Host::Peer(server),
        })
    }
}
