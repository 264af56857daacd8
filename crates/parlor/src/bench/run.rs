//! The benchmarks by name.

use crate::bench::{
    floor::{self, Floor},
    idle::{self, Idle},
    send::{self, Send},
    sync::{self, Sync},
};

/// Measure a server. Without a URL each starts a fresh `parlor serve` of its own.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// Durable acknowledged sends a second, and how long an ack takes.
    Send(Send),
    /// Memory of the server for each idle socket.
    Idle(Idle),
    /// First sync of many conversations, warm sync, and pages of a short and a long history.
    Sync(Sync),
    /// What the machine itself can do: raw commits, raw fdatasync, raw round trips.
    Floor(Floor),
}

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    // As many descriptors as the system allows: thousands of sockets need them.
    rlimit::increase_nofile_limit(u64::MAX)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match bench {
            Bench::Send(send) => send::run(send).await,
            Bench::Idle(idle) => idle::run(idle).await,
            Bench::Sync(sync) => sync::run(sync).await,
            Bench::Floor(floor) => floor::run(floor).await,
        }
    })
}
