//! One batch: what it came to, and the transaction around its statements.

use std::sync::Arc;

use parking_lot::Mutex;
use parlor_core::{
    Refusal,
    append::{Change, Event, Item, Locked, Outcome},
    planted::planted,
};
use parlor_protocol::{ConversationId, Message};

use crate::{Store, StoreError, engine::Pools};

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

/// How far a batch has come, shared by who writes it and who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<Phase>);

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Preparing,
    Committing(Attempt),
    /// Nobody waits any more.
    Left,
}

impl Progress {
    /// Notes that the commit begins; refused when nobody waits for it any more, for then everybody
    /// was told that nothing is stored.
    pub(super) fn commits(&self, attempt: Attempt) -> Result<(), StoreError> {
        let mut phase = self.0.lock();
        if matches!(*phase, Phase::Left) {
            return Err(StoreError::TooSlow);
        }
        *phase = Phase::Committing(attempt);
        Ok(())
    }

    /// Ends the waiting. Without an attempt the commit was not begun, and never will be.
    pub(crate) fn leave(&self) -> Option<Attempt> {
        match std::mem::replace(&mut *self.0.lock(), Phase::Left) {
            Phase::Committing(attempt) => Some(attempt),
            Phase::Preparing | Phase::Left => None,
        }
    }
}

pub(crate) type Results = Vec<Result<Appended, Refusal>>;

impl Store {
    /// Stores a batch; one result for each item, in their order. The caller ends its waiting with
    /// [`Progress::leave`].
    pub(crate) async fn append(
        &self,
        batch: &Arc<[Item]>,
        progress: &Arc<Progress>,
    ) -> Result<Results, StoreError> {
        match &self.pools {
            Pools::Sqlite {
                appending, turns, ..
            } => {
                let turn = turns.take().await?;
                appending
                    .append(batch.clone(), progress.clone(), turn)
                    .await
            }
            Pools::Postgres { appending, .. } => {
                appending.append(batch.clone(), progress.clone()).await
            }
        }
    }
}

/// Whether the planted bug shows in this batch: where nothing is read back at once.
pub(super) fn acks_too_early(batch: &[Item]) -> bool {
    let is_send = |item: &Item| matches!(item.change, Change::Send { .. });
    planted("ack-before-commit") && batch.iter().all(is_send)
}

pub(super) fn results(outcomes: Vec<Outcome>, locked: &Locked) -> Results {
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
