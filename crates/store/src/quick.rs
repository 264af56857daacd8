//! SQLite reads that come by the thousand: prepared statements on threads of their own.
//!
//! What belongs together is asked in one question, in one snapshot. The pool hands each statement, each row and each connection that is given back to another thread
//! by itself. Where ten thousand clients come back within a second, that is most of what they cost.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use tokio::sync::oneshot;

use crate::StoreError;

/// Threads that read.
const THREADS: usize = 2;
/// Connections for questions that are answered where they are asked.
const PLACES: usize = 2;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// One statement in both spellings: a parameter is `$1` to the pools, and `?1` to SQLite itself, for which
/// `$1` is a name.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) pooled: String,
    pub(crate) quick: String,
}

impl Statement {
    pub(crate) fn of(pooled: impl Into<String>) -> Self {
        let pooled = pooled.into();
        Self {
            quick: pooled.replace('$', "?"),
            pooled,
        }
    }
}

enum Job {
    Question(Question),
    /// Closes the connection; the answer is the end of the channel.
    Close(oneshot::Sender<()>),
}

/// The way to the reading threads. They end when the last of these is gone. Their queues have no bound of
/// their own: whoever asks holds one of the application's few turns to read, and asks one thing at a time.
#[derive(Debug, Clone)]
pub(crate) struct Quick {
    threads: Arc<[mpsc::Sender<Job>]>,
    next: Arc<AtomicUsize>,
    here: Arc<[Mutex<Option<Connection>>]>,
}

impl Quick {
    /// Opens connections to a database that exists and starts their threads.
    pub(crate) fn open(path: &Path, busy: Duration) -> rusqlite::Result<Self> {
        let threads = (0..THREADS).map(|_| thread(path, busy));
        // Nobody may be kept waiting where others have their turn as well.
        let here = (0..PLACES).map(|_| Ok(Mutex::new(Some(connect(path, Duration::ZERO)?))));
        Ok(Self {
            threads: threads.collect::<Result<Vec<_>, _>>()?.into(),
            next: Arc::default(),
            here: here.collect::<rusqlite::Result<Vec<_>>>()?.into(),
        })
    }

    /// Answers what takes some microseconds where it is asked: to hand it to another thread and to be
    /// woken takes several times as long. Pages that are not in memory are read from the disk here, so
    /// it is for single rows and short lists only. Goes to a thread where every connection is in use.
    pub(crate) async fn ask_here<T: Send + 'static>(
        &self,
        question: impl Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = {
            let free = self.here.iter().find_map(Mutex::try_lock);
            free.and_then(|connection| connection.as_ref().map(&question))
        };
        match answer {
            Some(Err(error)) if error.is_busy() => self.ask(question).await,
            Some(answer) => answer,
            None => self.ask(question).await,
        }
    }

    /// Asks one thing on whichever thread is next.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let thread = self.next.fetch_add(1, Ordering::Relaxed) % self.threads.len();
        let question: Question = Box::new(move |connection| {
            // Whoever has given up does not need the answer.
            if !reply.is_closed() {
                drop(reply.send(question(connection)));
            }
        });
        let gone = || StoreError::Corrupt("a question to the database was not answered".into());
        let asked = self.threads[thread].send(Job::Question(question));
        asked.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Answers what is asked and closes the connections.
    pub(crate) async fn close(&self) {
        for place in self.here.iter() {
            drop(place.lock().take());
        }
        for thread in self.threads.iter() {
            let (closed, waits) = oneshot::channel();
            if thread.send(Job::Close(closed)).is_ok() {
                drop(waits.await);
            }
        }
    }
}

fn connect(path: &Path, busy: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy)?;
    // A statement stays as it was prepared, whatever is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

fn thread(path: &Path, busy: Duration) -> rusqlite::Result<mpsc::Sender<Job>> {
    let connection = connect(path, busy)?;
    let (questions, queue) = mpsc::channel();
    std::thread::Builder::new()
        .name("reading".into())
        .spawn(move || {
            let closed = loop {
                match queue.recv() {
                    // A defect in one question must not leave all others unanswered.
                    Ok(Job::Question(question)) => {
                        drop(catch_unwind(AssertUnwindSafe(|| question(&connection))));
                    }
                    Ok(Job::Close(closed)) => break Some(closed),
                    Err(_) => break None,
                }
            };
            drop(connection);
            drop(closed);
        })
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    Ok(questions)
}
