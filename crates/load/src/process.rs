//! Processes that a benchmark starts: each ends with its owner, by its id, also on Ctrl-C.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::Mutex,
    time::{Duration, Instant},
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::unix::process::CommandExt;
use tempfile::TempDir;

use crate::machine::{Machine, group_cpu, group_resident_bytes, group_thread_cpu};

/// What has to go when a signal ends this process without a drop.
struct Leftovers {
    processes: Vec<u32>,
    folders: Vec<PathBuf>,
}

static LEFTOVERS: Mutex<Leftovers> = Mutex::new(Leftovers {
    processes: Vec::new(),
    folders: Vec::new(),
});

/// Exit code after Ctrl-C: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

/// From now on SIGINT and SIGTERM also end what was started.
pub(crate) fn clean_up_on_signals() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            runtime.block_on(async {
                let mut terminate = signal(SignalKind::terminate())?;
                let mut interrupt = signal(SignalKind::interrupt())?;
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                clean_up();
                std::process::exit(INTERRUPTED);
                #[expect(unreachable_code, reason = "names the error of the two signals")]
                std::io::Result::Ok(())
            })
        })
        .context("no thread for signals")?;
    Ok(())
}

fn clean_up() {
    let leftovers = LEFTOVERS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    for id in &leftovers.processes {
        kill_group(*id);
    }
    for folder in &leftovers.folders {
        drop(std::fs::remove_dir_all(folder));
    }
}

fn leftovers(change: impl FnOnce(&mut Leftovers)) {
    change(
        &mut LEFTOVERS
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner),
    );
}

fn kill_group(leader: u32) {
    if let Some(id) = Pid::from_raw(leader.cast_signed()) {
        // It may have ended by itself.
        let _ = kill_process_group(id, Signal::KILL);
    }
}

/// A process is idle that has taken no more than this share of a core between two looks, which leaves
/// it room for two people who talk. How long one waits for it at most.
const IDLE_LOOK: Duration = Duration::from_millis(20);
const IDLE_SHARE: f64 = 0.25;
const IDLE_WAIT_MAX: Duration = Duration::from_secs(5);

/// What threads have spent between two looks; one that has ended meanwhile says nothing.
pub(crate) fn spent(
    before: &BTreeMap<String, Duration>,
    after: &BTreeMap<String, Duration>,
) -> Duration {
    let threads = after.iter();
    threads
        .map(|(thread, now)| now.saturating_sub(before.get(thread).copied().unwrap_or_default()))
        .sum()
}

/// A running process that leads a group; killed with it when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts a process on the server's core.
    pub(crate) fn start(machine: &Machine, command: &mut Command) -> anyhow::Result<Self> {
        let child = machine
            .spawn(command.process_group(0))
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        leftovers(|left| left.processes.push(child.id()));
        Ok(Self { child })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it prints; once.
    pub(crate) fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Time it has had a core, with those it has started.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        group_cpu(self.id())
    }

    /// Time that its threads have had a core, each by itself, where ticks are too coarse.
    pub(crate) fn thread_cpu(&self) -> anyhow::Result<BTreeMap<String, Duration>> {
        group_thread_cpu(self.id())
    }

    /// Waits until it has done what it was given to do.
    pub(crate) fn until_idle(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut before = self.thread_cpu()?;
        while begun.elapsed() < IDLE_WAIT_MAX {
            std::thread::sleep(IDLE_LOOK);
            let now = self.thread_cpu()?;
            if spent(&before, &now) < IDLE_LOOK.mul_f64(IDLE_SHARE) {
                return Ok(());
            }
            before = now;
        }
        Ok(())
    }

    /// Its resident memory with those it has started, in bytes.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        group_resident_bytes(self.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        kill_group(self.child.id());
        drop(self.child.wait());
        leftovers(|left| left.processes.retain(|id| *id != self.child.id()));
    }
}

/// A folder that goes with its owner, also on Ctrl-C.
#[derive(Debug)]
pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        leftovers(|left| left.folders.push(folder.path().to_owned()));
        Ok(Self { folder })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        leftovers(|left| left.folders.retain(|path| path != self.folder.path()));
    }
}
