//! The benchmarks by name.

use crate::bench::{
    idle::{self, Idle},
    send::{self, Send},
};

/// Measure a server. Without a URL each starts a fresh `parlor serve` of its own.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// Durable acknowledged sends a second, and how long an ack takes.
    Send(Send),
    /// Memory of the server for each idle socket.
    Idle(Idle),
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
        }
    })
}
