//! Idle sockets: what the server's memory grows by for each.

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    machine::Machine,
    server::{Measured, connect},
};

/// Memory of the server for each idle socket.
#[derive(Debug, clap::Args)]
pub(crate) struct Idle {
    /// Sockets to open.
    #[arg(long, default_value_t = 2000)]
    sockets: usize,
    /// Conversations that each socket's user is in.
    #[arg(long, default_value_t = 20)]
    conversations: usize,
    /// Sockets of one user.
    #[arg(long, default_value_t = 20)]
    devices: usize,
}

pub(crate) async fn run(machine: &Machine, idle: &Idle) -> anyhow::Result<()> {
    let mut server = Measured::fresh(machine, None).await?;
    let peer = server.person("peer").await?;
    let bar = ProgressBar::new(idle.sockets as u64);
    bar.set_style(ProgressStyle::with_template(
        "{msg:<12} {bar:40} {pos}/{len}",
    )?);
    bar.set_message("signing up");
    let mut people = Vec::new();
    for n in 0..idle.sockets.div_ceil(idle.devices.max(1)) {
        let person = server.person(&n.to_string()).await?;
        for _ in 0..idle.conversations {
            server.group(&person, std::slice::from_ref(&peer)).await?;
        }
        people.push(person);
        bar.inc(idle.devices as u64);
    }
    bar.set_position(0);
    bar.set_message("connecting");
    server.restart(machine)?;
    // One socket first, so that what the first one costs everyone is not counted.
    let _first = connect(&server.url, &peer.token).await?;
    let before = server.process()?.resident_bytes()?;
    let mut sockets = Vec::with_capacity(idle.sockets);
    for n in 0..idle.sockets {
        let person = &people[n / idle.devices.max(1)];
        sockets.push(connect(&server.url, &person.token).await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let after = server.process()?.resident_bytes()?;
    let each = after.saturating_sub(before) as f64 / idle.sockets as f64 / 1024.0;
    println!("sockets  conversations  before MiB  after MiB  KiB each");
    println!(
        "{:>7}  {:>13}  {:>10.1}  {:>9.1}  {each:>8.2}",
        sockets.len(),
        idle.conversations,
        before as f64 / 1_048_576.0,
        after as f64 / 1_048_576.0,
    );
    Ok(())
}
