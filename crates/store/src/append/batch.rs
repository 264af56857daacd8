//! One batch: what it came to, and the transaction around its statements.

use std::sync::{Arc, OnceLock};

use parlor_core::{
    Refusal,
    append::{Change, Event, Item, Locked, Outcome, plan},
    planted::planted,
};
use parlor_protocol::{ConversationId, Message};

use super::{postgres, sqlite};
use crate::{Store, StoreError, engine::Pools, replicated};

/// What one item came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Appended {
    /// A message is on disk: sent, or edited.
    Message {
        /// The message.
        message: Arc<Message>,
        /// Whether this item stored it, or an earlier one with the same `clientId` did.
        is_new: bool,
    },
    /// The change is on disk.
    Done,
    /// A conversation is there.
    Conversation {
        /// Which.
        id: ConversationId,
        /// Whether this item made it.
        is_new: bool,
    },
}

/// A batch whose commit was begun: whatever happens then, it may be on disk.
#[derive(Debug)]
pub struct Attempt {
    /// The tick that its rows carry, if they are on disk.
    pub tick: i64,
    /// What must be announced then, in order.
    pub events: Vec<Event>,
}

pub(crate) type Results = Vec<Result<Appended, Refusal>>;

impl Store {
    /// Stores a batch; one result for each item, in their order. `attempt` is set just before the commit
    /// is begun: when it is not, an error means that nothing was stored.
    pub(crate) async fn append(
        &self,
        batch: &[Item],
        attempt: &OnceLock<Attempt>,
    ) -> Result<Results, StoreError> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => {
                let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
                let mut locked = sqlite::statements::load(&mut transaction, batch).await?;
                let (outcomes, events) = plan(batch, &mut locked);
                sqlite::statements::write(&mut transaction, &mut locked).await?;
                let tick = locked.tick;
                attempt.get_or_init(|| Attempt { tick, events });
                if acks_too_early(batch) {
                    commit_later(async move { transaction.commit().await });
                    return Ok(results(outcomes, &locked));
                }
                transaction
                    .commit()
                    .await
                    .map_err(StoreError::from_commit)?;
                Ok(results(outcomes, &locked))
            }
            Pools::Postgres { writers, .. } => {
                let mut transaction = writers.begin().await?;
                let mut locked = postgres::statements::load(&mut transaction, batch).await?;
                let (outcomes, events) = plan(batch, &mut locked);
                postgres::statements::write(&mut transaction, &mut locked).await?;
                let tick = locked.tick;
                attempt.get_or_init(|| Attempt { tick, events });
                if acks_too_early(batch) {
                    commit_later(async move { transaction.commit().await });
                    return Ok(results(outcomes, &locked));
                }
                replicated::commit(transaction).await?;
                Ok(results(outcomes, &locked))
            }
        }
    }
}

/// Whether the planted bug shows in this batch: where nothing is read back at once.
fn acks_too_early(batch: &[Item]) -> bool {
    let is_send = |item: &Item| matches!(item.change, Change::Send { .. });
    planted("ack-before-commit") && batch.iter().all(is_send)
}

/// What must never be: an answer before its commit.
fn commit_later(commit: impl Future<Output = Result<(), sqlx::Error>> + Send + 'static) {
    tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        drop(commit.await);
    });
}

fn results(outcomes: Vec<Outcome>, locked: &Locked) -> Results {
    let results = outcomes.into_iter().map(|outcome| match outcome {
        Outcome::New(message) => Ok(Appended::Message {
            message,
            is_new: true,
        }),
        Outcome::Repeated(id) if planted("repeat-misplaced") => Ok(Appended::Message {
            message: Arc::new(Message {
                seq: locked.messages[&id].seq + 1,
                ..Message::clone(&locked.messages[&id])
            }),
            is_new: false,
        }),
        Outcome::Repeated(id) => Ok(Appended::Message {
            message: locked.messages[&id].clone(),
            is_new: false,
        }),
        Outcome::Edited(message) => Ok(Appended::Message {
            message,
            is_new: false,
        }),
        Outcome::Done => Ok(Appended::Done),
        Outcome::Created { id, is_new } => Ok(Appended::Conversation { id, is_new }),
        Outcome::Refused(refusal) => Err(refusal),
    });
    results.collect()
}
