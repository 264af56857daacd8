//! Join links.

use parlor_core::Refusal;
use parlor_core::append::LockedLink;
use parlor_core::conversation::may_link;
use parlor_protocol::{
    ConversationId, Link, LinkId, LinkedConversation, Timestamp, UserId,
    limits::LINKS_PER_CONVERSATION_MAX,
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    engine::{read, write},
    rows::{kind, role, row, user_id},
};

/// A link that is to be made.
#[derive(Debug, Clone)]
pub struct NewLink {
    /// The link.
    pub id: LinkId,
    /// Where it leads.
    pub conversation_id: ConversationId,
    /// Of its token.
    pub token_hash: [u8; 32],
    /// Who makes it.
    pub created_by: UserId,
    /// Now.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// How many people may join by it, if that is limited.
    pub max_uses: Option<i64>,
}

row! {
    struct LinkRow {
        id: Uuid,
        created_by: String,
        created_at: i64,
        expires_at: Option<i64>,
        max_uses: Option<i64>,
        uses: i64,
    }
}

impl LinkRow {
    fn into_link(self) -> Result<Link, StoreError> {
        Ok(Link {
            id: LinkId(self.id),
            created_by: user_id(&self.created_by)?,
            created_at: Timestamp(self.created_at),
            expires_at: self.expires_at.map(Timestamp),
            max_uses: self.max_uses,
            uses: self.uses,
        })
    }
}

row! {
    struct LinkedRow {
        id: Uuid,
        conversation_id: Uuid,
        expires_at: Option<i64>,
        max_uses: Option<i64>,
        uses: i64,
        is_revoked: bool,
        kind: String,
        title: Option<String>,
        label: Option<String>,
        member_count: i64,
    }
}

/// Those that are good at a moment `$2`.
const GOOD: &str = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
    AND (max_uses IS NULL OR uses < max_uses)";

/// Whether a user may deal with a conversation's links, inside a transaction.
macro_rules! check {
    ($tx:expr, $conversation_id:expr, $user_id:expr) => {{
        let found: Option<(String, String)> = sqlx::query_as(
            "SELECT c.kind, m.role FROM members m JOIN conversations c ON c.id = m.conversation_id
             WHERE m.conversation_id = $1 AND m.user_id = $2 AND m.left_at IS NULL",
        )
        .bind($conversation_id.0)
        .bind($user_id.as_str())
        .fetch_optional($tx)
        .await?;
        let (found_kind, found_role) =
            found.ok_or_else(|| StoreError::Refused(Refusal::not_found("conversation")))?;
        may_link(kind(&found_kind)?, role(&found_role)?).map_err(StoreError::Refused)?;
    }};
}

impl Store {
    /// Makes a link, where its maker may.
    pub async fn make_link(&self, new: &NewLink) -> Result<(), StoreError> {
        write!(self, |Db, tx| {
            check!(&mut *tx, new.conversation_id, new.created_by);
            let good: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
                "SELECT COUNT(*) FROM links WHERE conversation_id = $1 AND {GOOD}"
            )))
            .bind(new.conversation_id.0)
            .bind(new.created_at.0)
            .fetch_one(&mut *tx)
            .await?;
            if good >= LINKS_PER_CONVERSATION_MAX as i64 {
                return Err(StoreError::Refused(Refusal::new(
                    parlor_protocol::Code::InvalidRequest,
                    format!(
                        "a conversation has at most {LINKS_PER_CONVERSATION_MAX} links: revoke some"
                    ),
                )));
            }
            sqlx::query(
                "INSERT INTO links (id, conversation_id, token_hash, created_by, created_at, expires_at, max_uses, uses)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 0)",
            )
            .bind(new.id.0)
            .bind(new.conversation_id.0)
            .bind(&new.token_hash[..])
            .bind(new.created_by.as_str())
            .bind(new.created_at.0)
            .bind(new.expires_at.map(|at| at.0))
            .bind(new.max_uses)
            .execute(&mut *tx)
            .await?;
        });
        Ok(())
    }

    /// The links of a conversation that are good, the newest first.
    pub async fn links(
        &self,
        user: &UserId,
        conversation_id: ConversationId,
        now: Timestamp,
    ) -> Result<Vec<Link>, StoreError> {
        let rows: Vec<LinkRow> = read!(self, |Db, pool| {
            check!(pool, conversation_id, user);
            sqlx::query_as(sqlx::AssertSqlSafe(format!(
                "SELECT id, created_by, created_at, expires_at, max_uses, uses FROM links
                 WHERE conversation_id = $1 AND {GOOD} ORDER BY id DESC"
            )))
            .bind(conversation_id.0)
            .bind(now.0)
            .fetch_all(pool)
            .await?
        });
        rows.into_iter().map(LinkRow::into_link).collect()
    }

    /// Takes a link back.
    pub async fn revoke_link(
        &self,
        user: &UserId,
        conversation_id: ConversationId,
        id: LinkId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        write!(self, |Db, tx| {
            check!(&mut *tx, conversation_id, user);
            let changed = sqlx::query(
                "UPDATE links SET revoked_at = COALESCE(revoked_at, $3) WHERE id = $1 AND conversation_id = $2",
            )
            .bind(id.0)
            .bind(conversation_id.0)
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
            if changed.rows_affected() == 0 {
                return Err(StoreError::Refused(Refusal::not_found("link")));
            }
        });
        Ok(())
    }

    /// The link with this token, and where it leads; good or not.
    pub async fn link(
        &self,
        token_hash: &[u8; 32],
    ) -> Result<Option<(LinkId, LockedLink, LinkedConversation)>, StoreError> {
        let row: Option<LinkedRow> = read!(self, |Db, pool| {
            sqlx::query_as(
            "SELECT l.id, l.conversation_id, l.expires_at, l.max_uses, l.uses, (l.revoked_at IS NOT NULL) AS is_revoked,
                    c.kind, c.title, c.label, c.member_count
             FROM links l JOIN conversations c ON c.id = l.conversation_id WHERE l.token_hash = $1",
        )
        .bind(&token_hash[..])
        .fetch_optional(pool)
        .await?
        });
        let Some(row) = row else { return Ok(None) };
        let conversation_id = ConversationId(row.conversation_id);
        let link = LockedLink {
            conversation_id,
            expires_at: row.expires_at.map(Timestamp),
            max_uses: row.max_uses,
            uses: row.uses,
            is_revoked: row.is_revoked,
        };
        let conversation = LinkedConversation {
            id: conversation_id,
            kind: kind(&row.kind)?,
            title: row.title,
            label: row.label,
            member_count: row.member_count,
        };
        Ok(Some((LinkId(row.id), link, conversation)))
    }
}
