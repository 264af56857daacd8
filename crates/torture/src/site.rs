//! What is tortured: one server process behind a proxy, its database, and the faults that they meet.
//!
//! Everything here is called from the main task, one thing after the other: a cluster's server ends with the thread
//! that starts it. Never here: what clients do.

use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use parlor_cluster::Cluster;
use parlor_testkit::{
    Launch, Process,
    history::{Entry, History, KILLED},
    proxy::Proxy,
    until_ready,
};
use tempfile::TempDir;

use crate::{
    options::{Engine, Options},
    plan::Fault,
};

/// The name that lines of a history have which no client wrote.
const SITE: &str = "site";
/// How long the server may take to be ready before the run is given up. Far more than the rule: the checker judges
/// that.
const READY_MAX: Duration = Duration::from_mins(1);
/// Connections that the cluster takes; the server has 16.
const CLUSTER_CONNECTIONS_MAX: u32 = 40;
/// How long a locker waits for the server's own transaction, in milliseconds.
const LOCK_WAIT_MS: u64 = 5_000;
/// The server's environment: no limit that a busy client meets, and a short drain.
const ENVIRONMENT: [(&str, &str); 8] = [
    ("PARLOR_LIMITS_LOGINS_PER_ADDRESS_PER_MINUTE", "10000000"),
    ("PARLOR_LIMITS_LOGINS_PER_ACCOUNT_PER_MINUTE", "10000000"),
    ("PARLOR_LIMITS_REQUESTS_PER_USER_PER_MINUTE", "10000000"),
    ("PARLOR_LIMITS_COMMANDS_PER_MINUTE", "10000000"),
    ("PARLOR_LIMITS_COMMANDS_BURST", "1000000"),
    ("PARLOR_LIMITS_SOCKETS_PER_USER_MAX", "1000000"),
    ("PARLOR_SERVER_DRAIN_MS", "2000"),
    ("PARLOR_LOG_FILTER", "info"),
];

/// Where messages are stored.
enum Database {
    Sqlite(PathBuf),
    Postgres { cluster: Cluster, proxy: Proxy },
}

/// A running server and all that it needs.
pub(crate) struct Site {
    launch: Launch,
    server: Option<Process>,
    network: Proxy,
    database: Database,
    history: Arc<History>,
    _data: TempDir,
}

/// Whether a locker of `SQLite` files is installed.
pub(crate) fn can_lock() -> bool {
    Command::new("sqlite3")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

impl Site {
    /// Starts everything; nothing is wrong yet.
    pub(crate) async fn start(
        options: &Options,
        seed: u64,
        logs: &Path,
        history: Arc<History>,
    ) -> Result<Self> {
        let data = tempfile::tempdir().context("no temporary folder")?;
        let mut launch = Launch::new(&options.server, data.path());
        launch.log = Some(logs.join("server.log"));
        for (name, value) in ENVIRONMENT {
            launch = launch.with_env(name, value);
        }
        if let Some(plant) = &options.plant {
            launch = launch.with_env("PARLOR_PLANT", plant);
        }
        let database = match options.engine {
            Engine::Sqlite => Database::Sqlite(data.path().join("parlor.db")),
            Engine::Postgres => {
                let programs = parlor_cluster::find().context("PostgreSQL is not installed")?;
                let log = logs.join("postgresql.log");
                let cluster = Cluster::start(programs, &log, CLUSTER_CONNECTIONS_MAX)?;
                cluster.create_database("parlor")?;
                let address = SocketAddr::from(([127, 0, 0, 1], cluster.port()));
                let proxy = Proxy::start(address, seed)?;
                let url = format!("postgres://parlor@{}/parlor", proxy.address());
                launch = launch.with_env("DATABASE_URL", &url);
                Database::Postgres { cluster, proxy }
            }
        };
        let server = launch.start();
        launch.port = server.port();
        until_ready(server.url(), READY_MAX)
            .await
            .context("the server is not ready")?;
        let address = SocketAddr::from(([127, 0, 0, 1], server.port()));
        Ok(Self {
            launch,
            server: Some(server),
            network: Proxy::start(address, seed)?,
            database,
            history,
            _data: data,
        })
    }

    /// Where clients find the server, through everything that goes wrong.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.network.address())
    }

    /// Where the server is found past the proxy.
    pub(crate) fn direct_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.launch.port)
    }

    /// Lets something go wrong, and ends it.
    pub(crate) async fn suffer(&mut self, fault: &Fault) -> Result<()> {
        let entry = Entry::Fault {
            name: fault.name().to_owned(),
            detail: format!("{fault:?}"),
        };
        self.history.write(SITE, entry);
        match fault {
            Fault::Kill => {
                self.server().kill();
                self.start_again(KILLED).await?;
            }
            Fault::Restart => {
                let code = self.server().terminate();
                anyhow::ensure!(code == Some(0), "SIGTERM ended the server with {code:?}");
                self.start_again("SIGTERM").await?;
            }
            Fault::Pause(lasts) => {
                let server = self.server();
                server.pause();
                tokio::time::sleep(*lasts).await;
                server.resume();
                self.server = Some(server);
                self.serving("SIGSTOP", Instant::now()).await?;
            }
            Fault::Network(_, faults, lasts) => {
                self.network.set(*faults);
                tokio::time::sleep(*lasts).await;
                self.network.heal();
            }
            Fault::CutAll => self.network.cut_all(),
            _ => self.suffer_database(fault).await?,
        }
        Ok(())
    }

    async fn suffer_database(&mut self, fault: &Fault) -> Result<()> {
        let ended = match (&mut self.database, fault) {
            (Database::Sqlite(path), Fault::Locked(lasts)) => {
                let lock = Lock::take(path)?;
                tokio::time::sleep(*lasts).await;
                lock.release()?;
                Instant::now()
            }
            (Database::Postgres { proxy, .. }, Fault::DatabaseNetwork(_, faults, lasts)) => {
                proxy.set(*faults);
                tokio::time::sleep(*lasts).await;
                proxy.heal();
                Instant::now()
            }
            (Database::Postgres { proxy, .. }, Fault::DatabaseCutAll) => {
                proxy.cut_all();
                Instant::now()
            }
            (Database::Postgres { cluster, .. }, Fault::DatabaseCrash(lasts)) => {
                cluster.stop_immediately();
                tokio::time::sleep(*lasts).await;
                let began = Instant::now();
                cluster.start_server()?;
                began
            }
            (Database::Postgres { cluster, .. }, Fault::StandbyMissing(lasts)) => {
                cluster.miss_standby()?;
                tokio::time::sleep(*lasts).await;
                cluster.find_standby()?;
                Instant::now()
            }
            (Database::Postgres { cluster, .. }, Fault::Exhausted(lasts)) => {
                let exhausted = cluster.exhaust()?;
                tokio::time::sleep(*lasts).await;
                drop(exhausted);
                Instant::now()
            }
            _ => anyhow::bail!("{fault} is no fault of this engine"),
        };
        self.serving(fault.name(), ended).await
    }

    /// The server, which is stopped or goes on without this owner.
    fn server(&mut self) -> Process {
        self.server.take().expect("it runs between two faults")
    }

    async fn start_again(&mut self, after: &str) -> Result<()> {
        let began = Instant::now();
        self.server = Some(self.launch.start());
        self.serving(after, began).await
    }

    /// Waits until the server serves, and writes how long that took.
    async fn serving(&mut self, after: &str, began: Instant) -> Result<()> {
        until_ready(&self.direct_url(), READY_MAX)
            .await
            .with_context(|| format!("the server does not serve again after {after}"))?;
        let entry = Entry::Serving {
            after: after.to_owned(),
            took_ms: began.elapsed().as_millis() as u64,
        };
        self.history.write(SITE, entry);
        Ok(())
    }
}

/// Another process that holds a file's write lock; ends with its owner.
struct Lock(Child);

impl Lock {
    fn take(path: &Path) -> Result<Self> {
        let mut child = Command::new("sqlite3")
            .arg("-bail")
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run sqlite3")?;
        let mut input = child.stdin.take().context("a pipe")?;
        let output = child.stdout.take().context("a pipe")?;
        let begin = format!(".timeout {LOCK_WAIT_MS}\nBEGIN IMMEDIATE;\nSELECT 'locked';\n");
        input.write_all(begin.as_bytes())?;
        input.flush()?;
        child.stdin = Some(input);
        let mut said = String::new();
        BufReader::new(output).read_line(&mut said)?;
        let lock = Self(child);
        anyhow::ensure!(said.trim() == "locked", "the file could not be locked");
        Ok(lock)
    }

    fn release(mut self) -> Result<()> {
        let mut input = self.0.stdin.take().context("a pipe")?;
        input.write_all(b"ROLLBACK;\n.exit\n")?;
        drop(input);
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
