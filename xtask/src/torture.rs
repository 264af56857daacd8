//! `cargo xtask torture`: builds the server and the torture run, and runs it; or kills the server many times.
//!
//! What goes wrong, who suffers and how it is judged is the business of `crates/torture`; of the kills, that of a test
//! of `crates/parlor`, which is run here more often than in the tests.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use parlor_cluster::Cluster;

use crate::tools::Workspace;

/// Connections of the cluster for the kills: one pool of the server, and a few questions.
const CONNECTIONS_MAX: u32 = 50;

/// What is asked for; everything else is handed on to the run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked<'a> {
    engine: Option<&'a str>,
    kills: Option<&'a str>,
    release: bool,
    planted: bool,
    handed_on: Vec<&'a str>,
}

impl<'a> Asked<'a> {
    fn read(arguments: &[&'a str]) -> Result<Self> {
        let mut asked = Self::default();
        let mut arguments = arguments.iter().copied();
        while let Some(argument) = arguments.next() {
            match argument {
                "--release" => asked.release = true,
                "--kills" => {
                    let number = arguments.next().context("--kills needs a number")?;
                    if number.parse::<u32>().is_err() {
                        bail!("--kills {number} is not a number");
                    }
                    asked.kills = Some(number);
                }
                "--engine" => {
                    let engine = arguments.next().context("--engine needs a name")?;
                    if !["sqlite", "postgres"].contains(&engine) {
                        bail!("there is no engine {engine}; there are sqlite and postgres");
                    }
                    asked.engine = Some(engine);
                    asked.handed_on.extend([argument, engine]);
                }
                other => {
                    asked.planted |= other == "--plant";
                    asked.handed_on.push(other);
                }
            }
        }
        Ok(asked)
    }
}

pub(crate) fn torture(workspace: &Workspace, arguments: &[&str]) -> Result<ExitCode> {
    let asked = Asked::read(arguments)?;
    if let Some(kills) = asked.kills {
        return kill(workspace, kills, asked.engine.unwrap_or("sqlite"));
    }
    let built = build(workspace, asked.release, asked.planted).status();
    if !built.context("cargo could not be started")?.success() {
        bail!("the server or the torture run cannot be built");
    }
    let ran = command(workspace, asked.release)
        .args(asked.handed_on)
        .status()
        .context("the torture run could not be started")?;
    Ok(code(ran.success()))
}

/// Builds the server and the torture run. Of the features only `planted-bugs` differs, and only when asked for.
pub(crate) fn build(workspace: &Workspace, release: bool, planted: bool) -> Command {
    let packages = [
        "build",
        "--package",
        "parlor",
        "--package",
        "parlor-torture",
    ];
    let mut build = workspace.cargo(&packages);
    if release {
        build.arg("--release");
    }
    if planted {
        build.args(["--features", "parlor/planted-bugs"]);
    }
    build
}

/// The torture run on the server that was built.
pub(crate) fn command(workspace: &Workspace, release: bool) -> Command {
    let profile = workspace
        .target
        .join(if release { "release" } else { "debug" });
    let mut command = workspace.command(profile.join("parlor-torture"));
    command.arg("--server").arg(profile.join("parlor"));
    command
}

/// Runs the test that kills the server, with so many kills.
fn kill(workspace: &Workspace, kills: &str, engine: &str) -> Result<ExitCode> {
    let case = match engine {
        "postgres" => "killed::p1_kill_9_loses_no_acked_message::case_2_postgres",
        _ => "killed::p1_kill_9_loses_no_acked_message::case_1_sqlite",
    };
    let mut test = workspace.cargo(&["test", "--package", "parlor", "--test", "it", "--"]);
    test.args(["--exact", "--nocapture", case])
        .env("PARLOR_KILLS", kills);
    let cluster = if engine == "postgres" {
        let programs = parlor_cluster::find().context("PostgreSQL is not installed")?;
        let log = workspace.log("postgresql")?;
        Some(Cluster::start(programs, &log, CONNECTIONS_MAX)?)
    } else {
        None
    };
    if let Some(cluster) = &cluster {
        test.env("PARLOR_TEST_POSTGRES", cluster.url());
    }
    let passed = test.status().context("cargo could not be started")?;
    Ok(code(passed.success()))
}

fn code(success: bool) -> ExitCode {
    if success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_for_the_build_is_handed_on() {
        let given = ["--engine", "postgres", "--release", "--seed", "7"];
        let asked = Asked::read(&given).expect("fine");
        assert!(asked.release && !asked.planted);
        assert_eq!(asked.engine, Some("postgres"));
        assert_eq!(asked.handed_on, ["--engine", "postgres", "--seed", "7"]);
        let planted = Asked::read(&["--plant", "lost-publish"]).expect("fine");
        assert!(planted.planted);
        assert_eq!(planted.handed_on, ["--plant", "lost-publish"]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for wrong in [&["--kills"][..], &["--kills", "many"], &["--engine", "x"]] {
            assert!(Asked::read(wrong).is_err(), "{wrong:?}");
        }
        let asked = Asked::read(&["--kills", "500"]).expect("fine");
        assert_eq!(asked.kills, Some("500"));
    }
}
