//! A server in a process of its own, so that it can be killed, stopped in its tracks and started again.
//!
//! Never here: how to build it. The path of the binary is the caller's.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::WAIT_MAX;

/// How often a server that is not ready is asked again.
const READY_PAUSE: Duration = Duration::from_millis(20);
/// How long one question whether it is ready may take.
const READY_ANSWER_MAX: Duration = Duration::from_secs(2);

/// How a server is started; the same again after it has ended.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The `parlor` binary.
    pub binary: PathBuf,
    /// Its data folder.
    pub data_dir: PathBuf,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Everything else in its environment. Nothing of this process's own is passed on.
    pub env: Vec<(String, String)>,
    /// Where its log goes, appended; nowhere when absent.
    pub log: Option<PathBuf>,
}

impl Launch {
    /// A server on a free port with its data in this folder.
    pub fn new(binary: &Path, data_dir: &Path) -> Self {
        Self {
            binary: binary.to_owned(),
            data_dir: data_dir.to_owned(),
            port: 0,
            env: Vec::new(),
            log: None,
        }
    }

    /// The same with a variable in its environment.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same on the store of a test.
    #[must_use]
    pub fn on(self, store: &crate::TestStore) -> Self {
        match &store.config.database {
            parlor_store::Database::Postgres(url) => self.with_env("DATABASE_URL", url),
            parlor_store::Database::Sqlite(_) => self,
        }
    }

    /// The command line, for tests that watch how it ends.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg("serve")
            .env_clear()
            .env("PORT", self.port.to_string())
            .env("PARLOR_DATA_DIR", &self.data_dir)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .stdin(Stdio::null());
        command
    }

    /// Starts it and waits until it says where it serves.
    ///
    /// # Panics
    /// When it ends before that, or says something else.
    pub fn start(&self) -> Process {
        let mut command = self.command();
        command.stderr(match &self.log {
            Some(path) => {
                let log = File::options().create(true).append(true).open(path);
                log.expect("the log can be written").into()
            }
            None => Stdio::null(),
        });
        Process::start(command)
    }
}

/// A running `parlor serve`; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("starts");
        let stdout = child.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(stdout).lines();
        let first = lines.next().expect("a line").expect("text");
        let url = first
            .strip_prefix("Parlor serves on ")
            .expect("the address")
            .to_owned();
        // Whatever else it prints must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("asked")
    }

    /// Where it serves, like `http://localhost:4600`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        let (_, port) = self.url.rsplit_once(':').expect("a port");
        port.parse().expect("a number")
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// SIGTERM; waits for the end and answers its exit code.
    pub fn terminate(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().expect("gone").code()
    }

    /// SIGSTOP: it does nothing more, and nobody is told.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// SIGCONT: it goes on as if nothing had been.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        // The shell's own `kill`, because small containers have no other.
        let status = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\""])
            .args([name, &self.child.id().to_string()])
            .status()
            .expect("runs");
        assert!(status.success(), "SIG{name} reaches the server");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits until the server at `url` is ready to serve and answers how long that took; `None` when it is not in time.
pub async fn until_ready(url: &str, within: Duration) -> Option<Duration> {
    let began = Instant::now();
    let ready = async {
        while !is_ready(url).await {
            tokio::time::sleep(READY_PAUSE).await;
        }
    };
    tokio::time::timeout(within, ready).await.ok()?;
    Some(began.elapsed())
}

/// Whether `GET /ready` is answered with 200.
async fn is_ready(url: &str) -> bool {
    let host = url.trim_start_matches("http://");
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(host).await.ok()?;
        let request = format!("GET /ready HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer.starts_with("HTTP/1.1 200"))
    };
    let answered = tokio::time::timeout(READY_ANSWER_MAX, ask).await;
    answered.ok().flatten().unwrap_or(false)
}

/// Runs a command that must not serve: its exit code and what it said.
///
/// # Panics
/// When it goes on for longer than a test waits.
pub fn refused(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.spawn().expect("starts");
    let mut stderr = child.stderr.take().expect("a pipe");
    let (ended, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut said = String::new();
        stderr.read_to_string(&mut said).expect("text");
        drop(ended.send(said));
    });
    let said = told.recv_timeout(WAIT_MAX);
    if said.is_err() {
        child.kill().expect("killed");
    }
    let code = child.wait().expect("ends").code();
    (code, said.expect("it ends by itself"))
}
