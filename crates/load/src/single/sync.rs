//! What a client waits for: its first sync, a warm one, and a page of history, short or long.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use parlor_client::{Api, Socket};
use parlor_protocol::{ClientFrame, ConversationId, Ref, SendMessage, ServerFrame};

use crate::{
    machine::Machine,
    server::{Measured, Person, connect},
};

/// Conversations on one page of a first sync: the most that are allowed.
const SYNC_PAGE: u32 = 200;
/// Messages on one page of history: what an app shows first.
const HISTORY_PAGE: u32 = 50;
/// Sends under way while a history is filled.
const FILL_IN_FLIGHT: usize = 512;

/// First sync of many conversations, warm sync, and pages of a short and a long history.
#[derive(Debug, clap::Args)]
pub(crate) struct Sync {
    /// Conversations of the user who syncs.
    #[arg(long, default_value_t = 5000)]
    conversations: usize,
    /// Conversations that change before the warm sync.
    #[arg(long, default_value_t = 100)]
    changed: usize,
    /// Messages of the long history.
    #[arg(long, default_value_t = 1_000_000)]
    messages: usize,
    /// Messages of the short history.
    #[arg(long, default_value_t = 1000)]
    few_messages: usize,
    /// Pages read of each history.
    #[arg(long, default_value_t = 2000)]
    pages: usize,
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

    let short = filled(&server, &peer, &reader, sync.few_messages, &bar).await?;
    let long = filled(&server, &peer, &reader, sync.messages, &bar).await?;
    bar.finish_and_clear();
    let few = pages(&api, short, sync.few_messages, sync.pages).await?;
    let many = pages(&api, long, sync.messages, sync.pages).await?;
    println!("engine     conversations  first sync ms  changed  warm sync ms");
    println!(
        "{:<10} {found:>13}  {:>13.0}  {changed:>7}  {:>12.1}",
        server.engine,
        first.as_secs_f64() * 1000.0,
        warm.as_secs_f64() * 1000.0,
    );
    println!("messages   pages  p50 ms  p99 ms");
    for (messages, times) in [(sync.few_messages, &few), (sync.messages, &many)] {
        println!(
            "{messages:>8}  {:>6}  {:>6.2}  {:>6.2}",
            times.len(),
            at(times, 0.5),
            at(times, 0.99)
        );
    }
    println!(
        "long / short: p50 {:.2}, p99 {:.2}",
        at(&many, 0.5) / at(&few, 0.5),
        at(&many, 0.99) / at(&few, 0.99)
    );
    Ok(())
}

fn text(n: usize) -> SendMessage {
    SendMessage {
        content: format!("a message of the usual length, number {n}"),
        ..SendMessage::default()
    }
}

/// A conversation with so many messages; the reader has read them.
async fn filled(
    server: &Measured,
    peer: &Person,
    reader: &Person,
    messages: usize,
    bar: &ProgressBar,
) -> anyhow::Result<ConversationId> {
    bar.set_message("history");
    bar.set_length(messages as u64);
    bar.set_position(0);
    let talk = server.group(peer, std::slice::from_ref(reader)).await?;
    let mut socket = connect(&server.url, &peer.token).await?;
    let mut sent = 0;
    let mut acked = 0;
    while acked < messages {
        while sent < messages && sent - acked < FILL_IN_FLIGHT {
            let reference = Some(Ref::Number(sent as u64));
            let frame = ClientFrame::message_send(reference, talk, text(sent));
            socket.send(&frame).await?;
            sent += 1;
        }
        acked += hear(&mut socket).await?;
        bar.set_position(acked as u64);
    }
    let api = Api::new(&server.url).with_token(&reader.token);
    api.mark_read(talk, messages as i64).await?;
    Ok(talk)
}

async fn hear(socket: &mut Socket) -> anyhow::Result<usize> {
    match socket.next().await? {
        ServerFrame::Ack { .. } => Ok(1),
        ServerFrame::Error { code, detail, .. } => {
            anyhow::bail!("refused: {} {detail}", code.as_str())
        }
        _ => Ok(0),
    }
}

/// Pages at places spread over the whole history, the same shares of it however long it is.
async fn pages(
    api: &Api,
    talk: ConversationId,
    messages: usize,
    count: usize,
) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(count);
    for n in 0..count {
        // A stride that is prime to any count walks the history in no order.
        let after = (n * 7_919 % count) * messages / count;
        let begun = Instant::now();
        let page = api.history(talk, Some(after as i64), HISTORY_PAGE).await?;
        times.push(begun.elapsed());
        let first = page.items.first().context("a page without a message")?;
        ensure!(first.seq == after as i64 + 1, "a page begins elsewhere");
    }
    times.sort_unstable();
    Ok(times)
}

fn at(times: &[Duration], share: f64) -> f64 {
    let place = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
    times
        .get(place)
        .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
