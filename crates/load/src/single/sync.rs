//! What a client waits for: its first sync, and a warm one.

use std::time::Instant;

use anyhow::ensure;
use indicatif::{ProgressBar, ProgressStyle};
use parlor_client::Api;
use parlor_protocol::SendMessage;

use crate::{machine::Machine, server::Measured};

/// Conversations on one page of a first sync: the most that are allowed.
const SYNC_PAGE: u32 = 200;

/// First sync of many conversations, and a warm one.
#[derive(Debug, clap::Args)]
pub(crate) struct Sync {
    /// Conversations of the user who syncs.
    #[arg(long, default_value_t = 5000)]
    conversations: usize,
    /// Conversations that change before the warm sync.
    #[arg(long, default_value_t = 100)]
    changed: usize,
    /// Database of the fresh server: a postgres:// URL, SQLite when absent.
    #[arg(long, env = "PARLOR_BENCH_DATABASE_URL")]
    database_url: Option<String>,
}

pub(crate) async fn run(machine: &Machine, sync: &Sync) -> anyhow::Result<()> {
    let server = Measured::fresh(machine, sync.database_url.as_deref()).await?;
    let reader = server.person("reader").await?;
    let peer = server.person("peer").await?;
    let bar = ProgressBar::new(sync.conversations as u64);
    bar.set_style(ProgressStyle::with_template(
        "{msg:<14} {bar:40} {pos}/{len}",
    )?);
    bar.set_message("conversations");
    let peers = Api::new(&server.url).with_token(&peer.token);
    let mut talks = Vec::with_capacity(sync.conversations);
    for n in 0..sync.conversations {
        let talk = server.group(&peer, std::slice::from_ref(&reader)).await?;
        peers.send(talk, &text(n)).await?;
        talks.push(talk);
        bar.inc(1);
    }
    let api = Api::new(&server.url).with_token(&reader.token);
    let begun = Instant::now();
    let mut cursor = None;
    let mut found = 0;
    loop {
        let page = api.sync(cursor.as_deref(), Some(SYNC_PAGE)).await?;
        found += page.conversations.len();
        cursor = Some(page.cursor);
        if !page.has_more {
            break;
        }
    }
    let first = begun.elapsed();
    ensure!(
        found >= sync.conversations,
        "found {found} of {} conversations",
        sync.conversations
    );
    for (n, talk) in talks.iter().take(sync.changed).enumerate() {
        peers.send(*talk, &text(n)).await?;
    }
    let begun = Instant::now();
    let mut changed = 0;
    loop {
        let page = api.sync(cursor.as_deref(), Some(SYNC_PAGE)).await?;
        changed += page.conversations.len();
        cursor = Some(page.cursor);
        if !page.has_more {
            break;
        }
    }
    let warm = begun.elapsed();
    ensure!(changed >= sync.changed, "found {changed} changes");

    bar.finish_and_clear();
    println!("engine     conversations  first sync ms  changed  warm sync ms");
    println!(
        "{:<10} {found:>13}  {:>13.0}  {changed:>7}  {:>12.1}",
        server.engine,
        first.as_secs_f64() * 1000.0,
        warm.as_secs_f64() * 1000.0,
    );
    Ok(())
}

fn text(n: usize) -> SendMessage {
    SendMessage {
        content: format!("a message of the usual length, number {n}"),
        ..SendMessage::default()
    }
}
