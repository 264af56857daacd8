//! The thread that owns the appending connection, and the transaction around a batch.
//!
//! After a commit hundreds of sockets wake up with their acks. On their runtime each round trip of the
//! next batch would wait behind them; here nothing else runs.

use std::{io, sync::Arc, time::Duration};

use parlor_core::append::{Item, plan};
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::sync::{mpsc, oneshot};

use super::{
    super::batch::{Attempt, Progress, Results, acks_too_early, results},
    connection::Connections,
    load::load,
    save::save,
};
use crate::{StoreError, hosts::Switched, replicated};

/// How long a commit is held back by the planted bug that answers before it.
const TOO_LATE: Duration = Duration::from_millis(100);

/// The way to the appending thread. It ends when the last of these is gone.
#[derive(Debug, Clone)]
pub(crate) struct Writer(mpsc::UnboundedSender<Job>);

#[derive(Debug)]
enum Job {
    Append(Append),
    /// Closes the connection; the answer is the end of the channel.
    Close(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Append {
    batch: Arc<[Item]>,
    progress: Arc<Progress>,
    reply: oneshot::Sender<Result<Results, StoreError>>,
}

impl Writer {
    /// Starts the thread. It connects as this pool does, whose options follow the host that takes
    /// writes.
    pub(crate) fn spawn(pool: PgPool, switched: Switched) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (jobs, queue) = mpsc::unbounded_channel();
        let connections = Connections::new(pool, switched);
        std::thread::Builder::new()
            .name("appending".into())
            .spawn(move || runtime.block_on(run(connections, queue)))?;
        Ok(Self(jobs))
    }

    /// Appends a batch. Whoever stops waiting has the connection closed: what was not committed is
    /// gone.
    pub(crate) async fn append(
        &self,
        batch: Arc<[Item]>,
        progress: Arc<Progress>,
    ) -> Result<Results, StoreError> {
        let (reply, answer) = oneshot::channel();
        let append = Append {
            batch,
            progress,
            reply,
        };
        self.0
            .send(Job::Append(append))
            .map_err(|_| StoreError::WriterEnded)?;
        answer.await.map_err(|_| StoreError::WriterEnded)?
    }

    /// Finishes what is queued and closes the connection.
    pub(crate) async fn close(&self) {
        let (closed, waits) = oneshot::channel();
        if self.0.send(Job::Close(closed)).is_ok() {
            drop(waits.await);
        }
    }
}

async fn run(mut connections: Connections, mut queue: mpsc::UnboundedReceiver<Job>) {
    let closed = loop {
        match queue.recv().await {
            Some(Job::Append(job)) => append(&mut connections, job).await,
            Some(Job::Close(closed)) => break Some(closed),
            None => break None,
        }
    };
    connections.close().await;
    drop(closed);
}

async fn append(connections: &mut Connections, job: Append) {
    let Append {
        batch,
        progress,
        mut reply,
    } = job;
    if acks_too_early(&batch) {
        drop(append_too_late(connections, &batch, &progress, reply).await);
        return;
    }
    let answer = tokio::select! {
        answer = commit(connections, &batch, &progress) => answer,
        () = reply.closed() => return,
    };
    drop(reply.send(answer));
}

async fn commit(
    connections: &mut Connections,
    batch: &[Item],
    progress: &Progress,
) -> Result<Results, StoreError> {
    let mut appending = connections.take().await?;
    let mut transaction = appending.connection.begin().await?;
    let results = prepare(&mut transaction, batch, progress).await?;
    replicated::commit(transaction).await?;
    connections.keep(appending);
    Ok(results)
}

/// Everything but the commit.
async fn prepare(
    tx: &mut PgConnection,
    batch: &[Item],
    progress: &Progress,
) -> Result<Results, StoreError> {
    let mut locked = load(tx, batch).await?;
    let (outcomes, events) = plan(batch, &mut locked);
    save(tx, &mut locked).await?;
    let tick = locked.tick;
    progress.commits(Attempt { tick, events })?;
    Ok(results(outcomes, &locked))
}

/// What must never be: an answer before its commit.
async fn append_too_late(
    connections: &mut Connections,
    batch: &[Item],
    progress: &Progress,
    reply: oneshot::Sender<Result<Results, StoreError>>,
) -> Result<(), StoreError> {
    let mut appending = connections.take().await?;
    let mut transaction = appending.connection.begin().await?;
    let prepared = prepare(&mut transaction, batch, progress).await;
    let is_prepared = prepared.is_ok();
    drop(reply.send(prepared));
    if is_prepared {
        tokio::time::sleep(TOO_LATE).await;
        transaction.commit().await?;
    }
    Ok(())
}
