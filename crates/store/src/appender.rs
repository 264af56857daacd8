//! The one writer of messages: a queue into a task that commits whole batches.
//!
//! There is no timer. The task takes what has gathered while the last commit was under way, so the
//! batch grows with the load and a lone sender waits for nobody. Nothing is answered before its
//! commit: a [`PendingAppend`] resolves after it, and new messages go to the publisher in commit order.

use std::{sync::Arc, time::Duration};

use parlor_core::{Refusal, append::Send};
use parlor_protocol::{Code, Message};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};

use crate::{Store, StoreError, append::ItemResult};

/// How long a batch may take before its senders are told that the outcome is not known.
const BATCH_DEADLINE: Duration = Duration::from_secs(10);

/// Bounds of the appender.
#[derive(Debug, Clone, Copy)]
pub struct AppenderConfig {
    /// Sends that may wait for a batch; one more is refused as `unavailable`.
    pub queue_items_max: usize,
    /// Sends in one transaction: nine values each stay below SQLite's 32,766.
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

struct Item {
    send: Send,
    reply: oneshot::Sender<Result<Appended, Refusal>>,
}

/// A message that is on disk.
#[derive(Debug, Clone)]
pub struct Appended {
    /// The message.
    pub message: Message,
    /// Whether this send stored it, or an earlier one with the same `clientId` did.
    pub is_new: bool,
}

/// The way into the appender. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Appender {
    queue: mpsc::Sender<Item>,
    closing: Arc<Notify>,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Item({})", self.send.id)
    }
}

/// A send that has its place in the queue: it is stored in the order of these.
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
    /// Starts the writer task. New messages of each committed batch go into `publish`, in order.
    pub fn spawn(
        store: Store,
        config: AppenderConfig,
    ) -> (Self, mpsc::Receiver<Vec<Message>>, JoinHandle<()>) {
        let (queue, items) = mpsc::channel(config.queue_items_max);
        let (publish, published) = mpsc::channel(config.published_batches_max);
        let closing = Arc::new(Notify::new());
        let task = tokio::spawn(run(store, config, items, publish, closing.clone()));
        (Self { queue, closing }, published, task)
    }

    /// Takes no more sends; the task commits what is queued and ends.
    pub fn close(&self) {
        self.closing.notify_one();
    }

    /// Queues a send without waiting. A full queue is overload: refused at once, nothing is stored.
    pub fn enqueue(&self, send: Send) -> Result<PendingAppend, Refusal> {
        let (reply, outcome) = oneshot::channel();
        self.queue
            .try_send(Item { send, reply })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Refusal {
                    retry_after_ms: Some(1000),
                    ..Refusal::new(
                        Code::Unavailable,
                        "too many messages are waiting to be stored",
                    )
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
    mut items: mpsc::Receiver<Item>,
    publish: mpsc::Sender<Vec<Message>>,
    closing: Arc<Notify>,
) {
    let mut gathered = Vec::with_capacity(config.batch_items_max);
    loop {
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
        let (batch, replies): (Vec<Send>, Vec<_>) = gathered
            .drain(..)
            .map(|item| (item.send, item.reply))
            .unzip();
        // Past the deadline the commit may still happen: its senders ask again with their clientIds.
        let appended = tokio::time::timeout(BATCH_DEADLINE, store.append(&batch))
            .await
            .unwrap_or_else(|_| Err(StoreError::TimedOut));
        let results = match appended {
            Ok(results) => results,
            Err(error) => {
                let refusal = refuse_all(&error, batch.len());
                for reply in replies {
                    drop(reply.send(Err(refusal.clone())));
                }
                continue;
            }
        };
        let new: Vec<Message> = results
            .iter()
            .flatten()
            .filter(|stored| stored.is_new)
            .map(|stored| stored.message.clone())
            .collect();
        // A closed publisher means that the server stops: what is committed is still acked.
        if !new.is_empty() && publish.send(new).await.is_err() {
            tracing::debug!("nobody publishes any more");
        }
        for (reply, result) in replies.into_iter().zip(results) {
            answer(reply, result);
        }
    }
}

fn answer(reply: oneshot::Sender<Result<Appended, Refusal>>, result: ItemResult) {
    // A sender that is gone does not need its answer.
    drop(reply.send(result.map(|stored| Appended {
        message: stored.message,
        is_new: stored.is_new,
    })));
}

fn refuse_all(error: &StoreError, items: usize) -> Refusal {
    tracing::error!(%error, items, "a batch of messages was not stored");
    error.refusal()
}
