//! Starting a raw server: the same binary again, as a process of its own.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
};

use anyhow::Context;

use crate::{
    machine::Machine,
    process::{Folder, Running},
    raw::commits::DATABASE_URL,
};

/// A raw server that runs.
#[derive(Debug)]
pub(crate) struct Floor {
    // Before its folder, so that it is not there any more when the folder goes.
    pub(crate) process: Running,
    pub(crate) address: SocketAddr,
    _folder: Option<Folder>,
}

/// Starts `parlor bench raw …` on the server's core.
pub(crate) fn start(machine: &Machine, arguments: &str) -> anyhow::Result<Floor> {
    run(machine, arguments, None, &[])
}

/// The same with more in its environment.
pub(crate) fn start_with(
    machine: &Machine,
    arguments: &str,
    environment: &[(&str, &str)],
) -> anyhow::Result<Floor> {
    run(machine, arguments, None, environment)
}

/// The same for one that stores something: in a fresh folder, or in the database at this URL.
pub(crate) fn start_with_folder(
    machine: &Machine,
    arguments: &str,
    database_url: Option<&str>,
) -> anyhow::Result<Floor> {
    let url = database_url.map(|url| (DATABASE_URL, url));
    run(machine, arguments, Some(Folder::new()?), url.as_slice())
}

fn run(
    machine: &Machine,
    arguments: &str,
    folder: Option<Folder>,
    environment: &[(&str, &str)],
) -> anyhow::Result<Floor> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["bench", "raw"])
        .args(arguments.split(' '))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Some(folder) = &folder {
        command.arg("--dir").arg(folder.path());
    }
    command
        .env_remove(DATABASE_URL)
        .envs(environment.iter().copied());
    let mut process = Running::start(machine, &mut command)?;
    let stdout = process.stdout().context("no output of a raw server")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line
        .trim()
        .parse()
        .with_context(|| format!("a raw server said {line:?}"))?;
    Ok(Floor {
        process,
        address,
        _folder: folder,
    })
}
