//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    chat::{self, Chat},
    config::{Config, Unusable},
    serve,
};

/// A messaging server in one binary: chat over REST and WebSocket, with a web app.
///
/// `parlor serve` needs no file and no flag. Every setting is an environment variable or a line in
/// a configuration file; `parlor config` prints them all.
#[derive(Debug, Parser)]
#[command(name = "parlor", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve {
        /// A configuration file (TOML). Environment variables win over it.
        #[arg(long, env = "PARLOR_CONFIG")]
        config: Option<std::path::PathBuf>,
    },
    /// Say that the database was restored from a backup: clients forget what they hold and read anew.
    Restored {
        /// A configuration file (TOML). Environment variables win over it.
        #[arg(long, env = "PARLOR_CONFIG")]
        config: Option<std::path::PathBuf>,
    },
    /// Talk to somebody from the terminal.
    Chat(Chat),
    /// Measure a server.
    #[cfg(target_os = "linux")]
    Bench(parlor_load::Bench),
    /// Print every setting with its default and what it is for, as a configuration file.
    Config,
}

/// Exit code for settings and surroundings that cannot work; the same as clap's for wrong usage.
const UNUSABLE: u8 = 2;

pub(crate) fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve { config } => Config::load(config.as_deref())
            .map_err(Into::into)
            .and_then(|c| serve::run(&c)),
        Command::Restored { config } => Config::load(config.as_deref())
            .map_err(Into::into)
            .and_then(|c| serve::restored(&c)),
        Command::Chat(chat) => chat::run(&chat),
        #[cfg(target_os = "linux")]
        Command::Bench(bench) => parlor_load::run(&bench),
        Command::Config => {
            print!("{}", crate::config::example());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parlor: {error:#}");
            if error.is::<Unusable>() {
                ExitCode::from(UNUSABLE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
