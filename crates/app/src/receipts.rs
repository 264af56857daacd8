//! Delivered and read cursors.

use parlor_core::{Actor, Refusal, append::Change, validate};
use parlor_protocol::{
    Code, ConversationId, Member, MessageId, Page, ReceiptStatus, SetStatus,
    limits::BIG_ROOM_MEMBERS,
};

use crate::{
    App,
    app::refused,
    conversations::{member_key, member_page},
    messages::PendingChange,
};

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

    /// The members who have read a message, in the order they joined; without its sender.
    pub async fn readers(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        message_id: MessageId,
        cursor: Option<&str>,
        limit: Option<i64>,
    ) -> Result<Page<Member>, Refusal> {
        let limit = validate::page_size(limit)?;
        let after = member_key(cursor)?;
        let seq = self.seq_of(actor, conversation_id, message_id).await?;
        let readers = self
            .store
            .readers(conversation_id, seq, after.as_ref(), limit + 1)
            .await
            .map_err(refused)?;
        let readers = readers.ok_or_else(|| {
            Refusal::new(
                Code::Forbidden,
                format!("with more than {BIG_ROOM_MEMBERS} members nobody is told who reads"),
            )
        })?;
        Ok(member_page(readers, limit))
    }

    /// The place of a message that the actor may see.
    async fn seq_of(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        id: MessageId,
    ) -> Result<i64, Refusal> {
        let begins = self.history_begins(actor, conversation_id).await?;
        let found = self.store.seq_of(conversation_id, id).await;
        let found = found.map_err(refused)?.filter(|seq| *seq > begins);
        found.ok_or_else(|| Refusal::not_found("message"))
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
            (None, Some(id)) => self.seq_of(actor, conversation_id, id).await?,
            _ => return Err(Refusal::field("seq", "either seq or messageId")),
        };
        self.move_cursor(actor, conversation_id, body.status, seq)?
            .committed()
            .await
    }
}
