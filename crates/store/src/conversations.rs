//! Making, listing and reading conversations.

use std::{collections::HashMap, sync::LazyLock};

use parlor_core::planted::planted;
use parlor_protocol::{
    Conversation, ConversationId, ConversationSummary, Member, Membership, Message, Timestamp,
    UserId, limits::MEMBERS_INLINE_MAX,
};
use rusqlite::OptionalExtension as _;
use sqlx::{PgPool, QueryBuilder};
use uuid::Uuid;

use crate::{
    ChangedConversation, Store, StoreError,
    counts::unread_count,
    engine::{Pools, read},
    rows::{MemberRow, MessageRow, kind, message_columns, role, row},
};

/// Which of a user's conversations are listed.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    /// Only archived ones, only the others, or all.
    pub archived: Option<bool>,
    /// Only those whose title, label, or another member's name or handle holds this text (lower case).
    pub query: Option<String>,
    /// Only those after this place in the list.
    pub after: Option<ListKey>,
}

/// A place in a list by last activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListKey {
    /// When the conversation was last active.
    pub active_at: Timestamp,
    /// Which one, among those active at that moment.
    pub id: ConversationId,
}

row! {
    pub(crate) struct ConversationRow {
        id: Uuid,
        kind: String,
        title: Option<String>,
        label: Option<String>,
        metadata: String,
        avatar_url: Option<String>,
        created_at: i64,
        updated_at: i64,
        active_at: i64,
        last_seq: i64,
        version: i64,
        member_count: i64,
        role: String,
        read_seq: i64,
        delivered_seq: i64,
        muted_until: Option<i64>,
        pinned: bool,
        archived: bool,
        cleared_seq: i64,
        cleared_tick: i64,
        hidden: bool,
        unread_count: i64,
    }
}

/// One row for each of a user's conversations; conditions are added behind it.
pub(crate) static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT c.id, c.kind, c.title, c.label, c.metadata, c.avatar_url, c.created_at, c.updated_at,
            c.active_at, c.last_seq, c.version, c.member_count,
            me.role, me.read_seq, me.delivered_seq, me.muted_until, me.pinned, me.archived, me.cleared_seq, me.cleared_tick,
            (me.hidden AND me.cleared_seq >= c.last_seq) AS hidden, {} AS unread_count
         FROM members me JOIN conversations c ON c.id = me.conversation_id
         WHERE me.left_at IS NULL AND me.user_id = ",
        unread_count()
    )
});

impl Store {
    /// One conversation as this user sees it; `None` when they are not in it or it does not exist.
    pub async fn conversation(
        &self,
        user_id: &UserId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let rows: Vec<ConversationRow> = read!(self, |Db, pool| {
            let mut query = QueryBuilder::<Db>::new(&*SELECT);
            query
                .push_bind(user_id.as_str())
                .push(" AND me.conversation_id = ")
                .push_bind(id.0);
            query.build_query_as().fetch_all(pool).await?
        });
        Ok(self
            .complete(rows)
            .await?
            .pop()
            .map(|found| found.conversation))
    }

    /// A user's conversations by last activity, each with its place in the list.
    pub async fn conversations(
        &self,
        user_id: &UserId,
        filter: &ListFilter,
        limit: u32,
    ) -> Result<Vec<ChangedConversation>, StoreError> {
        let rows: Vec<ConversationRow> = read!(self, |Db, pool| {
            let mut query = QueryBuilder::<Db>::new(&*SELECT);
            query.push_bind(user_id.as_str());
            query.push(" AND NOT (me.hidden AND me.cleared_seq >= c.last_seq)");
            if let Some(archived) = filter.archived {
                query.push(" AND me.archived = ").push_bind(archived);
            }
            if let Some(after) = filter.after {
                query
                    .push(" AND (c.active_at, c.id) < (")
                    .push_bind(after.active_at.0);
                query.push(", ").push_bind(after.id.0).push(")");
            }
            if let Some(text) = &filter.query {
                let pattern = format!(
                    "%{}%",
                    text.replace('\\', "\\\\")
                        .replace('%', "\\%")
                        .replace('_', "\\_")
                );
                query
                    .push(" AND (c.search_lower LIKE ")
                    .push_bind(pattern.clone());
                query.push(
                    " ESCAPE '\\' OR EXISTS (SELECT 1 FROM members o JOIN users u ON u.id = o.user_id
                        WHERE o.conversation_id = c.id AND o.left_at IS NULL AND o.user_id <> me.user_id AND (u.name_lower LIKE ",
                );
                query
                    .push_bind(pattern.clone())
                    .push(" ESCAPE '\\' OR u.handle LIKE ")
                    .push_bind(pattern);
                query.push(" ESCAPE '\\')))");
            }
            query
                .push(" ORDER BY c.active_at DESC, c.id DESC LIMIT ")
                .push_bind(i64::from(limit));
            query
                .build_query_as()
                .persistent(false)
                .fetch_all(pool)
                .await?
        });
        self.complete(rows).await
    }

    /// Where a member's own history of this conversation begins: after this `seq`. `None` when they
    /// are not in it or it does not exist.
    pub async fn history_begins(
        &self,
        user_id: &UserId,
        id: ConversationId,
    ) -> Result<Option<i64>, StoreError> {
        Ok(read!(self, |Db, pool| {
            sqlx::query_scalar(
            "SELECT cleared_seq FROM members WHERE conversation_id = $1 AND user_id = $2 AND left_at IS NULL"
        )
        .bind(id.0)
        .bind(user_id.as_str())
        .fetch_optional(pool)
        .await?
        }))
    }

    /// How many conversations are stored.
    pub async fn conversation_count(&self) -> Result<i64, StoreError> {
        Ok(read!(self, |Db, pool| sqlx::query_scalar(
            "SELECT COUNT(*) FROM conversations"
        )
        .fetch_one(pool)
        .await?))
    }

    /// Adds the first members and the newest message to each row.
    pub(crate) async fn complete(
        &self,
        rows: Vec<ConversationRow>,
    ) -> Result<Vec<ChangedConversation>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let pool = match &self.pools {
            Pools::Sqlite { quick, .. } => {
                return quick
                    .ask(move |connection| complete(connection, rows))
                    .await;
            }
            Pools::Postgres { readers, .. } => readers,
        };
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let seqs: Vec<i64> = rows.iter().map(|row| row.last_seq).collect();
        let mut members = first_members(pool, &ids).await?;
        let mut newest = newest_messages(pool, &ids, &seqs).await?;
        rows.into_iter()
            .map(|row| {
                let members = members.remove(&row.id).unwrap_or_default();
                let newest = newest.remove(&row.id);
                row.into_conversation(members, newest)
            })
            .collect()
    }
}

/// The first members of one conversation.
const FIRST_MEMBERS: &str =
    "SELECT m.conversation_id, m.user_id, m.role, m.joined_at, m.read_seq, m.delivered_seq, u.handle, u.name, u.avatar_url
     FROM members m JOIN users u ON u.id = m.user_id
     WHERE m.conversation_id = ?1 AND m.left_at IS NULL ORDER BY m.joined_at, m.user_id LIMIT ?2";

/// The message at one place.
const MESSAGE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m JOIN users u ON u.id = m.sender_id WHERE m.conversation_id = ?1 AND m.seq = ?2"
);

/// [`Store::complete`] on a reading thread: prepared statements, row by row.
pub(crate) fn complete(
    connection: &rusqlite::Connection,
    rows: Vec<ConversationRow>,
) -> Result<Vec<ChangedConversation>, StoreError> {
    let mut first_members = connection.prepare_cached(FIRST_MEMBERS)?;
    let mut message = connection.prepare_cached(MESSAGE)?;
    let mut completed = Vec::with_capacity(rows.len());
    for row in rows {
        let members = first_members
            .query_map(
                rusqlite::params![row.id, MEMBERS_INLINE_MAX as i64],
                MemberRow::from_sqlite,
            )?
            .map(|member| member?.into_member())
            .collect::<Result<Vec<_>, StoreError>>()?;
        let newest = message
            .query_row(
                rusqlite::params![row.id, row.last_seq],
                MessageRow::from_sqlite,
            )
            .optional()?
            .map(MessageRow::into_message)
            .transpose()?;
        completed.push(row.into_conversation(members, newest)?);
    }
    Ok(completed)
}

async fn first_members(
    pool: &PgPool,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Member>>, StoreError> {
    let rows: Vec<MemberRow> = sqlx::query_as(
        "SELECT m.conversation_id, m.user_id, m.role, m.joined_at, m.read_seq, m.delivered_seq,
                u.handle, u.name, u.avatar_url
         FROM UNNEST($1::UUID[]) c (id)
         CROSS JOIN LATERAL (SELECT * FROM members x WHERE x.conversation_id = c.id AND x.left_at IS NULL
                             ORDER BY x.joined_at, x.user_id LIMIT $2) m
         JOIN users u ON u.id = m.user_id
         ORDER BY m.conversation_id, m.joined_at, m.user_id",
    )
    .bind(ids)
    .bind(MEMBERS_INLINE_MAX as i64)
    .fetch_all(pool)
    .await?;
    let mut members: HashMap<Uuid, Vec<Member>> = HashMap::new();
    for row in rows {
        members
            .entry(row.conversation_id)
            .or_default()
            .push(row.into_member()?);
    }
    Ok(members)
}

async fn newest_messages(
    pool: &PgPool,
    ids: &[Uuid],
    seqs: &[i64],
) -> Result<HashMap<Uuid, Message>, StoreError> {
    let rows: Vec<MessageRow> = sqlx::query_as(concat!(
        "SELECT ",
        message_columns!(),
        " FROM UNNEST($1::UUID[], $2::BIGINT[]) c (id, seq)
          JOIN messages m ON m.conversation_id = c.id AND m.seq = c.seq JOIN users u ON u.id = m.sender_id"
    ))
    .bind(ids)
    .bind(seqs)
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            row.into_message()
                .map(|message| (message.conversation_id.0, message))
        })
        .collect()
}

/// Title and label in one text, each on its own line so that no match spans both.
pub(crate) fn search_lower(title: Option<&str>, label: Option<&str>) -> String {
    let lower = |text: Option<&str>| text.unwrap_or_default().to_lowercase();
    format!("{}\n{}", lower(title), lower(label))
}

impl ConversationRow {
    fn into_conversation(
        self,
        members: Vec<Member>,
        newest: Option<Message>,
    ) -> Result<ChangedConversation, StoreError> {
        let last_message = newest.filter(|message| message.seq > self.cleared_seq);
        let key = ListKey {
            active_at: Timestamp(self.active_at),
            id: ConversationId(self.id),
        };
        let metadata = serde_json::from_str(&self.metadata)
            .map_err(|e| StoreError::Corrupt(format!("metadata of {}: {e}", self.id)))?;
        let conversation = Conversation {
            summary: ConversationSummary {
                id: ConversationId(self.id),
                kind: kind(&self.kind)?,
                title: self.title,
                label: self.label,
                metadata,
                avatar_url: self.avatar_url,
                encrypted: false,
                created_at: Timestamp(self.created_at),
                updated_at: Timestamp(self.updated_at),
                last_seq: self.last_seq,
                version: self.version,
                last_message,
                member_count: self.member_count,
                members,
            },
            unread_count: if planted("unread-counts-own") {
                self.last_seq - self.read_seq
            } else {
                self.unread_count
            },
            me: Membership {
                role: role(&self.role)?,
                read_seq: self.read_seq,
                delivered_seq: self.delivered_seq,
                muted_until: self.muted_until.map(Timestamp),
                pinned: self.pinned,
                archived: self.archived,
                hidden: self.hidden,
            },
        };
        Ok(ChangedConversation {
            conversation,
            key,
            cleared_seq: self.cleared_seq,
            cleared_tick: self.cleared_tick,
        })
    }
}
