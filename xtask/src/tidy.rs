//! `cargo xtask tidy`: the rules of the house that no compiler knows.
//!
//! This file gathers the files and the workspace's metadata and prints what the rules find; the rules themselves are
//! pure functions in `rooms` (which crate may use which) and `rules` (what may stand in a file), each tested with a
//! planted violation.

mod rooms;
mod rules;
mod source;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::codegen::GENERATED_TEST;
use crate::tools::Workspace;
use source::{Source, Violation};

pub(crate) fn tidy(workspace: &Workspace) -> Result<ExitCode> {
    let violations = violations(workspace)?;
    for violation in &violations {
        println!("{violation}");
    }
    let generated = workspace
        .cargo(GENERATED_TEST)
        .env_remove("UPDATE_GENERATED")
        .status()
        .context("cargo could not be started")?;
    if !generated.success() {
        println!("generated files are stale, or could not be compared: run `cargo xtask codegen`");
    }
    if violations.is_empty() && generated.success() {
        println!("tidy");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// Everything that breaks a rule, except stale generated files, which only a compiled test can tell.
pub(crate) fn violations(workspace: &Workspace) -> Result<Vec<Violation>> {
    let files = files(workspace)?;
    let metadata = metadata(workspace)?;
    let mut violations = rooms::directions(&metadata, &files);
    violations.extend(rooms::core_dependencies(&metadata, &files));
    for file in &files {
        violations.extend(rules::core_is_pure(file));
        violations.extend(rules::sql_only_in_store(file));
        violations.extend(rules::opens_with_purpose(file));
        violations.extend(rules::roots_only_reexport(file));
        violations.extend(rules::nothing_unfinished(file));
        violations.extend(rules::not_too_long(file));
    }
    Ok(violations)
}

/// The text files that git knows or would add: what is ignored is nobody's business.
fn files(workspace: &Workspace) -> Result<Vec<Source>> {
    let listed = workspace
        .command("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .context("git could not be started")?;
    if !listed.status.success() {
        bail!(
            "git cannot list the files: {}",
            String::from_utf8_lossy(&listed.stderr).trim()
        );
    }
    let mut files: Vec<Source> = String::from_utf8_lossy(&listed.stdout)
        .split_terminator('\0')
        // A file that is deleted and not yet committed, or that is no text, has nothing to check.
        .filter_map(|path| {
            let text = fs::read_to_string(workspace.root.join(path)).ok()?;
            Some(Source {
                path: path.to_owned(),
                text,
            })
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn metadata(workspace: &Workspace) -> Result<Value> {
    let output = workspace
        .cargo(&["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cargo could not be started")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata answered no JSON")
}
