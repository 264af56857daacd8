//! Sending and reading messages.

use parlor_auth::uuid_v7;
use parlor_core::{Actor, Refusal, append, validate};
use parlor_protocol::{ConversationId, Message, MessageId, MessagePage, SendMessage};
use parlor_store::{PendingAppend, Window};

use crate::{App, app::refused};

/// A send that has its place in the queue; several of one actor are stored in the order they were made.
#[derive(Debug)]
pub struct PendingSend(PendingAppend);

/// A message that is on disk.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The message.
    pub message: Message,
    /// `false` when the same `clientId` had stored it before.
    pub is_new: bool,
}

impl PendingSend {
    /// Waits until the message is on disk.
    pub async fn committed(self) -> Result<Sent, Refusal> {
        let appended = self.0.committed().await?;
        Ok(Sent {
            message: appended.message,
            is_new: appended.is_new,
        })
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
        let now = self.now();
        let pending = self.appender.enqueue(append::Send {
            id: MessageId(uuid_v7(now.0)),
            conversation_id,
            sender_id: actor.user_id.clone(),
            client_id: body.client_id,
            content: body.content,
            created_at: now,
        })?;
        Ok(PendingSend(pending))
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
        self.require_member(actor, conversation_id).await?;
        self.store
            .history(conversation_id, window, limit)
            .await
            .map_err(refused)
    }
}
