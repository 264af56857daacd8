//! Making, listing and reading conversations.

use std::collections::HashMap;

use parlor_core::{conversation::NewConversation, planted::planted};
use parlor_protocol::{
    Conversation, ConversationId, ConversationSummary, Member, Membership, Message, Timestamp,
    UserId, limits::MEMBERS_INLINE_MAX,
};
use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::{
    ChangedConversation, Store, StoreError,
    engine::read,
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
        hidden: bool,
        cleared_seq: i64,
        cleared_tick: i64,
        unread_count: i64,
    }
}

/// One row for each of a user's conversations; conditions are added behind it.
pub(crate) const SELECT: &str =
    "SELECT c.id, c.kind, c.title, c.label, c.metadata, c.avatar_url, c.created_at, c.updated_at,
        c.active_at, c.last_seq, c.version, c.member_count,
        me.role, me.read_seq, me.delivered_seq, me.muted_until, me.pinned, me.archived, me.cleared_seq, me.cleared_tick,
        (me.hidden AND me.cleared_seq >= c.last_seq) AS hidden,
        (SELECT COUNT(*) FROM messages x WHERE x.conversation_id = c.id AND x.seq > me.read_seq
            AND x.sender_id <> me.user_id AND x.deleted_at IS NULL) AS unread_count
 FROM members me JOIN conversations c ON c.id = me.conversation_id WHERE me.left_at IS NULL AND me.user_id = ";

impl Store {
    /// One conversation as this user sees it; `None` when they are not in it or it does not exist.
    pub async fn conversation(
        &self,
        user_id: &UserId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let rows: Vec<ConversationRow> = read!(self, |Db, pool| {
            let mut query = QueryBuilder::<Db>::new(SELECT);
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
            let mut query = QueryBuilder::<Db>::new(SELECT);
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

    /// Adds the first members and the newest message to each row: two queries for the whole page.
    pub(crate) async fn complete(
        &self,
        rows: Vec<ConversationRow>,
    ) -> Result<Vec<ChangedConversation>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let mut members = self.first_members(&ids).await?;
        let mut newest = self.newest_messages(&ids).await?;
        rows.into_iter()
            .map(|row| {
                let members = members.remove(&row.id).unwrap_or_default();
                let last_message = newest
                    .remove(&row.id)
                    .filter(|message| message.seq > row.cleared_seq && message.seq <= row.last_seq);
                row.into_conversation(members, last_message)
            })
            .collect()
    }

    async fn first_members(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<Member>>, StoreError> {
        let rows: Vec<MemberRow> = read!(self, |Db, pool| {
            let mut query = QueryBuilder::<Db>::new(
                "SELECT m.conversation_id, m.user_id, m.role, m.joined_at, m.read_seq, m.delivered_seq,
                        u.handle, u.name, u.avatar_url
                 FROM (SELECT x.*, ROW_NUMBER() OVER (PARTITION BY x.conversation_id ORDER BY x.joined_at, x.user_id) AS place
                       FROM members x WHERE x.left_at IS NULL AND x.conversation_id IN (",
            );
            let mut list = query.separated(", ");
            for id in ids {
                list.push_bind(*id);
            }
            query.push(")) m JOIN users u ON u.id = m.user_id WHERE m.place <= ");
            query
                .push_bind(MEMBERS_INLINE_MAX as i64)
                .push(" ORDER BY m.conversation_id, m.place");
            query
                .build_query_as()
                .persistent(false)
                .fetch_all(pool)
                .await?
        });
        let mut members: HashMap<Uuid, Vec<Member>> = HashMap::new();
        for row in rows {
            members
                .entry(row.conversation_id)
                .or_default()
                .push(row.into_member()?);
        }
        Ok(members)
    }

    async fn newest_messages(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Message>, StoreError> {
        let rows: Vec<MessageRow> = read!(self, |Db, pool| {
            let mut query = QueryBuilder::<Db>::new(concat!(
                "SELECT ",
                message_columns!(),
                " FROM conversations c JOIN messages m ON m.conversation_id = c.id AND m.seq = c.last_seq
                  JOIN users u ON u.id = m.sender_id WHERE c.id IN ("
            ));
            let mut list = query.separated(", ");
            for id in ids {
                list.push_bind(*id);
            }
            query.push(")");
            query
                .build_query_as()
                .persistent(false)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter()
            .map(|row| {
                row.into_message()
                    .map(|message| (message.conversation_id.0, message))
            })
            .collect()
    }
}

/// Title and label in one text, each on its own line so that no match spans both.
pub(crate) fn search_lower(new: &NewConversation) -> String {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().to_lowercase();
    format!("{}\n{}", text(&new.title), text(&new.label))
}

impl ConversationRow {
    fn into_conversation(
        self,
        members: Vec<Member>,
        last_message: Option<Message>,
    ) -> Result<ChangedConversation, StoreError> {
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
