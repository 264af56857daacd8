//! The raw servers by name.

use std::net::{SocketAddr, TcpListener};

use crate::raw::{accept, echo, fanout};

/// A raw server; it prints its address and ends with its first connection, or when it is killed.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum RawServer {
    /// Writes the message that the first connection asks for to all connections.
    Fanout {
        /// Connections to wait for.
        #[arg(long)]
        members: usize,
        /// Length of a frame, in bytes.
        #[arg(long)]
        bytes: usize,
        /// Messages written in one call, if so many are asked for.
        #[arg(long)]
        batch: usize,
    },
    /// Accepts and says welcome.
    Accept,
    /// Echoes, with a task for each connection.
    Echo,
}

pub(crate) fn run(server: &RawServer) -> anyhow::Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    println!("{}", listener.local_addr()?);
    match *server {
        RawServer::Fanout {
            members,
            bytes,
            batch,
        } => fanout::run(&listener, members, bytes, batch),
        RawServer::Accept => accept::run(&listener),
        RawServer::Echo => echo::run(listener),
    }
}
