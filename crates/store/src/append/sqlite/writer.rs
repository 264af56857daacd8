//! The thread that owns the appending connection.

use std::{
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};

use parlor_core::append::{Item, plan};
use rusqlite::{Connection, TransactionBehavior, config::DbConfig};
use tokio::sync::{OwnedMutexGuard, oneshot};

use super::{
    super::batch::{Attempt, Progress, Results, acks_too_early, results},
    load::load,
    save::save,
};
use crate::StoreError;

/// Statements that stay prepared: all there are.
const STATEMENTS_MAX: usize = 64;
/// Pages in the log before they are copied into the database file: pages that every batch changes are
/// copied once for many batches. 32 MiB of log at most, read in a blink when the server starts again.
const CHECKPOINT_PAGES: u32 = 8192;
/// How long a commit is held back by the planted bug that answers before it.
const TOO_LATE: Duration = Duration::from_millis(100);

/// The way to the appending thread. It ends when the last of these is gone. A batch holds the turn to
/// write while it waits in the queue, so there is one at a time.
#[derive(Debug, Clone)]
pub(crate) struct Writer(mpsc::Sender<Job>);

enum Job {
    Append(Append),
    /// Anything else that must run on this connection.
    Other(Box<dyn FnOnce(&mut Connection) + Send>),
    /// Closes the connection; the answer is the end of the channel.
    Close(oneshot::Sender<()>),
}

struct Append {
    batch: Arc<[Item]>,
    progress: Arc<Progress>,
    /// Held until the batch has ended, also when nobody waits for it any more.
    turn: OwnedMutexGuard<()>,
    reply: oneshot::Sender<Result<Results, StoreError>>,
}

impl Writer {
    /// Opens a connection to a database that exists and starts its thread.
    pub(crate) fn open(path: &Path, busy: Duration, cache_kib: u32) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(busy)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // A plan names only conversations and people that it has loaded in the same transaction: what the
        // engine would look up again for each message is known.
        connection.pragma_update(None, "foreign_keys", false)?;
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.pragma_update(None, "cache_size", format!("-{cache_kib}"))?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        // A statement stays as it was prepared, whatever is bound to it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let (jobs, queue) = mpsc::channel();
        std::thread::Builder::new()
            .name("appending".into())
            .spawn(move || run(connection, &queue))
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(Self(jobs))
    }

    /// Appends a batch in its turn.
    pub(crate) async fn append(
        &self,
        batch: Arc<[Item]>,
        progress: Arc<Progress>,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Results, StoreError> {
        let (reply, answer) = oneshot::channel();
        let append = Append {
            batch,
            progress,
            turn,
            reply,
        };
        self.0
            .send(Job::Append(append))
            .map_err(|_| StoreError::WriterEnded)?;
        answer.await.map_err(|_| StoreError::WriterEnded)?
    }

    /// Runs something on the appending connection. Whoever asks holds the turn to write.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Other(Box::new(move |connection| {
            drop(reply.send(work(connection)));
        }));
        self.0.send(job).map_err(|_| StoreError::WriterEnded)?;
        answer.await.map_err(|_| StoreError::WriterEnded)
    }

    /// Finishes what is queued and closes the connection.
    pub(crate) async fn close(&self) {
        let (closed, waits) = oneshot::channel();
        if self.0.send(Job::Close(closed)).is_ok() {
            drop(waits.await);
        }
    }
}

fn run(mut connection: Connection, queue: &mpsc::Receiver<Job>) {
    let closed = loop {
        match queue.recv() {
            Ok(Job::Append(job)) => {
                if !append(&mut connection, job) {
                    return;
                }
            }
            Ok(Job::Other(work)) => work(&mut connection),
            Ok(Job::Close(closed)) => break Some(closed),
            Err(_) => break None,
        }
    };
    drop(connection);
    drop(closed);
}

/// `false` when the disk has failed: an fsync is never tried twice, also when nobody waits for this
/// batch any more.
fn append(connection: &mut Connection, job: Append) -> bool {
    let Append {
        batch,
        progress,
        turn,
        reply,
    } = job;
    let begun = begin(connection, &batch, &progress);
    let answer = match begun {
        Ok((transaction, results)) if acks_too_early(&batch) => {
            drop(reply.send(Ok(results)));
            std::thread::sleep(TOO_LATE);
            return transaction.commit().is_ok();
        }
        Ok((transaction, results)) => transaction
            .commit()
            .map(|()| results)
            .map_err(|error| StoreError::from_commit(error.into())),
        Err(error) => Err(error),
    };
    let goes_on = !matches!(answer, Err(StoreError::Broken(_)));
    // Before the answer: whoever gets it finds the writer free.
    drop(turn);
    drop(reply.send(answer));
    goes_on
}

/// Everything but the commit.
fn begin<'c>(
    connection: &'c mut Connection,
    batch: &[Item],
    progress: &Progress,
) -> Result<(rusqlite::Transaction<'c>, Results), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut locked = load(&transaction, batch)?;
    let (outcomes, events) = plan(batch, &mut locked);
    save(&transaction, &mut locked)?;
    let tick = locked.tick;
    progress.commits(Attempt { tick, events })?;
    Ok((transaction, results(outcomes, &locked)))
}
