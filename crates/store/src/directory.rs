//! Finding people: the directory, and the members of a conversation.

use parlor_protocol::{
    ConversationId, Member, Timestamp, UserId, UserSummary, limits::BIG_ROOM_MEMBERS,
};
use sqlx::QueryBuilder;

use crate::{
    Store, StoreError,
    engine::read,
    rows::{MemberRow, UserRow},
};

/// Where a page of members begins: after this member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberKey {
    /// When they joined.
    pub joined_at: Timestamp,
    /// Who it is, among those who joined together.
    pub user_id: UserId,
}

impl Store {
    /// People by the beginning of handle or name, in order of handle, without the one who asks.
    /// `after` is the last handle of the page before.
    pub async fn find_users(
        &self,
        asking: &UserId,
        prefix: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<UserSummary>, StoreError> {
        let rows: Vec<UserRow> = read!(self, |Db, pool| {
            let mut query = QueryBuilder::<Db>::new(
                "SELECT id, handle, name, email, bio, avatar_url, created_at FROM users WHERE id <> ",
            );
            query.push_bind(asking.as_str());
            if let Some(prefix) = prefix {
                let pattern = like_prefix(prefix);
                query.push(" AND (handle LIKE ").push_bind(pattern.clone());
                query
                    .push(" ESCAPE '\\' OR name_lower LIKE ")
                    .push_bind(pattern)
                    .push(" ESCAPE '\\')");
            }
            if let Some(after) = after {
                query.push(" AND handle > ").push_bind(after);
            }
            query
                .push(" ORDER BY handle LIMIT ")
                .push_bind(i64::from(limit));
            query
                .build_query_as()
                .persistent(false)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter()
            .map(|row| Ok(row.into_user()?.summary()))
            .collect()
    }

    /// A user as everyone sees them.
    pub async fn user_summary(&self, id: &UserId) -> Result<Option<UserSummary>, StoreError> {
        Ok(self.user(id).await?.map(|user| user.summary()))
    }

    /// One member of a conversation; `None` when they are not in it or it does not exist.
    pub async fn member(
        &self,
        conversation_id: ConversationId,
        user_id: &UserId,
    ) -> Result<Option<Member>, StoreError> {
        let row: Option<MemberRow> = read!(self, |Db, pool| {
            sqlx::query_as(
            "SELECT m.conversation_id, m.user_id, m.role, m.joined_at, m.read_seq, m.delivered_seq,
                    u.handle, u.name, u.avatar_url
             FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.left_at IS NULL AND m.conversation_id = $1 AND m.user_id = $2",
        )
        .bind(conversation_id.0)
        .bind(user_id.as_str())
        .fetch_optional(pool)
        .await?
        });
        row.map(MemberRow::into_member).transpose()
    }

    /// The members of a conversation in the order they joined.
    pub async fn members(
        &self,
        conversation_id: ConversationId,
        after: Option<&MemberKey>,
        limit: u32,
    ) -> Result<Vec<Member>, StoreError> {
        self.members_who(conversation_id, after, limit, None).await
    }

    /// The members who have read up to a message, in the order they joined, without its sender; `None`
    /// where so many are members that nobody is told.
    pub async fn readers(
        &self,
        conversation_id: ConversationId,
        seq: i64,
        after: Option<&MemberKey>,
        limit: u32,
    ) -> Result<Option<Vec<Member>>, StoreError> {
        let counted: Option<(i64, String)> = read!(self, |Db, pool| {
            sqlx::query_as(
            "SELECT c.member_count, m.sender_id FROM conversations c JOIN messages m ON m.conversation_id = c.id
             WHERE c.id = $1 AND m.seq = $2",
        )
        .bind(conversation_id.0)
        .bind(seq)
        .fetch_optional(pool)
        .await?
        });
        match counted {
            Some((members, sender)) if members <= BIG_ROOM_MEMBERS as i64 => self
                .members_who(conversation_id, after, limit, Some((seq, &sender)))
                .await
                .map(Some),
            _ => Ok(None),
        }
    }

    async fn members_who(
        &self,
        conversation_id: ConversationId,
        after: Option<&MemberKey>,
        limit: u32,
        have_read: Option<(i64, &str)>,
    ) -> Result<Vec<Member>, StoreError> {
        let rows: Vec<MemberRow> = read!(self, |Db, pool| {
            let mut query = QueryBuilder::<Db>::new(
                "SELECT m.conversation_id, m.user_id, m.role, m.joined_at, m.read_seq, m.delivered_seq,
                        u.handle, u.name, u.avatar_url
                 FROM members m JOIN users u ON u.id = m.user_id WHERE m.left_at IS NULL AND m.conversation_id = ",
            );
            query.push_bind(conversation_id.0);
            if let Some((seq, sender)) = have_read {
                query.push(" AND m.read_seq >= ").push_bind(seq);
                query.push(" AND m.user_id <> ").push_bind(sender);
            }
            if let Some(after) = after {
                query
                    .push(" AND (m.joined_at, m.user_id) > (")
                    .push_bind(after.joined_at.0);
                query.push(", ").push_bind(after.user_id.as_str()).push(")");
            }
            query
                .push(" ORDER BY m.joined_at, m.user_id LIMIT ")
                .push_bind(i64::from(limit));
            query
                .build_query_as()
                .persistent(false)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter().map(MemberRow::into_member).collect()
    }
}

/// A `LIKE` pattern for texts that begin with `prefix`, whatever characters it holds.
fn like_prefix(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for c in prefix.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
