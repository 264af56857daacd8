//! The binary as an operator meets it: starting, refusing, being killed, stopping.

mod disk;
mod generated;
mod killed;
mod process;
mod start;
