//! `cargo xtask codegen`: writes the generated files anew.
//!
//! The files are made by tests (`generated_…`) from the Rust types and the table of settings themselves. Without
//! the variable the same tests compare, so a stale file fails everybody's tests.

use std::process::ExitCode;

use anyhow::Context;

use crate::tools::Workspace;

/// Makes the `generated_…` tests rewrite what it would otherwise compare.
const UPDATE: &str = "UPDATE_GENERATED";

pub(crate) fn codegen(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    let status = workspace
        .cargo(GENERATED_TEST)
        .env(UPDATE, "1")
        .status()
        .context("cargo could not be started")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The tests that own every generated file; `tidy` runs them as a comparison.
pub(crate) const GENERATED_TEST: &[&str] = &[
    "test",
    "--quiet",
    "--package",
    "parlor-gateway",
    "--package",
    "parlor",
    "--test",
    "it",
    "generated_",
];
