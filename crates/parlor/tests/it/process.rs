//! A server in a process of its own, so that it can be killed.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
};

use parlor_store::Database;
use parlor_testkit::TestStore;

/// A running `parlor serve`; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
}

/// `parlor serve` with nothing of this machine's environment but what a test sets.
pub(crate) fn serve(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
    command
        .arg("serve")
        .env_clear()
        .env("PORT", "0")
        .env("PARLOR_DATA_DIR", data_dir);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .stdin(Stdio::null());
    command
}

/// The same on a test's store.
pub(crate) fn serve_on(store: &TestStore) -> Command {
    let mut command = serve(store.folder.path());
    if let Database::Postgres(url) = &store.config.database {
        command.env("DATABASE_URL", url);
    }
    command
}

impl Process {
    /// Starts and waits until it says where it serves.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::null()).spawn().expect("starts");
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

    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .expect("runs")
                .success()
        );
        self.child.wait().expect("gone").code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a command that must not serve: its exit code and what it said.
pub(crate) fn refused(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.spawn().expect("starts");
    let code = child.wait().expect("ends").code();
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut said)
        .expect("text");
    (code, said)
}
