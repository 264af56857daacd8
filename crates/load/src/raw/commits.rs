//! Raw commits: rows of messages as a load makes them, so many in a commit, and nothing around them.
//!
//! Whoever connects asks with a number of milliseconds and is answered, when they are over, with how
//! many rows were committed, in how many nanoseconds.

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    time::Duration,
};

use parlor_store::{Database, Store, StoreConfig};

use crate::payload::{TEXT_BYTES, write_text};

/// Where the database is, if it is not a file; not an argument, since it may hold a password.
pub(crate) const DATABASE_URL: &str = "DATABASE_URL";
/// A question: milliseconds.
pub(crate) type Question = [u8; 8];
/// An answer: rows and nanoseconds, eight bytes each.
pub(crate) type Answer = [u8; 16];

/// How many connections to PostgreSQL: two, of which one writes.
const CONNECTIONS: u32 = 2;

pub(crate) fn run(
    listener: &TcpListener,
    dir: &Path,
    conversations: usize,
    batch: usize,
) -> anyhow::Result<()> {
    let database = match std::env::var(DATABASE_URL) {
        Ok(url) => Database::Postgres(url),
        Err(_) => Database::Sqlite(dir.join("floor.db")),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut rows = runtime.block_on(async {
        let config = StoreConfig {
            database,
            connections_max: CONNECTIONS,
        };
        anyhow::Ok(Store::open(&config).await?.raw_rows(conversations).await?)
    })?;
    let mut text = Vec::new();
    write_text(1, TEXT_BYTES, &mut text);
    let text = String::from_utf8(text)?;
    let (mut socket, _) = listener.accept()?;
    let mut question = Question::default();
    // It ends with whoever asks.
    while socket.read_exact(&mut question).is_ok() {
        let lasting = Duration::from_millis(u64::from_be_bytes(question));
        let done = runtime.block_on(rows.commit(batch, &text, lasting))?;
        let mut answer = Answer::default();
        answer[..8].copy_from_slice(&(done.rows as u64).to_be_bytes());
        answer[8..].copy_from_slice(&(done.took.as_nanos() as u64).to_be_bytes());
        socket.write_all(&answer)?;
    }
    Ok(())
}
