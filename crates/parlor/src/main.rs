//! The `parlor` binary: command line, configuration, wiring.
//!
//! Nothing is decided here: `serve` opens the parts and joins them, the other commands are clients.

mod chat;
mod cli;
mod config;
mod serve;

use std::process::ExitCode;

/// Also SQLite's: it replaces the C library's functions. Half a million small things that come and go
/// leave no holes (docs/PERFORMANCE.md has the figures).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
