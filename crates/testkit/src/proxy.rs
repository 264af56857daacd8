//! A TCP proxy on loopback that is a bad network, on demand and at run time.
//!
//! It stands between clients and a server, or between the server and its database. [`Proxy::set`] says what happens
//! to the bytes of each direction and to new connections, [`Proxy::heal`] ends it, [`Proxy::cut_all`] resets
//! everything that is open. Bytes are never changed, reordered or skipped in a stream that goes on: no network does
//! that to TCP. A connection that has lost bytes is reset when the fault ends.

mod pump;
#[cfg(test)]
mod tests;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::Random;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// What happens to the bytes of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lane {
    /// How long each chunk waits before it goes on.
    pub delay: Duration,
    /// A random time below this is added to each chunk's delay.
    pub jitter: Duration,
    /// Whether bytes get through at all.
    pub flow: Flow,
    /// Where the stream ends, counted from this setting on, or from the connection's start when that is later.
    pub end: Option<End>,
}

/// Whether bytes get through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Flow {
    /// They do.
    #[default]
    Open,
    /// They wait, and come late: packets are lost and sent again until one gets through.
    Held,
    /// They are taken and never come: nobody is told. The connection is reset when this ends.
    Lost,
}

/// Where and how a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Bytes that still get through.
    pub after_bytes: u64,
    /// What comes then.
    pub how: Cut,
}

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// As if all had been said: a FIN.
    Truncate,
    /// A RST.
    Reset,
}

/// What happens to new connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Door {
    /// They are forwarded.
    #[default]
    Open,
    /// They are accepted, and that is all; reset when this ends.
    HalfOpen,
    /// They are refused.
    Refuse,
}

/// Everything that is wrong with the network at a time; by default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// From the client to the server.
    pub up: Lane,
    /// From the server to the client.
    pub down: Lane,
    /// New connections.
    pub door: Door,
}

/// The faults and what has happened to them, for the tasks of connections.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    faults: Faults,
    /// Counts settings, so that a repeated one counts its bytes anew.
    setting: u64,
    /// Counts cuts: a connection that began before the latest is reset.
    cuts: u64,
}

/// A running proxy; it ends, with all its connections, when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    accepted: std::sync::Arc<AtomicU64>,
    task: JoinHandle<()>,
    // Holds the port while nothing listens on it.
    _placeholder: TcpSocket,
}

impl Proxy {
    /// A proxy on a free port before the server at `upstream`, which need not be there yet. The seed decides
    /// [`Lane::jitter`].
    pub fn start(upstream: SocketAddr, seed: u64) -> std::io::Result<Self> {
        let placeholder = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = placeholder.local_addr()?;
        let (state, states) = watch::channel(State::default());
        let accepted = std::sync::Arc::<AtomicU64>::default();
        // Listens before this returns: who connects next is not refused.
        let listener = bound(address)?.listen(BACKLOG)?;
        let door = Doorkeeper {
            address,
            upstream,
            seed,
            states,
            accepted: accepted.clone(),
        };
        Ok(Self {
            address,
            state,
            accepted,
            task: tokio::spawn(door.keep(Some(listener))),
            _placeholder: placeholder,
        })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is wrong from now on, for open and new connections.
    pub fn set(&self, faults: Faults) {
        self.state.send_modify(|state| {
            state.faults = faults;
            state.setting += 1;
        });
    }

    /// Nothing is wrong from now on. What was accepted and not forwarded, or has lost bytes, is reset.
    pub fn heal(&self) {
        self.set(Faults::default());
    }

    /// Resets every connection that is open.
    pub fn cut_all(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// How many connections were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A socket on this address beside others that do not listen.
fn bound(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Accepts connections, or sees to it that they are refused.
struct Doorkeeper {
    address: SocketAddr,
    upstream: SocketAddr,
    seed: u64,
    states: watch::Receiver<State>,
    accepted: std::sync::Arc<AtomicU64>,
}

impl Doorkeeper {
    async fn keep(mut self, mut listener: Option<TcpListener>) {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let refuses = self.states.borrow_and_update().faults.door == Door::Refuse;
            if refuses {
                listener = None;
            } else if listener.is_none() {
                // The placeholder keeps the port ours, so this fails only when the system has nothing left.
                listener = bound(self.address).and_then(|s| s.listen(BACKLOG)).ok();
            }
            tokio::select! {
                changed = self.states.changed() => if changed.is_err() { return },
                Some(stream) = accept(listener.as_ref()) => {
                    let number = self.accepted.fetch_add(1, Ordering::Relaxed);
                    let random = Random::of(self.seed, &format!("connection {number}"));
                    let states = self.states.clone();
                    connections.spawn(pump::connection(stream, self.upstream, states, random));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}
