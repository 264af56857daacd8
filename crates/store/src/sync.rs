//! What has changed for a user since a position: conversations, messages, and what is gone.

use std::sync::LazyLock;

use parlor_protocol::{
    Conversation, ConversationId, ConversationSummary, Message, User, UserId,
    limits::SYNC_MESSAGES_MAX,
};
use rusqlite::{Connection, params};
use sqlx::Row as _;
use uuid::Uuid;

use crate::{
    ListKey, Standing, Store, StoreError,
    conversations::{ConversationRow, SELECT, complete},
    engine::{Pools, read},
    quick::Statement,
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

/// What has changed for a user, but for the messages.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// In the order of their ids: what changes while a client pages through them is behind the
    /// place or yet to come, never skipped.
    pub conversations: Vec<ChangedConversation>,
    /// Those that the user has left, was removed from, or has put away; on the first page only.
    pub removed: Vec<ConversationId>,
}

static CHANGED: LazyLock<Statement> = LazyLock::new(|| {
    Statement::of(format!(
        "{} $1 AND NOT (me.hidden AND me.cleared_seq >= c.last_seq) AND c.tick >= $2 AND me.conversation_id > $3
         ORDER BY me.conversation_id LIMIT $4",
        *SELECT
    ))
});

static REMOVED: LazyLock<Statement> = LazyLock::new(|| {
    Statement::of(
        "SELECT me.conversation_id FROM members me JOIN conversations c ON c.id = me.conversation_id
         WHERE me.user_id = $1 AND me.tick >= $2
           AND (me.left_at IS NOT NULL OR (me.hidden AND me.cleared_seq >= c.last_seq))
         ORDER BY me.conversation_id",
    )
});

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

    /// How a user stands against a position, and the first page of what has changed since where
    /// anything has; `None` when there is no such user.
    pub async fn catch_up(
        &self,
        user_id: &UserId,
        since: i64,
        limit: u32,
    ) -> Result<Option<(Standing, Changes)>, StoreError> {
        // Where it stands first: what changes after it is heard of live, or next time.
        let Some(standing) = self.standing(user_id, since).await? else {
            return Ok(None);
        };
        let changes = if standing.has_changed {
            self.changes(user_id, since, None, limit).await?
        } else {
            Changes::default()
        };
        Ok(Some((standing, changes)))
    }

    /// A page of what has changed for a user since a position.
    pub async fn changes(
        &self,
        user_id: &UserId,
        since: i64,
        after: Option<ConversationId>,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        let readers = match &self.pools {
            Pools::Sqlite { quick, .. } => {
                let user_id = user_id.clone();
                return quick
                    .ask(move |connection| {
                        let snapshot = connection.unchecked_transaction()?;
                        quickly(&snapshot, &user_id, since, after, limit)
                    })
                    .await;
            }
            Pools::Postgres { readers, .. } => readers,
        };
        let removed: Vec<Uuid> = match after {
            Some(_) => Vec::new(),
            None => {
                sqlx::query_scalar(&*REMOVED.pooled)
                    .bind(user_id.as_str())
                    .bind(since)
                    .fetch_all(readers)
                    .await?
            }
        };
        let rows: Vec<ConversationRow> = sqlx::query_as(&*CHANGED.pooled)
            .bind(user_id.as_str())
            .bind(since)
            .bind(behind(after))
            .bind(i64::from(limit))
            .fetch_all(readers)
            .await?;
        Ok(Changes {
            conversations: self.complete(rows).await?,
            removed: removed.into_iter().map(ConversationId).collect(),
        })
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
        if changed.is_void(since) {
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

impl ChangedConversation {
    /// Whether what the viewer's devices hold from before a position is void.
    pub fn is_void(&self, since: i64) -> bool {
        self.cleared_tick > 0 && self.cleared_tick >= since
    }
}

/// [`Store::changes`] on a reading thread.
fn quickly(
    connection: &Connection,
    user_id: &UserId,
    since: i64,
    after: Option<ConversationId>,
    limit: u32,
) -> Result<Changes, StoreError> {
    let removed = match after {
        Some(_) => Vec::new(),
        None => connection
            .prepare_cached(&REMOVED.quick)?
            .query_map(params![user_id.as_str(), since], |row| row.get(0))?
            .map(|id| id.map(ConversationId))
            .collect::<Result<_, _>>()?,
    };
    let rows = connection
        .prepare_cached(&CHANGED.quick)?
        .query_map(
            params![user_id.as_str(), since, behind(after), limit],
            ConversationRow::from_sqlite,
        )?
        .collect::<Result<_, _>>()?;
    Ok(Changes {
        conversations: complete(connection, rows)?,
        removed,
    })
}

/// Ids follow upon the place where the last page ended; all of them upon none.
fn behind(after: Option<ConversationId>) -> Uuid {
    after.map_or(Uuid::nil(), |id| id.0)
}
