//! Sending and reading messages.

use std::sync::Arc;

use parlor_auth::uuid_v7;
use parlor_core::{
    Actor, Refusal,
    append::{Change, Item},
    validate,
};
use parlor_protocol::{ConversationId, Message, MessageId, MessagePage, SendMessage};
use parlor_store::{Appended, PendingAppend, Window};

use crate::{App, app::refused};

/// A send or an edit that has its place in the queue; several of one actor are stored in the order
/// they were made.
#[derive(Debug)]
pub struct PendingSend(PendingAppend);

/// A message that is on disk.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The message.
    pub message: Arc<Message>,
    /// `false` when the same `clientId` had stored it before.
    pub is_new: bool,
}

impl PendingSend {
    /// Waits until the message is on disk.
    pub async fn committed(self) -> Result<Sent, Refusal> {
        match self.0.committed().await? {
            Appended::Message { message, is_new } => Ok(Sent { message, is_new }),
            Appended::Done | Appended::Conversation { .. } => {
                unreachable!("a send and an edit end in a message")
            }
        }
    }
}

/// A change that has its place in the queue.
#[derive(Debug)]
pub struct PendingChange(PendingAppend);

impl PendingChange {
    /// Waits until the change is on disk.
    pub async fn committed(self) -> Result<(), Refusal> {
        self.0.committed().await.map(drop)
    }
}

/// Which part of a history: at most one of the three.
#[derive(Debug, Clone, Copy, Default)]
pub struct WindowQuery {
    /// Just before this `seq`.
    pub before: Option<i64>,
    /// Just after this `seq`.
    pub after: Option<i64>,
    /// Around this `seq`.
    pub around: Option<i64>,
}

impl App {
    /// Queues a message. Whether the actor may write there is decided under the conversation's lock.
    pub fn send(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        body: SendMessage,
    ) -> Result<PendingSend, Refusal> {
        validate::message(&body)?;
        let change = Change::Send {
            id: MessageId(uuid_v7(self.now().0)),
            client_id: body.client_id,
            content: body.content,
        };
        self.append(actor, conversation_id, change).map(PendingSend)
    }

    /// Queues a new text for one's own message.
    pub fn edit(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        message_id: MessageId,
        content: String,
    ) -> Result<PendingSend, Refusal> {
        validate::content(&content)?;
        let change = Change::Edit {
            message_id,
            content,
        };
        self.append(actor, conversation_id, change).map(PendingSend)
    }

    /// Queues the end of a message, for everyone.
    pub fn delete(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        message_id: MessageId,
    ) -> Result<PendingChange, Refusal> {
        self.change(actor, conversation_id, Change::Delete { message_id })
    }

    /// Queues an emoji on a message, or its end.
    pub fn react(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        message_id: MessageId,
        emoji: String,
        on: bool,
    ) -> Result<PendingChange, Refusal> {
        validate::emoji(&emoji)?;
        let change = Change::React {
            message_id,
            emoji,
            on,
        };
        self.change(actor, conversation_id, change)
    }

    pub(crate) fn change(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        change: Change,
    ) -> Result<PendingChange, Refusal> {
        self.append(actor, conversation_id, change)
            .map(PendingChange)
    }

    /// Puts a change into the appender's queue.
    pub(crate) fn append(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        change: Change,
    ) -> Result<PendingAppend, Refusal> {
        self.appender.enqueue(Item {
            conversation_id,
            actor: actor.user_id.clone(),
            now: self.now(),
            change,
        })
    }

    /// A page of a conversation's history in ascending `seq`; the newest when nothing else is asked.
    pub async fn history(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        query: WindowQuery,
        limit: Option<i64>,
    ) -> Result<MessagePage, Refusal> {
        let limit = validate::page_size(limit)?;
        let window = match (query.before, query.after, query.around) {
            (None, None, None) => Window::Newest,
            (Some(seq), None, None) if seq > 0 => Window::Before(seq),
            (None, Some(seq), None) if seq >= 0 => Window::After(seq),
            (None, None, Some(seq)) if seq > 0 => Window::Around(seq),
            (Some(_), None, None) => return Err(Refusal::field("before", "a seq of 1 or more")),
            (None, Some(_), None) => return Err(Refusal::field("after", "a seq of 0 or more")),
            (None, None, Some(_)) => return Err(Refusal::field("around", "a seq of 1 or more")),
            _ => {
                return Err(Refusal::field(
                    "before",
                    "only one of before, after and around",
                ));
            }
        };
        let begins = self.history_begins(actor, conversation_id).await?;
        self.store
            .history(conversation_id, begins, window, limit)
            .await
            .map_err(refused)
    }
}
