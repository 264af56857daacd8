//! Runs one real server, in a process of its own, behind a bad network, with a database that fails, under people who
//! do everything at once, and checks afterwards that what all of them saw keeps the rules of `docs/PROTOCOL.md`.
//!
//! `cargo xtask torture` builds the server and calls this. A seed decides the schedule and all choices, as far as
//! timing allows. Never here: a use of the server's own crates; it is met over the wire only.

mod device;
mod live;
mod options;
mod person;
mod plan;
mod replica;
mod report;
mod rest;
mod run;
mod settle;
mod site;
mod world;

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::options::Options;

/// Where histories are kept when nobody says where, seen from the workspace.
const KEPT_IN: &str = "target/torture";

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    // Whoever ends the run ends what it has started: the server and the database are dropped with it.
    let ended = tokio::select! {
        ended = torture(&options) => ended,
        stopped = stopped() => stopped.and_then(|()| anyhow::bail!("stopped")),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("parlor-torture: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for SIGTERM or Ctrl-C.
async fn stopped() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("no SIGTERM can be heard")?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        pressed = tokio::signal::ctrl_c() => pressed.context("no Ctrl-C can be heard"),
    }
}

async fn torture(options: &Options) -> Result<ExitCode> {
    if let Some(folder) = &options.check {
        let report = run::checked(folder)?;
        println!("{report}");
        return Ok(code(report.violations() == 0));
    }
    let seed = options.seed.unwrap_or_else(any_seed);
    let again = format!(
        "cargo xtask torture --engine {} --seconds {} --seed {seed}{}",
        options.engine.name(),
        options.seconds,
        options
            .plant
            .as_ref()
            .map(|plant| format!(" --plant {plant}"))
            .unwrap_or_default()
    );
    println!("{again}\n");
    let folder = options.keep.clone().unwrap_or_else(|| {
        let name = format!("{}-{seed}", options.engine.name());
        Path::new(KEPT_IN).join(name)
    });
    let report = run::run(options, seed, &folder).await?;
    println!("\n{report}\n");
    println!("history  {}\nagain    {again}", folder.display());
    let kept = report.violations() == 0;
    if let Some(plant) = &options.plant {
        let word = if kept { "NOT found" } else { "found" };
        println!("planted  {plant}: {word}");
        return Ok(code(!kept));
    }
    Ok(code(kept))
}

fn code(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A seed that a person can type.
fn any_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |since| u64::from(since.subsec_nanos()) % 1_000_000)
}
