//! Other people's servers, as a file lists them.

use std::{
    collections::BTreeMap,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::{machine::Machine, process::Running};

/// How long a server may take until it listens: some bring a virtual machine up first.
const START_MAX: Duration = Duration::from_secs(60);
/// How often it is tried meanwhile.
const START_PAUSE: Duration = Duration::from_millis(50);

/// One server of the list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Peer {
    pub(crate) name: String,
    /// Which adapter speaks with it.
    pub(crate) protocol: String,
    /// The program and its arguments. It listens on 127.0.0.1, on the port in `PORT`.
    command: Vec<String>,
    #[serde(default)]
    dir: Option<PathBuf>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Whether a message is stored before it is acknowledged.
    pub(crate) persists: bool,
    /// Whether a connection must say who it is, and prove it.
    pub(crate) authenticates: bool,
    /// What else must be known to compare it.
    #[serde(default)]
    note: String,
}

/// Reads the list.
pub(crate) fn load(path: &Path) -> anyhow::Result<Vec<Peer>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let peers: Vec<Peer> =
        serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))?;
    for peer in &peers {
        ensure!(!peer.command.is_empty(), "{} has no command", peer.name);
    }
    Ok(peers)
}

impl Peer {
    /// What a reader must know beside its figures.
    pub(crate) fn note(&self) -> String {
        let missing = [
            (!self.persists).then_some("stores nothing"),
            (!self.authenticates).then_some("authenticates nobody"),
            (!self.note.is_empty()).then_some(self.note.as_str()),
        ];
        missing.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    /// Starts it on the server's core and waits until it listens.
    pub(crate) fn start(
        &self,
        machine: &Machine,
        more_env: &[(&str, String)],
    ) -> anyhow::Result<(Running, SocketAddr)> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .env("PORT", address.port().to_string())
            .envs(more_env.iter().map(|(name, value)| (name, value)))
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        let mut process = Running::start(machine, &mut command)?;
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if process.has_ended() {
                bail!("{} ended before it listened", self.name);
            }
            ensure!(begun.elapsed() < START_MAX, "{} does not listen", self.name);
            std::thread::sleep(START_PAUSE);
        }
        Ok((process, address))
    }
}
