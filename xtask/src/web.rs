//! The web app as a thing to build: which Node it needs, and whether its packages and its output are up to date.
//!
//! `start` and `test` share these answers, so that neither installs or builds twice what the other has just done.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::tools::{self, Workspace};

/// The oldest Node that the web app's builder runs on; the same as `engines` in web/package.json.
const NODE_MIN: (u32, u32) = (20, 19);

/// What npm is called with: reproducible, and without advice in the log.
const NPM_CI: &[&str] = &["ci", "--no-audit", "--no-fund"];

/// Folders under web/ that hold no input of the build.
const NOT_INPUT: &[&str] = &["node_modules", "dist", "coverage"];

/// Says in one sentence what to install when Node is missing or too old.
pub(crate) fn require_node() -> Result<()> {
    let (major, minor) = NODE_MIN;
    let Some(answer) = tools::answer("node", &["--version"]) else {
        bail!(
            "Node is missing: install Node {major}.{minor} or newer with npm, from https://nodejs.org"
        );
    };
    let version = node_version(&answer)
        .with_context(|| format!("`node --version` answered {answer:?}, which is no version"))?;
    if version < NODE_MIN {
        bail!(
            "Node {answer} is too old: install Node {major}.{minor} or newer, from https://nodejs.org"
        );
    }
    if tools::program("npm").is_none() {
        bail!(
            "npm is missing: install it beside Node, from https://nodejs.org or your system's packages"
        );
    }
    Ok(())
}

fn node_version(answer: &str) -> Option<(u32, u32)> {
    let mut numbers = answer.trim().strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The installation of the web packages; `None` when `node_modules` is what the lock file says.
pub(crate) fn packages(workspace: &Workspace) -> Option<Command> {
    let web = workspace.web();
    let lock = fs::read(web.join("package-lock.json")).ok();
    let installed = fs::read(web.join(STAMP)).ok();
    (lock.is_none() || lock != installed).then(|| workspace.npm(NPM_CI))
}

/// A copy of the lock file that the folder was installed from, and that goes away with it.
const STAMP: &str = "node_modules/.installed-lock.json";

/// Notes that `node_modules` now is what the lock file says.
pub(crate) fn packages_installed(workspace: &Workspace) -> Result<()> {
    let web = workspace.web();
    fs::copy(web.join("package-lock.json"), web.join(STAMP))
        .context("cannot note which packages are installed")?;
    Ok(())
}

/// The build of the web app; `None` when no input is newer than its output.
pub(crate) fn build(workspace: &Workspace) -> Option<Command> {
    let web = workspace.web();
    let output = modified(&web.join("app/dist/index.html"));
    let inputs = [
        web.join("app"),
        web.join("packages"),
        web.join("package-lock.json"),
    ];
    let newest = inputs.iter().filter_map(|input| newest(input)).max();
    (output.is_none() || newest > output).then(|| workspace.npm(&["run", "build"]))
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|data| data.modified()).ok()
}

/// The time of the newest file in a folder; what a build writes and what starts with a dot does not count.
fn newest(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return modified(path);
    }
    fs::read_dir(path)
        .ok()?
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            !name.starts_with('.')
                && !name.ends_with(".tsbuildinfo")
                && !NOT_INPUT.contains(&&*name)
        })
        .filter_map(|entry| newest(&entry.path()))
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_compare_by_number() {
        assert_eq!(node_version("v20.20.2"), Some((20, 20)));
        assert!(node_version("v9.11.0").expect("a version") < NODE_MIN);
        assert!(node_version("v20.9.0").expect("a version") < NODE_MIN);
        assert!(node_version("v24.0.0").expect("a version") >= NODE_MIN);
        assert_eq!(node_version("nonsense"), None);
    }

    #[test]
    fn only_a_changed_input_asks_for_a_build() {
        let root = std::env::temp_dir().join(format!("xtask-web-{}", std::process::id()));
        let workspace = Workspace {
            root: root.clone(),
            target: root.join("target"),
        };
        let write = |path: &str, age_s: u64| {
            let path = root.join("web").join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
            let file = fs::File::create(&path).expect("a file can be written");
            let then = SystemTime::now() - std::time::Duration::from_secs(age_s);
            file.set_modified(then).expect("a time can be set");
        };
        write("package-lock.json", 100);
        write("app/src/main.tsx", 100);
        assert!(build(&workspace).is_some(), "nothing was ever built");
        write("app/dist/index.html", 50);
        write("app/dist/assets/main.js", 40);
        write("app/node_modules/.vite/cache", 10);
        assert!(
            build(&workspace).is_none(),
            "what a build writes is no input"
        );
        write("packages/client/src/outbox.ts", 20);
        assert!(
            build(&workspace).is_some(),
            "a package changed after the build"
        );

        assert!(packages(&workspace).is_some(), "nothing was ever installed");
        fs::create_dir_all(root.join("web/node_modules")).expect("a folder can be made");
        packages_installed(&workspace).expect("the stamp can be written");
        assert!(
            packages(&workspace).is_none(),
            "the lock file is what was installed"
        );
        fs::write(root.join("web/package-lock.json"), "{}").expect("a file can be written");
        assert!(packages(&workspace).is_some(), "the lock file changed");
        fs::remove_dir_all(&root).expect("the folder can be removed");
    }
}
