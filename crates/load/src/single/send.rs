//! Durable sends: N senders with some messages under way each; an ack counts, nothing else.
//!
//! Every ack is checked: the seqs of one sender's conversation are 1, 2, 3 … without a gap, and each
//! message also arrives as an event exactly once.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use parlor_client::Socket;
use parlor_protocol::{ClientFrame, ConversationId, Ref, SendMessage, ServerFrame};

use crate::{
    host_app::HostApp,
    machine::Machine,
    server::{Measured, connect},
};

/// Durable acknowledged sends a second, and how long an ack takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Send {
    /// Senders at once, each in a conversation of its own.
    #[arg(long, default_value_t = 64)]
    senders: usize,
    /// Messages under way for each sender.
    #[arg(long, default_value_t = 8)]
    in_flight: usize,
    /// How long to measure, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Length of a message's text, in bytes.
    #[arg(long, default_value_t = 200)]
    bytes: usize,
    /// A server that runs already; its limits must allow the load, and its settings of jwt must stand in the environment.
    #[arg(long)]
    url: Option<String>,
    /// Database of the fresh server: a postgres:// URL, SQLite when absent.
    #[arg(long, conflicts_with = "url", env = "PARLOR_BENCH_DATABASE_URL")]
    database_url: Option<String>,
}

/// One sender's acks: how long each took.
type Latencies = Vec<Duration>;

pub(crate) async fn run(machine: &Machine, send: &Send) -> anyhow::Result<()> {
    ensure!(
        send.senders > 0 && send.in_flight > 0,
        "at least one sender and one message under way"
    );
    let server = match &send.url {
        Some(url) => Measured::running(url, HostApp::of_environment()?).await?,
        None => Measured::fresh(machine, send.database_url.as_deref()).await?,
    };
    let bar = ProgressBar::new(send.senders as u64);
    bar.set_style(ProgressStyle::with_template(
        "{msg:<12} {bar:40} {pos}/{len}",
    )?);
    bar.set_message("signing up");
    let listener = server.person("peer").await?;
    let mut senders = Vec::new();
    for n in 0..send.senders {
        let person = server.person(&n.to_string()).await?;
        let talk = server
            .group(&person, std::slice::from_ref(&listener))
            .await?;
        senders.push((connect(&server.url, &person.token).await?, talk));
        bar.inc(1);
    }
    bar.finish_and_clear();

    let clock = ProgressBar::new(send.seconds);
    clock.set_style(ProgressStyle::with_template(
        "{msg:<12} {bar:40} {pos}/{len} s",
    )?);
    clock.set_message("sending");
    let started = Instant::now();
    let end = started + Duration::from_secs(send.seconds);
    let text = "x".repeat(send.bytes);
    let tasks: Vec<_> = senders
        .into_iter()
        .map(|(socket, talk)| tokio::spawn(sender(socket, talk, text.clone(), send.in_flight, end)))
        .collect();
    for _ in 0..send.seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        clock.inc(1);
    }
    let mut latencies = Latencies::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let took = started.elapsed();
    clock.finish_and_clear();
    report(send, &server.engine, latencies, took);
    Ok(())
}

async fn sender(
    mut socket: Socket,
    talk: ConversationId,
    text: String,
    in_flight: usize,
    end: Instant,
) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::new();
    let mut sent: Vec<Instant> = Vec::new();
    let mut events = 0;
    let next = async |socket: &mut Socket, sent: &mut Vec<Instant>| {
        let number = sent.len() as u64;
        let body = SendMessage {
            content: text.clone(),
            client_id: Some(format!("m{number}")),
            ..SendMessage::default()
        };
        sent.push(Instant::now());
        socket
            .send(&ClientFrame::message_send(
                Some(Ref::Number(number)),
                talk,
                body,
            ))
            .await
    };
    for _ in 0..in_flight {
        next(&mut socket, &mut sent).await?;
    }
    while latencies.len() < sent.len() || events < sent.len() {
        match socket.next().await? {
            ServerFrame::Ack {
                reference: Some(Ref::Number(number)),
                message: Some(message),
                ..
            } => {
                ensure!(
                    message.seq == number as i64 + 1,
                    "message {number} has seq {}",
                    message.seq
                );
                latencies.push(
                    sent.get(number as usize)
                        .context("an ack of nothing")?
                        .elapsed(),
                );
                if Instant::now() < end {
                    next(&mut socket, &mut sent).await?;
                }
            }
            ServerFrame::MessageNew { message, .. } => {
                events += 1;
                ensure!(
                    message.seq == events as i64,
                    "event {events} has seq {}",
                    message.seq
                );
            }
            ServerFrame::Error { code, detail, .. } => bail!("refused: {} {detail}", code.as_str()),
            _ => {}
        }
    }
    Ok(latencies)
}

fn report(send: &Send, engine: &str, mut latencies: Latencies, took: Duration) {
    latencies.sort_unstable();
    let at = |share: f64| {
        let place =
            ((latencies.len() as f64 * share) as usize).min(latencies.len().saturating_sub(1));
        latencies
            .get(place)
            .map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
    };
    println!(
        "engine     senders  in flight  acked      acked/s    p50 ms   p90 ms   p99 ms   max ms"
    );
    println!(
        "{engine:<10} {:>7}  {:>9}  {:>9}  {:>8.0}  {:>7.2}  {:>7.2}  {:>7.2}  {:>7.2}",
        send.senders,
        send.in_flight,
        latencies.len(),
        latencies.len() as f64 / took.as_secs_f64(),
        at(0.50),
        at(0.90),
        at(0.99),
        at(1.0),
    );
}
