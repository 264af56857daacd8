//! Reading a conversation's messages.

use parlor_protocol::{ConversationId, Message, MessageId, MessagePage};

use crate::{
    Store, StoreError,
    engine::read,
    rows::{MessageRow, message_columns},
};

/// Text on one page, in bytes; a single message is smaller than this.
const PAGE_CONTENT_BYTES_MAX: usize = 1024 * 1024;

/// Which part of a history is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The newest messages.
    Newest,
    /// Those just before a `seq`.
    Before(i64),
    /// Those just after a `seq`.
    After(i64),
    /// Those on both sides of a `seq`, and itself.
    Around(i64),
}

impl Store {
    /// A page of history in ascending `seq`, at most `limit` messages, all behind `begins`.
    pub async fn history(
        &self,
        conversation_id: ConversationId,
        begins: i64,
        window: Window,
        limit: u32,
    ) -> Result<MessagePage, StoreError> {
        let limit = limit as usize;
        match window {
            Window::Newest => self.before(conversation_id, begins, i64::MAX, limit).await,
            Window::Before(seq) => self.before(conversation_id, begins, seq, limit).await,
            Window::After(seq) => self.after(conversation_id, seq.max(begins), limit).await,
            Window::Around(seq) => {
                let older = self.before(conversation_id, begins, seq, limit / 2).await?;
                let mut newer = self
                    .after(
                        conversation_id,
                        (seq - 1).max(begins),
                        limit - older.items.len(),
                    )
                    .await?;
                newer.items.splice(0..0, older.items);
                newer.has_more |= older.has_more;
                Ok(newer)
            }
        }
    }

    /// One more than asked for is read: it tells whether there are more.
    async fn before(
        &self,
        id: ConversationId,
        begins: i64,
        seq: i64,
        limit: usize,
    ) -> Result<MessagePage, StoreError> {
        let rows: Vec<MessageRow> = read!(self, |Db, pool| {
            sqlx::query_as(concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m JOIN users u ON u.id = m.sender_id
             WHERE m.conversation_id = $1 AND m.seq < $2 AND m.seq > $4 ORDER BY m.seq DESC LIMIT $3"
        ))
        .bind(id.0)
        .bind(seq)
        .bind(limit as i64 + 1)
        .bind(begins)
        .fetch_all(pool)
        .await?
        });
        let mut page = page(rows, limit)?;
        page.items.reverse();
        Ok(page)
    }

    async fn after(
        &self,
        id: ConversationId,
        seq: i64,
        limit: usize,
    ) -> Result<MessagePage, StoreError> {
        let rows: Vec<MessageRow> = read!(self, |Db, pool| sqlx::query_as(concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m JOIN users u ON u.id = m.sender_id
             WHERE m.conversation_id = $1 AND m.seq > $2 ORDER BY m.seq LIMIT $3"
        ))
        .bind(id.0)
        .bind(seq)
        .bind(limit as i64 + 1)
        .fetch_all(pool)
        .await?);
        page(rows, limit)
    }

    /// The place of a message in this conversation.
    pub async fn seq_of(
        &self,
        conversation_id: ConversationId,
        id: MessageId,
    ) -> Result<Option<i64>, StoreError> {
        Ok(read!(self, |Db, pool| sqlx::query_scalar(
            "SELECT seq FROM messages WHERE id = $1 AND conversation_id = $2"
        )
        .bind(id.0)
        .bind(conversation_id.0)
        .fetch_optional(pool)
        .await?))
    }

    /// How many messages are stored.
    pub async fn message_count(&self) -> Result<i64, StoreError> {
        Ok(read!(self, |Db, pool| sqlx::query_scalar(
            "SELECT COUNT(*) FROM messages"
        )
        .fetch_one(pool)
        .await?))
    }
}

/// Turns rows, the nearest first, into a page: at most `limit` of them, and no more text than a reader
/// that never reads may make the server hold.
fn page(mut rows: Vec<MessageRow>, limit: usize) -> Result<MessagePage, StoreError> {
    let mut bytes = 0;
    let fitting = rows.iter().take_while(|row| {
        bytes += row.content_bytes();
        bytes <= PAGE_CONTENT_BYTES_MAX
    });
    let fitting = fitting.count().max(1).min(limit);
    let has_more = rows.len() > fitting;
    rows.truncate(fitting);
    let items: Result<Vec<Message>, StoreError> =
        rows.into_iter().map(MessageRow::into_message).collect();
    Ok(MessagePage {
        items: items?,
        has_more,
    })
}
