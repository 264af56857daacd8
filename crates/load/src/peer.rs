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

use crate::{
    machine::Machine,
    process::{Folder, Running},
};

/// How long a server may take until it listens: some bring a virtual machine up first.
const START_MAX: Duration = Duration::from_mins(1);
/// How often it is tried meanwhile.
const START_PAUSE: Duration = Duration::from_millis(50);

/// One server of the list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Peer {
    pub(crate) name: String,
    /// Which adapter speaks with it.
    pub(crate) protocol: String,
    /// The program and its arguments. It listens on 127.0.0.1, on the port in `PORT`, and keeps what it
    /// stores in the folder `DATA_DIR`, which is new and goes with it.
    command: Vec<String>,
    /// Where it runs, seen from the list's own folder, which it is when absent.
    #[serde(default)]
    dir: PathBuf,
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

/// A server of the list that listens; killed when dropped, its folder after it.
pub(crate) struct Started {
    pub(crate) process: Running,
    pub(crate) address: SocketAddr,
    _folder: Folder,
}

/// Reads the list.
pub(crate) fn load(path: &Path) -> anyhow::Result<Vec<Peer>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut peers: Vec<Peer> =
        serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))?;
    let here = fs::canonicalize(path)?;
    let here = here.parent().context("a list stands in a folder")?;
    for peer in &mut peers {
        ensure!(!peer.command.is_empty(), "{} has no command", peer.name);
        peer.dir = here.join(&peer.dir);
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

    /// The program: by its name, or by its place in the folder where it runs.
    fn program(&self) -> PathBuf {
        let program = &self.command[0];
        if program.contains('/') {
            self.dir.join(program)
        } else {
            program.into()
        }
    }

    /// Starts it on the server's core and waits until it listens.
    pub(crate) fn start(
        &self,
        machine: &Machine,
        more_env: &[(&str, String)],
    ) -> anyhow::Result<Started> {
        let folder = Folder::new()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(self.program());
        command
            .args(&self.command[1..])
            .current_dir(&self.dir)
            .env("DATA_DIR", folder.path())
            .env("PORT", address.port().to_string())
            .envs(more_env.iter().map(|(name, value)| (name, value)))
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let mut process = Running::start(machine, &mut command)?;
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if process.has_ended() {
                bail!("{} ended before it listened", self.name);
            }
            ensure!(begun.elapsed() < START_MAX, "{} does not listen", self.name);
            std::thread::sleep(START_PAUSE);
        }
        Ok(Started {
            process,
            address,
            _folder: folder,
        })
    }
}
