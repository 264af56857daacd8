//! The command line of `parlor bench`.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, ensure};

use crate::{
    contest::Plan,
    lab::{Lab, Sizes},
    machine::Machine,
    peer,
    process::clean_up_on_signals,
    progress::Progress,
    raw::{self, RawServer},
    report::{self, Report},
    scenario::Scenario,
    single::{
        floor::{self, Floor},
        sync::{self, Sync},
    },
};

/// Rounds of a run that is in a hurry, and of one that is not.
const ROUNDS: (usize, usize) = (5, 11);
/// Seconds of one measurement, likewise.
const SECONDS: (f64, f64) = (0.6, 3.0);

/// Measure this server beside the floor of the machine, and beside others.
#[derive(Debug, clap::Args)]
pub struct Bench {
    #[command(subcommand)]
    which: Which,
}

#[derive(Debug, clap::Subcommand)]
enum Which {
    /// Every scenario: what the README's figures come from.
    All(#[command(flatten)] Options),
    /// One message at a time to every member of a large group.
    Fanout(#[command(flatten)] Options),
    /// The same with 64 messages under way.
    Backlog(#[command(flatten)] Options),
    /// How late deliveries are at half of the server's own maximum.
    Half(#[command(flatten)] Options),
    /// What a delivery costs the server in groups of ten members to ten thousand.
    Members(#[command(flatten)] Options),
    /// The same fan-out while one reader in a hundred does not read.
    Stalled(#[command(flatten)] Options),
    /// Durable acknowledged sends: 64 senders with 8 messages under way.
    Sends(#[command(flatten)] Options),
    /// How long a lone sender waits for an ack, in the middle and at the 99th percentile.
    Lone(#[command(flatten)] Options),
    /// Memory and processor time of a connection that does nothing, its user in 20 conversations.
    Idle(#[command(flatten)] Options),
    /// Everybody comes back at once with token and cursor; two people who stayed go on talking.
    Reconnect(#[command(flatten)] Options),
    /// Everybody comes back and has missed 100 messages.
    Resume(#[command(flatten)] Options),
    /// Opening a conversation, a page of it and what is unread, with a long history and a short one.
    History(#[command(flatten)] Options),
    /// What a group's members are sent while all of them come online.
    Presence(#[command(flatten)] Options),
    /// kill -9 while 64 senders send: what is lost, and when the first ack comes again.
    Kill(#[command(flatten)] Options),
    /// First sync of many conversations, and a warm one.
    Sync(#[command(flatten)] Sync),
    /// What the machine itself can do: raw commits, raw fdatasync, raw round trips.
    Floor(#[command(flatten)] Floor),
    /// A raw server that a scenario is measured against.
    #[command(subcommand, hide = true)]
    Raw(RawServer),
}

/// How much is measured, beside whom, and where the result goes.
#[derive(Debug, Clone, clap::Args)]
struct Options {
    /// Short rounds: a first look at a machine.
    #[arg(long)]
    quick: bool,
    /// Rounds of each scenario.
    #[arg(long)]
    rounds: Option<usize>,
    /// Length of each measurement, in seconds.
    #[arg(long)]
    seconds: Option<f64>,
    /// Members of the large group.
    #[arg(long, default_value_t = 1000)]
    members: usize,
    /// People who come and go: in idle, reconnect and resume.
    #[arg(long)]
    clients: Option<usize>,
    /// Messages of a long history.
    #[arg(long)]
    messages: Option<u64>,
    /// Database of the fresh server: an empty one behind a postgres:// URL, SQLite when absent.
    #[arg(long, env = "PARLOR_BENCH_DATABASE_URL")]
    database_url: Option<String>,
    /// Other servers to measure beside it: a JSON list of {name, protocol, command, dir, env, persists, authenticates, note}.
    #[arg(long, value_name = "FILE")]
    peers: Option<PathBuf>,
    /// Of all, only these scenarios.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Write everything that was found as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with plots.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print the table as Markdown.
    #[arg(long)]
    markdown: bool,
}

/// Runs a benchmark.
pub fn run(bench: &Bench) -> anyhow::Result<()> {
    if let Which::Raw(server) = &bench.which {
        return raw::run(server);
    }
    let machine = Machine::look()?;
    machine.pin_generator()?;
    clean_up_on_signals()?;
    match &bench.which {
        Which::All(options) => scenarios(machine, options, &Scenario::ALL),
        Which::Fanout(options) => scenarios(machine, options, &[Scenario::Fanout]),
        Which::Backlog(options) => scenarios(machine, options, &[Scenario::Backlog]),
        Which::Half(options) => scenarios(machine, options, &[Scenario::Half]),
        Which::Members(options) => scenarios(machine, options, &[Scenario::Members]),
        Which::Stalled(options) => scenarios(machine, options, &[Scenario::Stalled]),
        Which::Sends(options) => scenarios(machine, options, &[Scenario::Sends]),
        Which::Lone(options) => scenarios(machine, options, &[Scenario::Lone]),
        Which::Idle(options) => scenarios(machine, options, &[Scenario::Idle]),
        Which::Reconnect(options) => scenarios(machine, options, &[Scenario::Reconnect]),
        Which::Resume(options) => scenarios(machine, options, &[Scenario::Resume]),
        Which::History(options) => scenarios(machine, options, &[Scenario::History]),
        Which::Presence(options) => scenarios(machine, options, &[Scenario::Presence]),
        Which::Kill(options) => scenarios(machine, options, &[Scenario::Kill]),
        Which::Sync(sync) => runtime()?.block_on(sync::run(&machine, sync)),
        Which::Floor(floor) => runtime()?.block_on(floor::run(floor)),
        Which::Raw(_) => Ok(()),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

fn scenarios(machine: Machine, options: &Options, wanted: &[Scenario]) -> anyhow::Result<()> {
    let mut lab = options.lab(machine)?;
    if lab.machine.is_shared() {
        eprintln!("One core: server and generator share it, and so nothing is pinned.");
    }
    let mut without = Vec::new();
    for scenario in wanted {
        if !options.only.is_empty() && !options.only.contains(scenario) {
            continue;
        }
        // What the others found is not lost with one that cannot be measured.
        if let Err(error) = scenario.run(&mut lab, options.members) {
            let why = format!("{error:#}");
            lab.report.leave_out(scenario.name(), "everyone", &why);
            without.push(format!("{}: {why}", scenario.name()));
        }
    }
    lab.progress.end();
    options.write(&lab.report)?;
    ensure!(without.is_empty(), "not measured: {}", without.join("; "));
    Ok(())
}

impl Options {
    fn plan(&self) -> anyhow::Result<Plan> {
        let (rounds, seconds) = if self.quick {
            (ROUNDS.0, SECONDS.0)
        } else {
            (ROUNDS.1, SECONDS.1)
        };
        let seconds = self.seconds.unwrap_or(seconds);
        ensure!(self.members > 0, "a group has at least one member");
        ensure!(
            seconds > 0.0 && seconds.is_finite(),
            "a measurement takes some time"
        );
        Ok(Plan {
            rounds: self.rounds.unwrap_or(rounds),
            lasting: Duration::from_secs_f64(seconds),
        })
    }

    fn lab(&self, machine: Machine) -> anyhow::Result<Lab> {
        let plan = self.plan()?;
        let peers = match &self.peers {
            Some(path) => peer::load(path)?,
            None => Vec::new(),
        };
        Ok(Lab {
            report: Report::new(machine.clone(), plan),
            machine,
            plan,
            database_url: self.database_url.clone(),
            peers,
            progress: Progress::new(),
            sizes: Sizes {
                quick: self.quick,
                clients: self.clients,
                messages: self.messages,
            },
            runtime: runtime()?,
        })
    }

    fn write(&self, report: &Report) -> anyhow::Result<()> {
        if self.markdown {
            print!("{}", report::markdown(report));
        } else {
            print!("{}", report::text(report));
        }
        if let Some(path) = &self.json {
            fs::write(path, serde_json::to_string_pretty(report)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        if let Some(path) = &self.html {
            fs::write(path, report::html(report))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}
