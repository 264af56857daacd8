//! The floors: what disk, database and loopback of this machine can do by themselves. The figures
//! of the other benchmarks are worth reading beside these, taken in the same minutes.

use std::{
    fs::File,
    io::Write,
    time::{Duration, Instant},
};

use anyhow::Context;
use parlor_store::{Database, Store, StoreConfig};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Rows in one commit: what the goals are counted against.
const BATCH_ROWS: usize = 128;
/// Conversations that they are spread over, with a sender each.
const CONVERSATIONS: usize = 64;
/// Length of a message's text, in bytes; the same as `bench sends`'s.
const TEXT_BYTES: usize = 200;
/// A page of the file that is synced, in bytes.
const PAGE_BYTES: usize = 4096;
/// Length of a frame on the loopback, in bytes.
const FRAME_BYTES: usize = 300;

/// What the machine itself can do: raw commits, raw fdatasync, raw round trips.
#[derive(Debug, clap::Args)]
pub(crate) struct Floor {
    /// How long each is measured, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// An empty PostgreSQL database: a postgres:// URL, SQLite when absent.
    #[arg(long, env = "PARLOR_BENCH_DATABASE_URL")]
    database_url: Option<String>,
}

pub(crate) async fn run(floor: &Floor) -> anyhow::Result<()> {
    let lasting = Duration::from_secs(floor.seconds);
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let database = match &floor.database_url {
        Some(url) => Database::Postgres(url.clone()),
        None => Database::Sqlite(folder.path().join("floor.db")),
    };
    let store = Store::open(&StoreConfig {
        database,
        connections_max: 4,
    })
    .await?;
    let text = "x".repeat(TEXT_BYTES);
    let mut raw = store.raw_rows(CONVERSATIONS).await?;
    let many = raw.commit(BATCH_ROWS, &text, lasting).await?;
    let lone = raw.commit(1, &text, lasting).await?;
    let engine = store.engine();
    store.close().await;
    let sync = fdatasync(&folder.path().join("synced"), lasting)?;
    let trip = round_trip(lasting).await?;
    println!("engine     rows/s at {BATCH_ROWS}  lone commit ms  fdatasync ms  round trip ms");
    println!(
        "{engine:<10} {:>13.0}  {:>14.3}  {:>12.3}  {:>13.3}",
        many.rows as f64 / many.took.as_secs_f64(),
        lone.middle.as_secs_f64() * 1000.0,
        sync.as_secs_f64() * 1000.0,
        trip.as_secs_f64() * 1000.0,
    );
    Ok(())
}

fn fdatasync(path: &std::path::Path, lasting: Duration) -> anyhow::Result<Duration> {
    let mut file = File::create(path)?;
    let page = [1; PAGE_BYTES];
    repeat(lasting, || {
        file.write_all(&page)?;
        Ok(file.sync_data()?)
    })
}

async fn round_trip(lasting: Duration) -> anyhow::Result<Duration> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let echo = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut frame = [0; FRAME_BYTES];
        while stream.read_exact(&mut frame).await.is_ok() {
            stream.write_all(&frame).await?;
        }
        std::io::Result::Ok(())
    });
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut frame = [0; FRAME_BYTES];
    let started = Instant::now();
    let mut times = Vec::new();
    while started.elapsed() < lasting {
        let begun = Instant::now();
        stream.write_all(&frame).await?;
        stream.read_exact(&mut frame).await?;
        times.push(begun.elapsed());
    }
    drop(stream);
    echo.await??;
    Ok(middle(times))
}

fn repeat(
    lasting: Duration,
    mut work: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let mut times = Vec::new();
    while started.elapsed() < lasting {
        let begun = Instant::now();
        work()?;
        times.push(begun.elapsed());
    }
    Ok(middle(times))
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
