//! Delivered and read cursors.

use parlor_core::{Actor, Refusal, append::Change};
use parlor_protocol::{ConversationId, ReceiptStatus, SetStatus};

use crate::{App, app::refused, messages::PendingChange};

impl App {
    /// Queues a move of one of the actor's cursors up to `seq`. Moving it back or past the newest
    /// message does nothing more than the possible.
    pub fn move_cursor(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        status: ReceiptStatus,
        seq: i64,
    ) -> Result<PendingChange, Refusal> {
        if seq < 0 {
            return Err(Refusal::field("seq", "0 or more"));
        }
        self.change(actor, conversation_id, Change::Receipt { status, seq })
    }

    /// Queues making everything from `seq` on unread again.
    pub fn mark_unread(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        seq: i64,
    ) -> Result<PendingChange, Refusal> {
        if seq < 1 {
            return Err(Refusal::field("seq", "1 or more"));
        }
        self.change(actor, conversation_id, Change::Unread { seq })
    }

    /// Moves a cursor to a message named by its place or its id.
    pub async fn set_status(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        body: SetStatus,
    ) -> Result<(), Refusal> {
        let seq = match (body.seq, body.message_id) {
            (Some(seq), None) => seq,
            (None, Some(id)) => {
                self.history_begins(actor, conversation_id).await?;
                let found = self
                    .store
                    .seq_of(conversation_id, id)
                    .await
                    .map_err(refused)?;
                found.ok_or_else(|| Refusal::not_found("message"))?
            }
            _ => return Err(Refusal::field("seq", "either seq or messageId")),
        };
        self.move_cursor(actor, conversation_id, body.status, seq)?
            .committed()
            .await
    }
}
