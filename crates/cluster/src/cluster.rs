//! Making a cluster, running its server, and removing both.
//!
//! The server is our child and dies with us: on Linux also when this process is killed, so that no test run leaves a
//! database behind. What a killed run leaves is a folder, and the next run removes that.

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use crate::programs::{answer, as_postgres, is_root};

/// Its folder is in the system's folder for temporary files: the path of a unix socket may have about 100 bytes, and
/// the user that the server runs as must be able to reach it, which a home folder often forbids.
const FOLDER_PREFIX: &str = "parlor-postgres-";

/// How long the server may take to answer; a cold disk needs some seconds.
const READY_TRIES: u32 = 600;
const READY_PAUSE: Duration = Duration::from_millis(50);

/// A running cluster; stopped and removed when dropped.
pub struct Cluster {
    pub(crate) programs: PathBuf,
    folder: PathBuf,
    log: PathBuf,
    connections_max: u32,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Makes and starts a cluster that takes this many connections; returns when it answers. The server's own words
    /// go to `log`. The thread that calls this must outlive the cluster: the server ends with it.
    pub fn start(programs: PathBuf, log: &Path, connections_max: u32) -> io::Result<Self> {
        remove_left_behind();
        let mut cluster = Self {
            programs,
            folder: make_folder()?,
            log: log.to_owned(),
            connections_max,
            // Kept for the cluster's life, so that it comes back where it was.
            port: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
                .local_addr()?
                .port(),
            server: None,
        };
        File::create(log)
            .map_err(|error| failed(format!("cannot write {}: {error}", log.display())))?;
        cluster.init()?;
        cluster.start_server()?;
        Ok(cluster)
    }

    fn init(&self) -> io::Result<()> {
        let folder = &self.folder;
        give_to_postgres(folder)?;
        // C.UTF-8 is what PostgreSQL's containers come close to: it knows letters of every script, and sorts by byte.
        let locale = if cfg!(target_os = "linux") {
            "--locale=C.UTF-8"
        } else {
            "--no-locale"
        };
        let words = self.words()?;
        let made = as_postgres(&self.programs.join("initdb"))
            .args([
                "--auth=trust",
                "--username=parlor",
                "--encoding=UTF8",
                "--no-sync",
                locale,
            ])
            .arg("--pgdata")
            .arg(self.data())
            .current_dir(folder)
            .stdout(words.try_clone()?)
            .stderr(words)
            .status()?;
        if made.success() {
            Ok(())
        } else {
            Err(self.failed("initdb failed"))
        }
    }

    /// Starts the server on the data that is there; returns when it answers. Does nothing when it runs.
    pub fn start_server(&mut self) -> io::Result<()> {
        if self.server.is_some() {
            return Ok(());
        }
        let words = self.words()?;
        let server = as_postgres(&self.programs.join("postgres"))
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(&self.folder)
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-N",
                &self.connections_max.to_string(),
            ])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(words.try_clone()?)
            .stderr(words)
            .spawn()?;
        self.server = Some(server);
        self.wait_until_ready()
    }

    /// A standby that follows this cluster's server, by this name, on a port of its own.
    pub fn standby(&self, name: &str, log: &Path) -> io::Result<Self> {
        let mut standby = Self {
            programs: self.programs.clone(),
            folder: make_folder()?,
            log: log.to_owned(),
            connections_max: self.connections_max,
            port: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
                .local_addr()?
                .port(),
            server: None,
        };
        File::create(log)?;
        give_to_postgres(&standby.folder)?;
        let from = format!(
            "host=127.0.0.1 port={} user=parlor application_name={name}",
            self.port
        );
        let words = standby.words()?;
        let copied = as_postgres(&self.programs.join("pg_basebackup"))
            .args(["--write-recovery-conf", "--no-sync", "--checkpoint=fast"])
            .args(["--dbname", &from, "--pgdata"])
            .arg(standby.data())
            .current_dir(&standby.folder)
            .stdout(words.try_clone()?)
            .stderr(words)
            .status()?;
        if !copied.success() {
            return Err(standby.failed("pg_basebackup failed"));
        }
        standby.start_server()?;
        Ok(standby)
    }

    /// Makes a standby the one that takes writes; returns when it does.
    pub fn promote(&self) -> io::Result<()> {
        self.sql("SELECT pg_promote()").map(drop)
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        for _ in 0..READY_TRIES {
            let port = self.port.to_string();
            let ready = std::process::Command::new(self.programs.join("pg_isready"))
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
            if let Some(server) = &mut self.server
                && server.try_wait()?.is_some()
            {
                return Err(self.failed("postgres ended at once"));
            }
            std::thread::sleep(READY_PAUSE);
        }
        Err(self.failed("postgres does not answer"))
    }

    /// Stops the server at once, without a checkpoint, as a crash would: it recovers from its log when it starts
    /// again. Does nothing when it does not run.
    pub fn stop_immediately(&mut self) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        as_postgres(&self.programs.join("pg_ctl"))
            .args(["stop", "--silent", "--mode=immediate", "--pgdata"])
            .arg(self.data())
            .current_dir(&self.folder)
            .status()
            .ok();
        server.kill().ok();
        server.wait().ok();
    }

    /// Where it is listened for; the same port for the cluster's life.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The database that is there from the beginning; others are made beside it.
    pub fn url(&self) -> String {
        format!("postgres://parlor@127.0.0.1:{}/postgres", self.port)
    }

    /// A folder that the server may write in; it goes with the cluster.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn words(&self) -> io::Result<File> {
        File::options().append(true).open(&self.log)
    }

    fn failed(&self, what: &str) -> io::Error {
        failed(format!("{what}; what it said is in {}", self.log.display()))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Immediate: nobody will read this data again, so a checkpoint would be time for nothing.
        self.stop_immediately();
        fs::remove_dir_all(&self.folder).ok();
    }
}

pub(crate) fn failed(what: String) -> io::Error {
    io::Error::other(what)
}

/// A folder whose name says which process it belongs to.
fn make_folder() -> io::Result<PathBuf> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("{FOLDER_PREFIX}{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir(&folder)
        .map_err(|error| failed(format!("cannot make {}: {error}", folder.display())))?;
    Ok(folder)
}

/// The server runs as its own user where we are root.
fn give_to_postgres(folder: &Path) -> io::Result<()> {
    if !is_root() {
        return Ok(());
    }
    let given = std::process::Command::new("chown")
        .arg("postgres")
        .arg(folder)
        .status()?;
    if given.success() {
        return Ok(());
    }
    Err(failed(format!(
        "cannot give {} to the user postgres",
        folder.display()
    )))
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
            .and_then(|rest| rest.split('-').next())
        else {
            continue;
        };
        // The shell's own `kill`, because `ps` is missing from small containers.
        let alive = || answer("sh", &["-c", "kill -0 \"$0\"", owner]).is_some();
        if owner.parse::<u32>().is_ok() && !alive() {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find;

    #[test]
    fn a_cluster_answers_comes_back_and_leaves_nothing_behind() {
        // Where there is none, `cargo xtask test` has said so already.
        let Some(programs) = find() else {
            return;
        };
        let log = std::env::temp_dir().join(format!("parlor-cluster-{}.log", std::process::id()));
        let mut cluster = Cluster::start(programs, &log, 40).expect("a cluster starts");
        let folder = cluster.folder.clone();
        let settings = "SELECT current_setting('fsync'), current_setting('max_connections')";
        assert_eq!(cluster.sql(settings).expect("answers"), "on|40");

        cluster.sql("CREATE TABLE kept (n int)").expect("made");
        cluster.stop_immediately();
        assert!(cluster.sql(settings).is_err());
        cluster.start_server().expect("starts again");
        assert_eq!(
            cluster.sql("SELECT count(*) FROM kept").expect("answers"),
            "0"
        );

        drop(cluster);
        fs::remove_file(&log).expect("the log can be removed");
        assert!(!folder.exists());
    }
}
