//! Where things are and how programs are run: paths of the workspace, finding a program, and the two ways of running
//! one, quietly into a log (`start`) or through to the terminal and a log (`test`).
//!
//! Nothing here knows which program it runs or why.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How many lines of a failed step's log are shown: the error and what led to it, on one screen.
const LOG_TAIL_LINES: usize = 40;

/// How often a quiet step looks whether it has ended, and redraws its clock on a terminal.
const POLL: Duration = Duration::from_millis(100);

/// The folders that the commands work in.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Finds the root from this crate's own folder, so that the command works from anywhere inside the repository.
    pub(crate) fn find() -> Result<Self> {
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here
            .parent()
            .context("xtask has no parent folder")?
            .to_owned();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    pub(crate) fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// The path of a step's log; its folder exists afterwards.
    pub(crate) fn log(&self, step: &str) -> Result<PathBuf> {
        let folder = self.target.join("xtask");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(folder.join(format!("{}.log", step.replace(' ', "-"))))
    }

    /// A command that starts in the root, without what `cargo run` has put into our own environment: a build script
    /// that watches those variables would run again each time.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }

    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("cargo");
        command.args(arguments);
        command
    }

    pub(crate) fn npm(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("npm");
        command
            .current_dir(self.web())
            .args(arguments)
            .env("npm_config_update_notifier", "false");
        command
    }
}

/// The path of a program, if it is on PATH.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// What a program prints, trimmed, or `None` when it is missing or fails.
pub(crate) fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs one step of `start`: a line with the step's name and its time; what it prints goes to the log, whose end is
/// shown when the step fails.
pub(crate) fn quietly(label: &str, log: &Path, command: &mut Command) -> Result<()> {
    let terminal = io::stdout().is_terminal();
    let began = Instant::now();
    print!("{label} …");
    io::stdout().flush()?;

    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {}", line_of(command)))?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if terminal {
            print!("\r{label} … {} s", began.elapsed().as_secs());
            io::stdout().flush()?;
        }
        std::thread::sleep(POLL);
    };

    if status.success() {
        let start = if terminal {
            format!("\r{label} …")
        } else {
            String::new()
        };
        println!("{start} {}", seconds(began.elapsed()));
        return Ok(());
    }
    println!(" failed");
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    eprintln!(
        "{}",
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    );
    bail!(
        "{label}: `{}` failed; all that it printed is in {}",
        line_of(command),
        log.display()
    )
}

/// How a streamed command ended.
pub(crate) struct Ended {
    pub(crate) success: bool,
    pub(crate) text: String,
}

/// Runs one step of `test`: what it prints goes to the terminal as it comes, to the log, and back to the caller.
pub(crate) fn streamed(log: &Path, command: &mut Command) -> Result<Ended> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {}", line_of(command)))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let kept = Mutex::new((file, String::new()));
    let status = std::thread::scope(|scope| {
        if let Some(stdout) = stdout {
            scope.spawn(|| copy(stdout, io::stdout(), &kept));
        }
        if let Some(stderr) = stderr {
            scope.spawn(|| copy(stderr, io::stderr(), &kept));
        }
        child.wait()
    })?;
    let (_, text) = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Ended {
        success: status.success(),
        text,
    })
}

/// Copies line by line, so that lines of the two streams do not mix. A closed terminal or a full disk must not stop
/// the step: the reader goes on, or the child would block on a full pipe.
fn copy(from: impl Read, mut terminal: impl Write, kept: &Mutex<(File, String)>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from
        .read_until(b'\n', &mut line)
        .is_ok_and(|bytes| bytes > 0)
    {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        terminal
            .write_all(&line)
            .and_then(|()| terminal.flush())
            .ok();
        kept.0.write_all(&line).ok();
        kept.1.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
}

/// A command as a person would type it.
pub(crate) fn line_of(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A duration as one reads it: `0.4 s`, `12 s`, `3 min 05 s`.
pub(crate) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    match whole {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..120 => format!("{whole} s"),
        _ => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(420)), "0.4 s");
        assert_eq!(seconds(Duration::from_millis(12_700)), "12 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 05 s");
    }

    #[test]
    fn a_streamed_command_gives_back_both_streams_and_keeps_a_log() {
        let log = std::env::temp_dir().join(format!("xtask-streamed-{}.log", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let ended = streamed(&log, &mut command).expect("sh runs");
        let logged = fs::read_to_string(&log).expect("the log is there");
        fs::remove_file(&log).expect("the log can be removed");
        assert!(!ended.success);
        assert_eq!(logged, ended.text);
        let mut lines: Vec<&str> = ended.text.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["err", "out"]);
    }
}
