//! A `PostgreSQL` cluster for one run of the tests: made in a folder of its own, on a free port of the loopback, with
//! the durability settings of a real one, and gone afterwards.
//!
//! The server is our child and dies with us: on Linux also when this process is killed, so that no test run leaves a
//! database behind. What a killed run leaves is a folder, and the next run removes that.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::tools;

/// Its folder is in the system's folder for temporary files: the path of a unix socket may have about 100 bytes, and
/// the user that the server runs as must be able to reach it, which a home folder often forbids.
const FOLDER_PREFIX: &str = "parlor-postgres-";

/// Tests run in parallel and each has a pool of its own; the default of 100 connections is soon used up.
const CONNECTIONS_MAX: u32 = 200;

/// How long the server may take to answer; a cold disk needs some seconds.
const READY_TRIES: u32 = 300;
const READY_PAUSE: Duration = Duration::from_millis(100);

/// A running cluster; stopped and removed when dropped.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    server: Child,
}

impl Cluster {
    /// Makes and starts a cluster; returns when it answers. The server's own words go to `log`.
    pub(crate) fn start(programs: PathBuf, log: &Path) -> Result<Self> {
        remove_left_behind();
        let folder = std::env::temp_dir().join(format!("{FOLDER_PREFIX}{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let started = Self::start_in(programs, folder.clone(), log);
        if started.is_err() {
            fs::remove_dir_all(&folder).ok();
        }
        started
    }

    fn start_in(programs: PathBuf, folder: PathBuf, log: &Path) -> Result<Self> {
        if is_root() {
            let given = Command::new("chown")
                .arg("postgres")
                .arg(&folder)
                .status()?;
            if !given.success() {
                bail!("cannot give {} to the user postgres", folder.display());
            }
        }
        let data = folder.join("data");
        let words = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        // C.UTF-8 is what PostgreSQL's containers come close to: it knows letters of every script, and sorts by byte.
        let locale = if cfg!(target_os = "linux") {
            "--locale=C.UTF-8"
        } else {
            "--no-locale"
        };
        let made = as_postgres(&programs.join("initdb"))
            .args([
                "--auth=trust",
                "--username=parlor",
                "--encoding=UTF8",
                "--no-sync",
                locale,
            ])
            .arg("--pgdata")
            .arg(&data)
            .current_dir(&folder)
            .stdout(words.try_clone()?)
            .stderr(words.try_clone()?)
            .status()
            .context("cannot run initdb")?;
        if !made.success() {
            bail!("initdb failed; what it said is in {}", log.display());
        }

        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let server = as_postgres(&programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&folder)
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &port.to_string(),
                "-N",
                &CONNECTIONS_MAX.to_string(),
            ])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(words.try_clone()?)
            .stderr(words)
            .spawn()
            .context("cannot run postgres")?;
        let mut cluster = Self {
            programs,
            folder,
            port,
            server,
        };
        cluster.wait_until_ready(log)?;
        Ok(cluster)
    }

    fn wait_until_ready(&mut self, log: &Path) -> Result<()> {
        for _ in 0..READY_TRIES {
            let port = self.port.to_string();
            let ready = Command::new(self.programs.join("pg_isready"))
                .args([
                    "--quiet",
                    "-h",
                    "127.0.0.1",
                    "-p",
                    &port,
                    "-d",
                    "postgres",
                    "-U",
                    "parlor",
                ])
                .status()?;
            if ready.success() {
                return Ok(());
            }
            if self.server.try_wait()?.is_some() {
                bail!(
                    "postgres ended at once; what it said is in {}",
                    log.display()
                );
            }
            std::thread::sleep(READY_PAUSE);
        }
        bail!(
            "postgres does not answer; what it said is in {}",
            log.display()
        )
    }

    /// Where the tests connect; they make databases of their own beside this one.
    pub(crate) fn url(&self) -> String {
        format!("postgres://parlor@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Immediate: nobody will read this data again, so a checkpoint would be time for nothing.
        as_postgres(&self.programs.join("pg_ctl"))
            .args(["stop", "--silent", "--mode=immediate", "--pgdata"])
            .arg(self.folder.join("data"))
            .current_dir(&self.folder)
            .status()
            .ok();
        self.server.kill().ok();
        self.server.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// The folder of `PostgreSQL`'s programs: Debian keeps them outside of PATH, one folder per release; the newest wins.
pub(crate) fn find() -> Option<PathBuf> {
    let release = |folder: &PathBuf| -> Option<u32> {
        folder
            .parent()?
            .file_name()?
            .to_str()?
            .split('.')
            .next()?
            .parse()
            .ok()
    };
    let debian = fs::read_dir("/usr/lib/postgresql")
        .ok()
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("bin"))
        .filter(|folder| folder.join("initdb").is_file())
        .max_by_key(release);
    debian.or_else(|| tools::program("initdb")?.parent().map(Path::to_owned))
}

/// A command under the user that a server may run as (`PostgreSQL` refuses root), and that dies with this process.
fn as_postgres(program: &Path) -> Command {
    if tools::program("setpriv").is_none() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.arg("--pdeathsig=INT").arg(program);
    command
}

pub(crate) fn is_root() -> bool {
    tools::answer("id", &["-u"]).as_deref() == Some("0")
}

/// Removes the folders of runs that were killed before they could do it themselves.
fn remove_left_behind() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(owner) = name
            .to_str()
            .and_then(|name| name.strip_prefix(FOLDER_PREFIX))
        else {
            continue;
        };
        // The shell's own `kill`, because `ps` is missing from small containers.
        let alive = || tools::answer("sh", &["-c", "kill -0 \"$0\"", owner]).is_some();
        if owner.parse::<u32>().is_ok() && !alive() {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_answers_and_leaves_nothing_behind() {
        // Where there is none, `cargo xtask test` has said so already.
        let Some(programs) = find() else {
            return;
        };
        let log = std::env::temp_dir().join(format!("xtask-postgres-{}.log", std::process::id()));
        let cluster = Cluster::start(programs.clone(), &log).expect("a cluster starts");
        let folder = cluster.folder.clone();
        let asked = Command::new(programs.join("psql"))
            .args([&cluster.url(), "--tuples-only", "--no-align", "--command"])
            .arg("SELECT current_setting('fsync'), current_setting('max_connections')")
            .output()
            .expect("psql runs");
        drop(cluster);
        fs::remove_file(&log).expect("the log can be removed");
        assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), "on|200");
        assert!(!folder.exists());
    }
}
