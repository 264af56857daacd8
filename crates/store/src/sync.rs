//! What has changed for a user since a position: conversations, messages, and what is gone.

use parlor_protocol::{
    Conversation, ConversationId, ConversationSummary, Message, User, UserId,
    limits::SYNC_MESSAGES_MAX,
};
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use crate::{
    ListKey, Store, StoreError,
    conversations::{ConversationRow, SELECT},
    engine::read,
    rows::{MessageRow, UserRow, message_columns},
};

/// A conversation that has changed, and where its viewer's history begins.
#[derive(Debug, Clone)]
pub struct ChangedConversation {
    /// As its viewer sees it.
    pub conversation: Conversation,
    /// Its place in a list by last activity.
    pub key: ListKey,
    /// The viewer has cleared everything up to here.
    pub cleared_seq: i64,
    /// The tick at which they did, or joined: what their devices hold from before is void.
    pub cleared_tick: i64,
}

impl Store {
    /// A user as they see themselves, and their change counter.
    pub async fn user_with_version(&self, id: &UserId) -> Result<Option<(User, i64)>, StoreError> {
        let row = read!(self, |Db, pool| {
            let row = sqlx::query(
                "SELECT id, handle, name, email, bio, avatar_url, created_at, version FROM users WHERE id = $1",
            )
            .bind(id.as_str())
            .fetch_optional(pool)
            .await?;
            match row {
                Some(row) => Some((
                    <UserRow as sqlx::FromRow<'_, _>>::from_row(&row)?,
                    row.try_get::<i64, _>("version")?,
                )),
                None => None,
            }
        });
        row.map(|(row, version)| Ok((row.into_user()?, version)))
            .transpose()
    }

    /// A user's conversations that have changed since a position, in the order of their ids: what
    /// changes while a client pages through them is behind the place or yet to come, never skipped.
    pub async fn changed_conversations(
        &self,
        user_id: &UserId,
        since: i64,
        after: Option<ConversationId>,
        limit: u32,
    ) -> Result<Vec<ChangedConversation>, StoreError> {
        let rows: Vec<ConversationRow> = read!(self, |Db, pool| {
            let mut query = QueryBuilder::<Db>::new(SELECT);
            query.push_bind(user_id.as_str());
            query
                .push(" AND NOT (me.hidden AND me.cleared_seq >= c.last_seq) AND c.tick >= ")
                .push_bind(since);
            if let Some(after) = after {
                query.push(" AND me.conversation_id > ").push_bind(after.0);
            }
            query
                .push(" ORDER BY me.conversation_id LIMIT ")
                .push_bind(i64::from(limit));
            query
                .build_query_as()
                .persistent(false)
                .fetch_all(pool)
                .await?
        });
        self.complete(rows).await
    }

    /// The conversations that a user has left, was removed from, or has put away, since a position.
    pub async fn removed_conversations(
        &self,
        user_id: &UserId,
        since: i64,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let ids: Vec<Uuid> = read!(self, |Db, pool| {
            sqlx::query_scalar(
            "SELECT me.conversation_id FROM members me JOIN conversations c ON c.id = me.conversation_id
             WHERE me.user_id = $1 AND me.tick >= $2
               AND (me.left_at IS NOT NULL OR (me.hidden AND me.cleared_seq >= c.last_seq))
             ORDER BY me.conversation_id"
        )
        .bind(user_id.as_str())
        .bind(since)
        .fetch_all(pool)
        .await?
        });
        Ok(ids.into_iter().map(ConversationId).collect())
    }

    /// The messages of a conversation that are new or have changed since a position, in ascending
    /// `seq`; `None` when there are more than [`SYNC_MESSAGES_MAX`], or when the viewer has joined, or
    /// cleared what they held, since.
    pub async fn changed_messages(
        &self,
        changed: &ChangedConversation,
        since: i64,
    ) -> Result<Option<Vec<Message>>, StoreError> {
        let summary: &ConversationSummary = &changed.conversation.summary;
        if changed.cleared_tick > 0 && changed.cleared_tick >= since {
            return Ok(None);
        }
        let limit = SYNC_MESSAGES_MAX as i64 + 1;
        // Ticks grow with the places, so what is new stands at the end, and no further back than the
        // first place that would be one too many.
        let from = changed.cleared_seq.max(summary.last_seq - limit);
        let mut rows: Vec<MessageRow> = read!(self, |Db, pool| {
            sqlx::query_as(concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m JOIN users u ON u.id = m.sender_id
             WHERE m.conversation_id = $1 AND m.seq > $2 AND m.seq <= $3 AND m.tick >= $4 ORDER BY m.seq"
        ))
        .bind(summary.id.0)
        .bind(from)
        .bind(summary.last_seq)
        .bind(since)
        .fetch_all(pool)
        .await?
        });
        if rows.len() > SYNC_MESSAGES_MAX {
            return Ok(None);
        }
        let revised: Vec<MessageRow> = read!(self, |Db, pool| {
            sqlx::query_as(concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m JOIN users u ON u.id = m.sender_id
             WHERE m.conversation_id = $1 AND m.revised_tick >= $2 AND m.seq > $3 AND m.tick < $2 LIMIT $4"
        ))
        .bind(summary.id.0)
        .bind(since)
        .bind(changed.cleared_seq)
        .bind(limit)
        .fetch_all(pool)
        .await?
        });
        rows.extend(revised);
        if rows.len() > SYNC_MESSAGES_MAX {
            return Ok(None);
        }
        let mut messages = rows
            .into_iter()
            .map(MessageRow::into_message)
            .collect::<Result<Vec<_>, _>>()?;
        messages.sort_unstable_by_key(|message| message.seq);
        Ok(Some(messages))
    }
}
