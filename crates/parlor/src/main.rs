//! The `parlor` binary: command line, configuration, wiring.
//!
//! Nothing is decided here: `serve` opens the parts and joins them, the other commands are clients.

mod chat;
mod cli;
mod config;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
