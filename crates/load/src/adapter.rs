//! Which protocol a server speaks, by the name that a list of peers gives it.

use std::net::SocketAddr;

use crate::{
    host_app::HostApp,
    peers,
    server::{LIFTED, Measured},
    town::Town,
    wire::{Clients, Parlor, Protocol, Returning},
};

/// The protocol of one visit, made anew each time that everybody comes.
pub(crate) type Visits = Box<dyn Fn() -> Box<dyn Protocol>>;

/// Makes a fresh server ready for a load.
pub(crate) trait Adapter {
    /// What the server's environment must hold besides what its list says.
    fn environment(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Makes people and rooms of these sizes, and gives the protocol for one connection of each.
    fn prepare(
        &self,
        runtime: &tokio::runtime::Runtime,
        address: SocketAddr,
        rooms: &[usize],
    ) -> anyhow::Result<Box<dyn Protocol>>;

    /// Makes so many people, each in so many conversations, who come and come back.
    fn visits(
        &self,
        address: SocketAddr,
        people: usize,
        conversations: usize,
    ) -> anyhow::Result<Visits>;
}

/// The adapter with this name.
pub(crate) fn named(name: &str) -> anyhow::Result<Box<dyn Adapter>> {
    match name {
        "parlor" => Ok(Box::new(OtherParlor {
            host_app: HostApp::new()?,
        })),
        other => peers::adapter(other),
    }
}

/// Another build of Parlor, to compare with.
struct OtherParlor {
    host_app: HostApp,
}

impl Adapter for OtherParlor {
    fn environment(&self) -> Vec<(&'static str, String)> {
        let lifted = LIFTED.map(|(name, value)| (name, value.to_owned()));
        lifted
            .into_iter()
            .chain(self.host_app.environment())
            .collect()
    }

    fn prepare(
        &self,
        runtime: &tokio::runtime::Runtime,
        address: SocketAddr,
        rooms: &[usize],
    ) -> anyhow::Result<Box<dyn Protocol>> {
        runtime.block_on(async {
            let server =
                Measured::running(&format!("http://{address}"), self.host_app.clone()).await?;
            Ok(Box::new(parlor(&server, rooms).await?) as Box<dyn Protocol>)
        })
    }

    fn visits(
        &self,
        address: SocketAddr,
        people: usize,
        conversations: usize,
    ) -> anyhow::Result<Visits> {
        let url = format!("http://{address}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let server = runtime.block_on(Measured::running(&url, self.host_app.clone()))?;
        let town = runtime.block_on(Town::found(&server, people, conversations))?;
        let clients = clients(&town);
        let address = address.to_string();
        Ok(Box::new(move || {
            Box::new(Returning::new(address.clone(), clients.clone()))
        }))
    }
}

/// The people of a town as those who come and go.
pub(crate) fn clients(town: &Town) -> Clients {
    Clients::new(town.people.iter().map(|person| person.token.clone()))
}

/// People and groups of these sizes on a Parlor, and how to speak with it.
pub(crate) async fn parlor(server: &Measured, rooms: &[usize]) -> anyhow::Result<Parlor> {
    let people = server.people(rooms.iter().sum()).await?;
    let mut conversations = Vec::with_capacity(rooms.len());
    let mut rest = people.as_slice();
    for members in rooms {
        let (here, others) = rest.split_at(*members);
        conversations.push(server.group(&here[0], &here[1..]).await?);
        rest = others;
    }
    let tokens = people.into_iter().map(|person| person.token).collect();
    Ok(Parlor::new(server.host().to_owned(), tokens, conversations))
}
