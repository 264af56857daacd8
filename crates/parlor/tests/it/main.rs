//! The binary as an operator meets it: starting, refusing, being killed, stopping.

#[cfg(target_os = "linux")]
mod bench;
#[cfg(target_os = "linux")]
mod bench_storms;
mod disk;
mod generated;
mod killed;
mod process;
mod start;
