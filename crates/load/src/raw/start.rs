//! Starting a raw server: the same binary again, as a process of its own.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
};

use anyhow::Context;

use crate::{machine::Machine, process::Running};

/// A raw server that runs.
#[derive(Debug)]
pub(crate) struct Floor {
    pub(crate) process: Running,
    pub(crate) address: SocketAddr,
}

/// Starts `parlor bench raw …` on the server's core.
pub(crate) fn start(machine: &Machine, arguments: &[String]) -> anyhow::Result<Floor> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["bench", "raw"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut process = Running::start(machine, &mut command)?;
    let stdout = process.stdout().context("no output of a raw server")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line
        .trim()
        .parse()
        .with_context(|| format!("a raw server said {line:?}"))?;
    Ok(Floor { process, address })
}
