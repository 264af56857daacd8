//! The newest messages of a conversation: what most of those who come back have missed.

use parlor_protocol::{ConversationId, SharedMessage, limits::SYNC_MESSAGES_MAX};
use rusqlite::params;
use sqlx::Row as _;
use std::sync::LazyLock;

use crate::{
    ChangedConversation, Store, StoreError,
    engine::Pools,
    quick::Statement,
    rows::{MessageRow, message_columns},
};

/// Text in one tail, in bytes: a page of a sync holds no more.
const CONTENT_BYTES_MAX: usize = 1024 * 1024;

/// The newest messages of a conversation, good for everybody in it.
#[derive(Debug)]
pub struct Tail {
    /// The conversation's version when it was read.
    pub version: i64,
    /// Text and what else it takes, about, in bytes.
    pub bytes: usize,
    /// In ascending `seq`, to the newest.
    messages: Vec<TailMessage>,
    /// The last revision of a message before these; 0 when there was none.
    revised_before: i64,
}

#[derive(Debug)]
struct TailMessage {
    tick: i64,
    revised_tick: Option<i64>,
    message: SharedMessage,
}

/// What a tail says of what a viewer has missed.
#[derive(Debug, PartialEq)]
pub enum Missed {
    /// These, in ascending `seq`.
    Messages(Vec<SharedMessage>),
    /// More than [`SYNC_MESSAGES_MAX`].
    TooMany,
    /// It does not reach back far enough.
    Unknown,
}

static NEWEST: LazyLock<Statement> = LazyLock::new(|| {
    Statement::of(format!(
        "SELECT {}, m.tick, m.revised_tick, c.version AS conversation_version
         FROM conversations c JOIN messages m ON m.conversation_id = c.id AND m.seq > c.last_seq - $2
         JOIN users u ON u.id = m.sender_id WHERE c.id = $1 ORDER BY m.seq",
        message_columns!()
    ))
});

static REVISED_BEFORE: LazyLock<Statement> = LazyLock::new(|| {
    Statement::of(
        "SELECT revised_tick FROM messages WHERE conversation_id = $1 AND revised_tick IS NOT NULL AND seq < $2
         ORDER BY revised_tick DESC LIMIT 1",
    )
});

type Row = (MessageRow, i64, Option<i64>, i64);

impl Store {
    /// The newest messages of a conversation, one more than a sync may name; `None` when it has none.
    pub async fn tail(&self, id: ConversationId) -> Result<Option<Tail>, StoreError> {
        let limit = SYNC_MESSAGES_MAX as i64 + 1;
        let readers = match &self.pools {
            Pools::Sqlite { quick, .. } => {
                return quick
                    .ask(move |connection| {
                        let snapshot = connection.unchecked_transaction()?;
                        let rows = snapshot
                            .prepare_cached(&NEWEST.quick)?
                            .query_map(params![id.0, limit], |row| {
                                Ok((
                                    MessageRow::from_sqlite(row)?,
                                    row.get("tick")?,
                                    row.get("revised_tick")?,
                                    row.get("conversation_version")?,
                                ))
                            })?
                            .collect::<Result<Vec<Row>, _>>()?;
                        let Some(mut tail) = Tail::of(rows)? else {
                            return Ok(None);
                        };
                        tail.revised_before = snapshot
                            .prepare_cached(&REVISED_BEFORE.quick)?
                            .query_map(params![id.0, tail.first_seq()], |row| row.get(0))?
                            .next()
                            .transpose()?
                            .unwrap_or(0);
                        Ok(Some(tail))
                    })
                    .await;
            }
            Pools::Postgres { readers, .. } => readers,
        };
        let rows = sqlx::query(&*NEWEST.pooled)
            .bind(id.0)
            .bind(limit)
            .fetch_all(readers)
            .await?;
        let rows: Vec<Row> = rows
            .iter()
            .map(|row| {
                Ok((
                    <MessageRow as sqlx::FromRow<'_, _>>::from_row(row)?,
                    row.try_get("tick")?,
                    row.try_get("revised_tick")?,
                    row.try_get("conversation_version")?,
                ))
            })
            .collect::<Result<_, sqlx::Error>>()?;
        let Some(mut tail) = Tail::of(rows)? else {
            return Ok(None);
        };
        let revised: Option<i64> = sqlx::query_scalar(&*REVISED_BEFORE.pooled)
            .bind(id.0)
            .bind(tail.first_seq())
            .fetch_optional(readers)
            .await?;
        tail.revised_before = revised.unwrap_or(0);
        Ok(Some(tail))
    }
}

impl Tail {
    fn of(rows: Vec<Row>) -> Result<Option<Self>, StoreError> {
        let Some(version) = rows.last().map(|(.., version)| *version) else {
            return Ok(None);
        };
        let mut bytes = 0;
        let fitting = rows.iter().rev().take_while(|(row, ..)| {
            let fits = bytes <= CONTENT_BYTES_MAX;
            bytes += row.content_bytes();
            fits
        });
        let left_out = rows.len() - fitting.count();
        let messages = rows.into_iter().skip(left_out);
        let messages = messages.map(|(row, tick, revised_tick, _)| {
            Ok(TailMessage {
                tick,
                revised_tick,
                message: row.into_message()?.into(),
            })
        });
        let messages: Vec<TailMessage> = messages.collect::<Result<_, StoreError>>()?;
        Ok(Some(Self {
            version,
            // As it is, and once more as JSON.
            bytes: 2 * (bytes + messages.len() * size_of::<parlor_protocol::Message>()),
            messages,
            revised_before: 0,
        }))
    }

    fn first_seq(&self) -> i64 {
        self.messages.first().map_or(0, |first| first.message.seq)
    }

    /// What the viewer of a conversation has missed since a position. The conversation was read
    /// before, so the tail may know of more than belongs to it: that is heard of live.
    pub fn missed(&self, changed: &ChangedConversation, since: i64) -> Missed {
        let last_seq = changed.conversation.summary.last_seq;
        let Some(first) = self.messages.first() else {
            return Missed::Unknown;
        };
        let is_missed = |one: &&TailMessage| {
            let seq = one.message.seq;
            let is_theirs = seq > changed.cleared_seq && seq <= last_seq;
            is_theirs && (one.tick >= since || one.revised_tick >= Some(since))
        };
        let missed = self.messages.iter().filter(is_missed);
        let missed: Vec<SharedMessage> = missed.map(|one| one.message.clone()).collect();
        if missed.len() > SYNC_MESSAGES_MAX {
            return Missed::TooMany;
        }
        // What stands before these may be new, or revised since.
        let reaches_back = first.message.seq <= changed.cleared_seq + 1;
        if !reaches_back && (first.tick >= since || self.revised_before >= since) {
            return Missed::Unknown;
        }
        Missed::Messages(missed)
    }
}
