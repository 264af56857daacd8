//! `cargo xtask codegen`: writes the generated files anew.
//!
//! The files are made by a test of the gateway, which sees every wire type, from the Rust types themselves. Without
//! the variable the same test compares, so a stale file fails everybody's tests.

use std::process::ExitCode;

use anyhow::Context;

use crate::tools::Workspace;

/// Makes the `generated` test rewrite what it would otherwise compare.
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

/// The test that owns every generated file; `tidy` runs it as a comparison.
pub(crate) const GENERATED_TEST: &[&str] = &[
    "test",
    "--quiet",
    "--package",
    "parlor-gateway",
    "--test",
    "generated",
];
