//! The one writer of everything that has a version: a queue into a task that commits whole batches.
//!
//! There is no timer. The task takes what has gathered while the last commit was under way, so the
//! batch grows with the load and a lone sender waits for nobody. Nothing is answered before its
//! commit: a [`PendingAppend`] resolves after it, and what has changed goes to the publisher in
//! commit order. A commit whose outcome is not known goes there too, in its place: whatever came of
//! it must be announced before anything later is.

use std::{sync::Arc, time::Duration};

use parlor_core::{
    Refusal,
    append::{Event, Item},
};
use parlor_protocol::Code;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    Store, StoreError,
    append::{Appended, Attempt, Progress, Results},
};

/// How long a batch may take before its senders are told so. Below the 10 s after which PostgreSQL
/// itself gives a statement up.
const BATCH_DEADLINE: Duration = Duration::from_secs(8);

/// Pause before a writer that is still at it is asked again.
const SETTLE_PAUSE: Duration = Duration::from_millis(250);
/// Members that the changes of one batch may add: a few large groups must not hold up everybody's
/// messages.
const BATCH_MEMBERS_MAX: usize = 2_000;

/// Bounds of the appender.
#[derive(Debug, Clone, Copy)]
pub struct AppenderConfig {
    /// Changes that may wait for a batch; one more is refused as `unavailable`.
    pub queue_items_max: usize,
    /// Changes in one transaction.
    pub batch_items_max: usize,
    /// Committed batches that may wait for the publisher before the appender waits for it.
    pub published_batches_max: usize,
}

impl Default for AppenderConfig {
    fn default() -> Self {
        Self {
            queue_items_max: 16_384,
            batch_items_max: 1024,
            published_batches_max: 16,
        }
    }
}

struct Queued {
    item: Item,
    reply: oneshot::Sender<Result<Appended, Refusal>>,
}

/// What the publisher must announce, in the order of the commits.
#[derive(Debug)]
pub enum Announced {
    /// A batch is on disk.
    Committed {
        /// What has changed, in order.
        events: Vec<Event>,
        /// The tick that its rows carry.
        tick: i64,
    },
    /// A batch may be on disk: ask [`Store::outcome`] before going on.
    Unknown(Attempt),
    /// The disk failed: nothing more is written, and only a new start can say what is there.
    Broken,
}

/// The way into the appender. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Appender {
    queue: mpsc::Sender<Queued>,
    closing: Arc<Notify>,
}

impl std::fmt::Debug for Queued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Queued({})", self.item.conversation_id)
    }
}

/// A change that has its place in the queue: it is stored in the order of these.
#[derive(Debug)]
pub struct PendingAppend(oneshot::Receiver<Result<Appended, Refusal>>);

impl PendingAppend {
    /// Waits for the commit.
    pub async fn committed(self) -> Result<Appended, Refusal> {
        self.0.await.unwrap_or_else(|_| {
            Err(Refusal::new(
                Code::UnknownOutcome,
                "the server stopped meanwhile: send the same clientId again",
            ))
        })
    }
}

impl Appender {
    /// Starts the writer task. What it commits goes into the receiver, in order.
    pub fn spawn(
        store: Store,
        config: AppenderConfig,
    ) -> (Self, mpsc::Receiver<Announced>, JoinHandle<()>) {
        let (queue, items) = mpsc::channel(config.queue_items_max);
        let (publish, published) = mpsc::channel(config.published_batches_max);
        let closing = Arc::new(Notify::new());
        let task = tokio::spawn(run(store, config, items, publish, closing.clone()));
        (Self { queue, closing }, published, task)
    }

    /// Takes no more changes; the task commits what is queued and ends.
    pub fn close(&self) {
        self.closing.notify_one();
    }

    /// Queues a change without waiting. A full queue is overload: refused at once, nothing is stored.
    pub fn enqueue(&self, item: Item) -> Result<PendingAppend, Refusal> {
        let (reply, outcome) = oneshot::channel();
        self.queue
            .try_send(Queued { item, reply })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Refusal {
                    retry_after_ms: Some(1000),
                    ..Refusal::new(Code::Unavailable, "too much is waiting to be stored")
                },
                mpsc::error::TrySendError::Closed(_) => {
                    Refusal::new(Code::Unavailable, "the server is stopping")
                }
            })?;
        Ok(PendingAppend(outcome))
    }
}

async fn run(
    store: Store,
    config: AppenderConfig,
    mut items: mpsc::Receiver<Queued>,
    publish: mpsc::Sender<Announced>,
    closing: Arc<Notify>,
) {
    let mut gathered: Vec<Queued> = Vec::with_capacity(config.batch_items_max);
    loop {
        if gathered.is_empty() {
            let count = tokio::select! {
                count = items.recv_many(&mut gathered, config.batch_items_max) => count,
                () = closing.notified() => {
                    items.close();
                    continue;
                }
            };
            if count == 0 {
                return;
            }
        }
        let rest = gathered.split_off(fitting(&gathered));
        let (batch, replies): (Vec<Item>, Vec<_>) = std::mem::replace(&mut gathered, rest)
            .into_iter()
            .map(|queued| (queued.item, queued.reply))
            .unzip();
        if !write(&store, batch.into(), replies, &publish).await {
            // What waits gets no answer, which is the truth: nobody knows what the disk holds.
            return;
        }
    }
}

/// How many of these go into one batch: at least one, and no more members than fit.
fn fitting(gathered: &[Queued]) -> usize {
    let mut members = 0;
    let fitting = gathered.iter().take_while(|queued| {
        members += queued.item.change.members();
        members <= BATCH_MEMBERS_MAX
    });
    fitting.count().max(1)
}

type Reply = oneshot::Sender<Result<Appended, Refusal>>;

/// Commits a batch and answers its items; `false` when nothing may be written any more.
async fn write(
    store: &Store,
    batch: Arc<[Item]>,
    replies: Vec<Reply>,
    publish: &mpsc::Sender<Announced>,
) -> bool {
    let (error, attempt) = match commit_patiently(store, &batch).await {
        Ok((results, attempt)) => {
            announce(attempt, publish).await;
            for (reply, result) in replies.into_iter().zip(results) {
                // A sender that is gone does not need its answer.
                drop(reply.send(result));
            }
            return true;
        }
        Err(failed) => failed,
    };
    // A value that the database does not take must not cost the others of its batch.
    if error.blames_a_value() && batch.len() > 1 {
        for (item, reply) in batch.iter().zip(replies) {
            let alone = Arc::from([item.clone()]);
            if !Box::pin(write(store, alone, vec![reply], publish)).await {
                return false;
            }
        }
        return true;
    }
    tracing::error!(%error, items = batch.len(), "a batch was not stored");
    let refusal = error.refusal();
    for reply in replies {
        drop(reply.send(Err(refusal.clone())));
    }
    if matches!(error, StoreError::Broken(_) | StoreError::WriterEnded) {
        drop(publish.send(Announced::Broken).await);
        return false;
    }
    if let Some(attempt) = attempt.filter(|_| error.is_unknown()) {
        settle(store, attempt, publish).await;
    }
    true
}

/// Passes on a commit whose outcome is not known. SQLite has one writer, and the next batch would
/// have the same tick: there it is found out before anything else is written.
async fn settle(store: &Store, attempt: Attempt, publish: &mpsc::Sender<Announced>) {
    if !store.has_one_writer() {
        drop(publish.send(Announced::Unknown(attempt)).await);
        return;
    }
    loop {
        match store.outcome(attempt.tick).await {
            Ok(Some(true)) => return announce(attempt, publish).await,
            Ok(Some(false)) => return,
            // The writer is still at it: nothing can be written meanwhile.
            Ok(None) | Err(_) => tokio::time::sleep(SETTLE_PAUSE).await,
        }
    }
}

async fn announce(attempt: Attempt, publish: &mpsc::Sender<Announced>) {
    let Attempt { tick, events } = attempt;
    // A closed publisher means that the server stops: what is committed is still acked.
    if !events.is_empty()
        && publish
            .send(Announced::Committed { events, tick })
            .await
            .is_err()
    {
        tracing::debug!("nobody publishes any more");
    }
}

/// Commits a batch, again where another writer was in the way.
async fn commit_patiently(
    store: &Store,
    batch: &Arc<[Item]>,
) -> Result<(Results, Attempt), (StoreError, Option<Attempt>)> {
    match commit(store, batch).await {
        Err((error, None)) if error.is_conflict() => commit(store, batch).await,
        other => other,
    }
}

async fn commit(
    store: &Store,
    batch: &Arc<[Item]>,
) -> Result<(Results, Attempt), (StoreError, Option<Attempt>)> {
    let progress = Arc::new(Progress::default());
    let appended = tokio::time::timeout(BATCH_DEADLINE, store.append(batch, &progress)).await;
    match (appended, progress.leave()) {
        (Ok(Ok(results)), Some(attempt)) => Ok((results, attempt)),
        (Ok(Ok(_)), None) => unreachable!("what is stored was begun"),
        (Ok(Err(error)), attempt) => Err((error, attempt)),
        (Err(_), Some(attempt)) => Err((StoreError::TimedOut, Some(attempt))),
        (Err(_), None) => Err((StoreError::TooSlow, None)),
    }
}
