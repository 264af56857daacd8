//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Runs a server through everything that can go wrong, and checks what its clients saw.
#[derive(Debug, Clone, Parser)]
#[command(name = "parlor-torture", max_term_width = 100)]
pub(crate) struct Options {
    /// How long things go wrong.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=3_000))]
    pub(crate) seconds: u64,
    /// Decides the schedule and all choices; a random one when absent.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Where messages are stored.
    #[arg(long, value_enum, default_value_t = Engine::Sqlite)]
    pub(crate) engine: Engine,
    /// The `parlor` binary.
    #[arg(long, env = "PARLOR_BIN", default_value = "target/debug/parlor")]
    pub(crate) server: PathBuf,
    /// Where the history goes; a folder of the engine and the seed in `target/torture` when absent.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keep: Option<PathBuf>,
    /// A bug that a server with the feature `planted-bugs` has; it must be found.
    #[arg(long)]
    pub(crate) plant: Option<String>,
    /// Breaks nothing: only what the clients do.
    #[arg(long)]
    pub(crate) calm: bool,
    /// Runs nothing: checks a history that was kept.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) check: Option<PathBuf>,
}

/// Where messages are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// A file.
    Sqlite,
    /// A cluster of its own.
    Postgres,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}
