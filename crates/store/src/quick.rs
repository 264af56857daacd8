//! SQLite reads that come by the thousand: prepared statements on threads of their own.
//!
//! The pool hands each statement, each row and each connection that is given back to another thread
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

use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use crate::StoreError;

/// Threads that read; each question takes some microseconds.
const THREADS: usize = 2;

type Question = Box<dyn FnOnce(&Connection) + Send>;

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
}

impl Quick {
    /// Opens connections to a database that exists and starts their threads.
    pub(crate) fn open(path: &Path, busy: Duration) -> rusqlite::Result<Self> {
        let threads = (0..THREADS).map(|_| thread(path, busy));
        Ok(Self {
            threads: threads.collect::<Result<Vec<_>, _>>()?.into(),
            next: Arc::default(),
        })
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
        for thread in self.threads.iter() {
            let (closed, waits) = oneshot::channel();
            if thread.send(Job::Close(closed)).is_ok() {
                drop(waits.await);
            }
        }
    }
}

fn thread(path: &Path, busy: Duration) -> rusqlite::Result<mpsc::Sender<Job>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy)?;
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
