//! Where `PostgreSQL`'s programs are, and running one as a user that it accepts.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The folder of `PostgreSQL`'s programs: Debian keeps them outside of PATH, one folder per release; the newest wins.
pub fn find() -> Option<PathBuf> {
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
    debian.or_else(|| on_path("initdb")?.parent().map(Path::to_owned))
}

/// Whether this process runs as root, which `PostgreSQL` refuses.
pub fn is_root() -> bool {
    answer("id", &["-u"]).as_deref() == Some("0")
}

/// A command under the user that a server may run as, and that dies with the thread that starts it.
pub(crate) fn as_postgres(program: &Path) -> Command {
    if on_path("setpriv").is_none() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.arg("--pdeathsig=INT").arg(program);
    command
}

fn on_path(name: &str) -> Option<PathBuf> {
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
