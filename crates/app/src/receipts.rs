//! Delivered and read cursors.

use std::sync::Arc;

use parlor_core::{Actor, Refusal};
use parlor_protocol::{ConversationId, ReceiptStatus, ServerFrame, SetStatus, UserId};

use crate::{App, app::refused, detached::detached};

impl App {
    /// Moves one of the actor's cursors up to `seq` and tells the conversation. Moving it back or
    /// past the newest message does nothing more than the possible.
    pub async fn move_cursor(
        self: &Arc<Self>,
        actor: &Actor,
        conversation_id: ConversationId,
        status: ReceiptStatus,
        seq: i64,
    ) -> Result<(), Refusal> {
        if seq < 0 {
            return Err(Refusal::field("seq", "0 or more"));
        }
        let (app, user_id) = (self.clone(), actor.user_id.clone());
        detached(async move { app.moved(conversation_id, user_id, status, seq).await }).await
    }

    async fn moved(
        &self,
        conversation_id: ConversationId,
        user_id: UserId,
        status: ReceiptStatus,
        seq: i64,
    ) -> Result<(), Refusal> {
        let moved = self
            .store
            .move_cursor(conversation_id, &user_id, status, seq)
            .await
            .map_err(refused)?;
        let Some(moved) = moved else { return Ok(()) };
        // What is read is also delivered: one event says both.
        let frame = if moved.cursors.read_seq > moved.before.read_seq {
            ServerFrame::MessageRead {
                conversation_id,
                user_id,
                seq: moved.cursors.read_seq,
            }
        } else {
            ServerFrame::MessageDelivered {
                conversation_id,
                user_id,
                seq: moved.cursors.delivered_seq,
            }
        };
        self.hub.publish(conversation_id, &frame);
        Ok(())
    }

    /// Moves a cursor to a message named by its place or its id.
    pub async fn set_status(
        self: &Arc<Self>,
        actor: &Actor,
        conversation_id: ConversationId,
        body: SetStatus,
    ) -> Result<(), Refusal> {
        let seq = match (body.seq, body.message_id) {
            (Some(seq), None) => seq,
            (None, Some(id)) => {
                self.require_member(actor, conversation_id).await?;
                let found = self
                    .store
                    .seq_of(conversation_id, id)
                    .await
                    .map_err(refused)?;
                found.ok_or_else(|| Refusal::not_found("message"))?
            }
            _ => return Err(Refusal::field("seq", "either seq or messageId")),
        };
        self.move_cursor(actor, conversation_id, body.status, seq)
            .await
    }
}
