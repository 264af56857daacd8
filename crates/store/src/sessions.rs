//! Signed-in devices and the chain of their refresh tokens.

use parlor_protocol::{SessionId, SessionInfo, Timestamp, User, UserId};
use sqlx::{FromRow, Row};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    engine::{read, write},
    rows::{UserRow, row},
};

/// A session to be stored.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// SHA-256 of the first refresh token's secret.
    pub refresh_hash: [u8; 32],
    /// The client's description of itself.
    pub device: Option<String>,
    /// When it is opened.
    pub now: Timestamp,
    /// When it ends if it is not refreshed.
    pub expires_at: Timestamp,
}

/// One step of the refresh chain.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// Which session.
    pub id: SessionId,
    /// SHA-256 of the secret that was shown.
    pub shown_hash: [u8; 32],
    /// SHA-256 of the secret that replaces it.
    pub next_hash: [u8; 32],
    /// The time.
    pub now: Timestamp,
    /// When the session ends if it is not refreshed again.
    pub expires_at: Timestamp,
}

/// What a refresh token was worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// It was the newest one: the session goes on.
    Rotated(User),
    /// It was used before: somebody has a copy, so the session was revoked.
    Reused(UserId),
    /// No such session, or one that has ended.
    Unknown,
}

row! {
    struct SessionRow {
        id: Uuid,
        device: Option<String>,
        created_at: i64,
        last_used_at: i64,
    }
}

/// The INSERT of a session, also used where an account and its first session are made at once.
macro_rules! insert_session {
    ($tx:ident, $new:expr) => {
        sqlx::query(
            "INSERT INTO sessions (id, user_id, refresh_hash, device, created_at, last_used_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $5, $6)",
        )
        .bind($new.id.0)
        .bind($new.user_id.as_str())
        .bind(&$new.refresh_hash[..])
        .bind(&$new.device)
        .bind($new.now.0)
        .bind($new.expires_at.0)
        .execute(&mut *$tx)
        .await?;
    };
}
pub(crate) use insert_session;

impl Store {
    /// Opens a session.
    pub async fn create_session(&self, new: &NewSession) -> Result<(), StoreError> {
        write!(self, |Db, tx| {
            insert_session!(tx, new);
        });
        Ok(())
    }

    /// Replaces the refresh token of a session, or revokes the session when an old one was shown.
    pub async fn rotate_session(&self, rotation: &Rotation) -> Result<RefreshOutcome, StoreError> {
        // Most tokens that were never good are found out here, without the one writer of SQLite.
        if !self.session_is_open(rotation.id, rotation.now).await? {
            return Ok(RefreshOutcome::Unknown);
        }
        let outcome = write!(self, |Db, tx| {
            let mut query = sqlx::QueryBuilder::<Db>::new(
                "SELECT s.refresh_hash, u.id, u.handle, u.name, u.email, u.bio, u.avatar_url, u.created_at
                 FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.revoked_at IS NULL AND s.id = ",
            );
            query
                .push_bind(rotation.id.0)
                .push(" AND s.expires_at > ")
                .push_bind(rotation.now.0);
            query.push(<Db as crate::engine::Dialect>::FOR_UPDATE);
            let row = query.build().fetch_optional(&mut *tx).await?;
            match row {
                None => RefreshOutcome::Unknown,
                Some(row) => {
                    let user = UserRow::from_row(&row)?.into_user()?;
                    let newest: Vec<u8> = row.try_get("refresh_hash")?;
                    if newest == rotation.shown_hash {
                        sqlx::query(
                            "UPDATE sessions SET refresh_hash = $2, last_used_at = $3, expires_at = $4 WHERE id = $1",
                        )
                        .bind(rotation.id.0)
                        .bind(&rotation.next_hash[..])
                        .bind(rotation.now.0)
                        .bind(rotation.expires_at.0)
                        .execute(&mut *tx)
                        .await?;
                        RefreshOutcome::Rotated(user)
                    } else {
                        sqlx::query("UPDATE sessions SET revoked_at = $2 WHERE id = $1")
                            .bind(rotation.id.0)
                            .bind(rotation.now.0)
                            .execute(&mut *tx)
                            .await?;
                        RefreshOutcome::Reused(user.id)
                    }
                }
            }
        });
        Ok(outcome)
    }

    async fn session_is_open(&self, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        let found: Option<i64> = read!(self, |Db, pool| {
            sqlx::query_scalar(
            "SELECT expires_at FROM sessions WHERE id = $1 AND expires_at > $2 AND revoked_at IS NULL"
        )
        .bind(id.0)
        .bind(now.0)
        .fetch_optional(pool)
        .await?
        });
        Ok(found.is_some())
    }

    /// Ends a session of this user, again if need be; `false` when they never had such a session.
    pub async fn revoke_session(
        &self,
        user_id: &UserId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let found = write!(self, |Db, tx| {
            sqlx::query(
            "UPDATE sessions SET revoked_at = COALESCE(revoked_at, $3) WHERE id = $1 AND user_id = $2"
        )
        .bind(id.0)
        .bind(user_id.as_str())
        .bind(now.0)
        .execute(&mut *tx)
        .await?
        .rows_affected()
        });
        Ok(found > 0)
    }

    /// Forgets sessions that ended before a moment.
    pub async fn forget_sessions(&self, ended_before: Timestamp) -> Result<u64, StoreError> {
        Ok(write!(self, |Db, tx| sqlx::query(
            "DELETE FROM sessions WHERE expires_at < $1 OR revoked_at < $1"
        )
        .bind(ended_before.0)
        .execute(&mut *tx)
        .await?
        .rows_affected()))
    }

    /// A user's open sessions, the newest first.
    pub async fn sessions(
        &self,
        user_id: &UserId,
        now: Timestamp,
    ) -> Result<Vec<SessionInfo>, StoreError> {
        let rows: Vec<SessionRow> = read!(self, |Db, pool| {
            sqlx::query_as(
            "SELECT id, device, created_at, last_used_at FROM sessions
             WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY created_at DESC, id DESC LIMIT 200"
        )
        .bind(user_id.as_str())
        .bind(now.0)
        .fetch_all(pool)
        .await?
        });
        Ok(rows
            .into_iter()
            .map(|row| SessionInfo {
                id: SessionId(row.id),
                current: false,
                device: row.device,
                created_at: Timestamp(row.created_at),
                last_used_at: Timestamp(row.last_used_at),
            })
            .collect())
    }

    /// Sessions revoked since a moment: their access tokens may still be out there.
    pub async fn revoked_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        let ids: Vec<Uuid> = read!(self, |Db, pool| sqlx::query_scalar(
            "SELECT id FROM sessions WHERE revoked_at >= $1"
        )
        .bind(since.0)
        .fetch_all(pool)
        .await?);
        Ok(ids.into_iter().map(SessionId).collect())
    }
}
