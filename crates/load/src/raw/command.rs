//! The raw servers by name.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
};

use crate::raw::{accept, commits, disk, echo, fanout};

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
    Accept {
        /// Connections that are kept; the next one closes them.
        #[arg(long)]
        clients: usize,
        /// Bytes that are said before the welcome.
        #[arg(long, default_value_t = 0)]
        bytes: usize,
    },
    /// Echoes, with a task for each connection.
    Echo,
    /// Commits rows of messages for as long as it is asked to.
    Commits {
        /// Folder of the database, where that is a file.
        #[arg(long)]
        dir: PathBuf,
        /// Conversations that the rows are spread over.
        #[arg(long)]
        conversations: usize,
        /// Rows in one commit.
        #[arg(long)]
        batch: usize,
    },
    /// Syncs a page of a file before each answer.
    Disk {
        /// Folder of the file.
        #[arg(long)]
        dir: PathBuf,
        /// Length of an answer, in bytes.
        #[arg(long)]
        bytes: usize,
    },
}

pub(crate) fn run(server: &RawServer) -> anyhow::Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    println!("{}", listener.local_addr()?);
    match server {
        RawServer::Fanout {
            members,
            bytes,
            batch,
        } => fanout::run(&listener, *members, *bytes, *batch),
        RawServer::Accept { clients, bytes } => accept::run(&listener, *clients, *bytes),
        RawServer::Echo => echo::run(listener),
        RawServer::Commits {
            dir,
            conversations,
            batch,
        } => commits::run(&listener, dir, *conversations, *batch),
        RawServer::Disk { dir, bytes } => disk::run(&listener, dir, *bytes),
    }
}
