//! `cargo xtask test`: every check and every test, in one run with one picture at the end.
//!
//! A failing step does not stop the ones after it, so that one run shows all that is wrong; a step that cannot run
//! is skipped aloud and counted as skipped. The last line is `N passed, N failed[, N skipped]`, alone.

mod counts;
mod install;

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use parlor_cluster::Cluster;

use crate::tools::{self, Workspace, line_of, seconds, streamed};
use crate::{tidy, torture, web};
use counts::Counts;

/// Tests run in parallel and each has a pool of its own; the default of 100 connections is soon used up.
const CONNECTIONS_MAX: u32 = 200;

/// Long enough for every kind of fault once.
const TORTURE_SECONDS: &str = "60";

/// A part of the whole that can be run alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Rust,
    Web,
    Browser,
    Tidy,
    Torture,
}

/// Which parts to run.
pub(crate) struct Parts(Vec<Part>);

impl Parts {
    /// Reads the flags; none means everything.
    pub(crate) fn chosen(flags: &[&str]) -> Result<Self> {
        if flags.is_empty() {
            return Ok(Self(vec![
                Part::Rust,
                Part::Web,
                Part::Browser,
                Part::Tidy,
                Part::Torture,
            ]));
        }
        let part = |flag: &&str| match *flag {
            "--rust" => Ok(Part::Rust),
            "--web" => Ok(Part::Web),
            "--browser" => Ok(Part::Browser),
            "--tidy" => Ok(Part::Tidy),
            "--torture" => Ok(Part::Torture),
            other => bail!(
                "`{other}` is no part of the tests; there are --rust, --web, --browser, --tidy and --torture"
            ),
        };
        Ok(Self(flags.iter().map(part).collect::<Result<_>>()?))
    }

    fn has(&self, part: Part) -> bool {
        self.0.contains(&part)
    }
}

pub(crate) fn test(workspace: &Workspace, parts: &Parts) -> Result<ExitCode> {
    let began = Instant::now();
    let mut run = Run {
        workspace,
        steps: Vec::new(),
    };
    run.install(parts)?;
    if parts.has(Part::Rust) {
        run.check("fmt", workspace.cargo(&["fmt", "--all", "--check"]))?;
        let clippy = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        run.check("clippy", workspace.cargo(&clippy))?;
    }
    if parts.has(Part::Tidy) {
        run.tidy(parts)?;
    }
    if parts.has(Part::Rust) {
        run.deny()?;
    }
    // The browser tests need the web app as well: the server serves it.
    let built = if parts.has(Part::Web) || parts.has(Part::Browser) {
        run.web(parts)?
    } else {
        false
    };
    if parts.has(Part::Rust) {
        run.rust()?;
    }
    if parts.has(Part::Browser) {
        run.browser(built)?;
    }
    if parts.has(Part::Torture) {
        run.torture()?;
    }
    Ok(run.report(began.elapsed()))
}

/// A step that has been run or skipped.
struct Step {
    name: &'static str,
    counts: Counts,
    took: Duration,
    note: String,
}

/// The steps so far.
struct Run<'a> {
    workspace: &'a Workspace,
    steps: Vec<Step>,
}

impl Run<'_> {
    fn install(&mut self, parts: &Parts) -> Result<()> {
        let missing = install::missing(parts);
        if missing.is_empty() {
            return Ok(());
        }
        let packages: Vec<&str> = missing.iter().map(|(package, _)| *package).collect();
        match install::command(&packages) {
            Some(line) => {
                let mut shell = self.workspace.command("sh");
                shell.args(["-c", &line]);
                self.check("install", shell)?;
            }
            None => {
                for (package, purpose) in missing {
                    println!("\nPlease install {package}: {purpose} cannot run without it.");
                }
            }
        }
        Ok(())
    }

    fn tidy(&mut self, parts: &Parts) -> Result<()> {
        heading("tidy");
        let began = Instant::now();
        let violations = tidy::violations(self.workspace)?;
        for violation in &violations {
            println!("{violation}");
        }
        let note = match violations.len() {
            0 => String::new(),
            number => format!("{number} violations"),
        };
        self.done("tidy", one(violations.is_empty()), began.elapsed(), note);
        // The Rust tests compare the generated files as well.
        if !parts.has(Part::Rust) {
            self.check(
                "generated files",
                self.workspace.cargo(crate::codegen::GENERATED_TEST),
            )?;
        }
        Ok(())
    }

    fn deny(&mut self) -> Result<()> {
        if tools::program("cargo-deny").is_none() {
            self.skip(
                "cargo-deny",
                "cargo-deny is not installed: cargo install --locked cargo-deny",
            );
            return Ok(());
        }
        let deny = self
            .workspace
            .cargo(&["deny", "check", "licenses", "bans", "sources"]);
        self.check("cargo-deny", deny)?;
        Ok(())
    }

    /// The web packages' checks and tests, and the build; says whether the web app is built.
    fn web(&mut self, parts: &Parts) -> Result<bool> {
        if let Err(reason) = web::require_node() {
            self.skip("web", &reason.to_string());
            return Ok(false);
        }
        if let Some(install) = web::packages(self.workspace) {
            if !self.check("web packages", install)? {
                self.skip("web", "its packages could not be installed");
                return Ok(false);
            }
            web::packages_installed(self.workspace)?;
        }
        if parts.has(Part::Web) {
            self.check("web check", self.workspace.npm(&["run", "check"]))?;
            self.check("web types", self.workspace.npm(&["run", "types"]))?;
            self.suite("web tests", self.workspace.npm(&["test"]), counts::vitest)?;
            return self.check("web build", self.workspace.npm(&["run", "build"]));
        }
        match web::build(self.workspace) {
            Some(build) => self.check("web build", build),
            None => Ok(true),
        }
    }

    fn rust(&mut self) -> Result<()> {
        let log = self.workspace.log("postgresql")?;
        let cluster = match parlor_cluster::find() {
            None => {
                self.skip(
                    "PostgreSQL",
                    "PostgreSQL is not installed; the store is tested on SQLite only",
                );
                None
            }
            Some(programs) => {
                heading("PostgreSQL");
                let began = Instant::now();
                let started = Cluster::start(programs, &log, CONNECTIONS_MAX);
                let (cluster, note) = match started {
                    Ok(cluster) => (Some(cluster), String::new()),
                    Err(error) => (None, error.to_string()),
                };
                self.done("PostgreSQL", one(cluster.is_some()), began.elapsed(), note);
                cluster
            }
        };
        let against = |command: &mut Command| {
            match &cluster {
                Some(cluster) => command.env("PARLOR_TEST_POSTGRES", cluster.url()),
                None => command.env("PARLOR_TEST_SKIP", "postgres"),
            };
        };

        let nextest = tools::program("cargo-nextest").is_some();
        let (arguments, read): (&[&str], Reader) = if nextest {
            (
                &["nextest", "run", "--workspace", "--no-fail-fast"],
                counts::nextest,
            )
        } else {
            (
                &["test", "--workspace", "--no-fail-fast"],
                counts::cargo_test,
            )
        };
        let mut tests = self.workspace.cargo(arguments);
        against(&mut tests);
        self.suite("Rust tests", tests, read)?;
        if nextest {
            // nextest leaves out the examples in the documentation.
            let mut docs =
                self.workspace
                    .cargo(&["test", "--workspace", "--doc", "--no-fail-fast"]);
            against(&mut docs);
            self.suite("Rust examples", docs, counts::cargo_test)?;
        }
        Ok(())
    }

    fn browser(&mut self, built: bool) -> Result<()> {
        let Some(chromium) = install::chromium() else {
            self.skip("browser tests", "Chromium is not installed");
            return Ok(());
        };
        if !built {
            self.skip("browser tests", "the web app is not built");
            return Ok(());
        }
        if !self.check(
            "server",
            self.workspace.cargo(&["build", "--package", "parlor"]),
        )? {
            self.skip("browser tests", "the server is not built");
            return Ok(());
        }
        let mut tests = self.workspace.npm(&["run", "e2e"]);
        tests
            .env("PARLOR_BIN", self.workspace.target.join("debug/parlor"))
            .env("CHROMIUM", chromium);
        self.suite("browser tests", tests, counts::vitest)?;
        Ok(())
    }

    /// A short torture run on each engine, each with faults of its own choosing.
    fn torture(&mut self) -> Result<()> {
        let build = torture::build(self.workspace, false, false);
        if !self.check("torture build", build)? {
            self.skip("torture", "the server or the torture run is not built");
            return Ok(());
        }
        for (name, engine) in [
            ("torture SQLite", "sqlite"),
            ("torture PostgreSQL", "postgres"),
        ] {
            if engine == "postgres" && parlor_cluster::find().is_none() {
                self.skip(name, "PostgreSQL is not installed");
                continue;
            }
            let mut run = torture::command(self.workspace, false);
            run.args(["--engine", engine, "--seconds", TORTURE_SECONDS]);
            self.check(name, run)?;
        }
        Ok(())
    }

    /// A command that counts as one: it passes or it fails.
    fn check(&mut self, name: &'static str, command: Command) -> Result<bool> {
        self.run(name, command, |_| None)
    }

    /// A command that counts as the tests that it runs.
    fn suite(&mut self, name: &'static str, command: Command, read: Reader) -> Result<bool> {
        self.run(name, command, read)
    }

    fn run(&mut self, name: &'static str, mut command: Command, read: Reader) -> Result<bool> {
        // Plain text is what can be counted; CI keeps vitest from watching and insta from writing.
        command
            .env("NO_COLOR", "1")
            .env("CARGO_TERM_COLOR", "never")
            .env("CI", "1");
        command.env_remove("FORCE_COLOR");
        heading(&format!("{name}: {}", line_of(&command)));
        let began = Instant::now();
        let log = self.workspace.log(name)?;
        let (success, counts, note) = match streamed(&log, &mut command) {
            Ok(ended) => {
                let counts = counted(read(&ended.text), ended.success);
                let note = if counts.failed > 0 {
                    log.display().to_string()
                } else {
                    String::new()
                };
                (ended.success, counts, note)
            }
            Err(error) => (false, one(false), format!("{error:#}")),
        };
        self.done(name, counts, began.elapsed(), note);
        Ok(success)
    }

    fn skip(&mut self, name: &'static str, why: &str) {
        heading(name);
        let counts = Counts {
            skipped: 1,
            ..Counts::default()
        };
        self.done(name, counts, Duration::ZERO, why.to_owned());
    }

    fn done(&mut self, name: &'static str, counts: Counts, took: Duration, note: String) {
        let step = Step {
            name,
            counts,
            took,
            note,
        };
        println!("{}", step.line());
        self.steps.push(step);
    }

    fn report(&self, took: Duration) -> ExitCode {
        heading("everything");
        let mut total = Counts::default();
        for step in &self.steps {
            println!("{}", step.line());
            total += step.counts;
        }
        println!("   in {}\n", seconds(took));
        println!("{}", total.line());
        if total.failed > 0 {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}

type Reader = fn(&str) -> Option<Counts>;

impl Step {
    fn line(&self) -> String {
        let how = match self.counts {
            Counts { failed: 1.., .. } => "FAILED",
            Counts {
                passed: 0,
                skipped: 1..,
                ..
            } => "SKIPPED",
            _ => "passed",
        };
        let Self {
            name,
            counts,
            took,
            note,
        } = self;
        let line = format!(
            "   {how:<8} {name:<16} {:>10}   {}  {note}",
            seconds(*took),
            counts.line()
        );
        line.trim_end().to_owned()
    }
}

fn heading(text: &str) {
    println!("\n── {text}");
}

fn one(passed: bool) -> Counts {
    Counts {
        passed: u32::from(passed),
        failed: u32::from(!passed),
        skipped: 0,
    }
}

/// What a command counts as: its own summary; without one, one check. A command that fails although no test did, as
/// when a file cannot be compiled, is one failure beside what was counted.
fn counted(summary: Option<Counts>, success: bool) -> Counts {
    let mut counts = summary.unwrap_or_else(|| one(success));
    if !success && counts.failed == 0 {
        counts.failed = 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_never_a_pass() {
        let all_passed = Counts {
            passed: 7,
            ..Counts::default()
        };
        assert_eq!(counted(Some(all_passed), true), all_passed);
        assert_eq!(
            counted(Some(all_passed), false),
            Counts {
                failed: 1,
                ..all_passed
            }
        );
        assert_eq!(counted(None, false), one(false));
        assert_eq!(counted(None, true), one(true));
    }

    #[test]
    fn no_flag_means_everything_and_an_unknown_one_is_refused() {
        let all = Parts::chosen(&[]).expect("no flag is fine");
        assert!(all.has(Part::Rust) && all.has(Part::Tidy) && all.has(Part::Torture));
        let web = Parts::chosen(&["--web"]).expect("a part");
        assert!(web.has(Part::Web) && !web.has(Part::Rust));
        assert!(Parts::chosen(&["--quick"]).is_err());
    }
}
