//! Signed-in devices and the chain of their refresh tokens.

use parlor_protocol::{SessionId, SessionInfo, Timestamp, UserId};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    engine::{read, write},
    rows::{row, user_id},
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
    Rotated(UserId),
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

impl Store {
    /// Opens a session.
    pub async fn create_session(&self, new: &NewSession) -> Result<(), StoreError> {
        write!(self, |Db, tx| {
            sqlx::query(
                "INSERT INTO sessions (id, user_id, refresh_hash, device, created_at, last_used_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $5, $6)",
            )
            .bind(new.id.0)
            .bind(new.user_id.as_str())
            .bind(&new.refresh_hash[..])
            .bind(&new.device)
            .bind(new.now.0)
            .bind(new.expires_at.0)
            .execute(&mut *tx)
            .await?;
        });
        Ok(())
    }

    /// Replaces the refresh token of a session, or revokes the session when an old one was shown.
    pub async fn rotate_session(&self, rotation: &Rotation) -> Result<RefreshOutcome, StoreError> {
        row! {
            struct Current {
                user_id: String,
                refresh_hash: Vec<u8>,
            }
        }
        let outcome = write!(self, |Db, tx| {
            let mut query = sqlx::QueryBuilder::<Db>::new(
                "SELECT user_id, refresh_hash FROM sessions WHERE revoked_at IS NULL AND id = ",
            );
            query
                .push_bind(rotation.id.0)
                .push(" AND expires_at > ")
                .push_bind(rotation.now.0);
            query.push(<Db as crate::engine::Dialect>::FOR_UPDATE);
            let current: Option<Current> = query.build_query_as().fetch_optional(&mut *tx).await?;
            match current {
                None => RefreshOutcome::Unknown,
                Some(current) if current.refresh_hash == rotation.shown_hash => {
                    sqlx::query(
                        "UPDATE sessions SET refresh_hash = $2, last_used_at = $3, expires_at = $4 WHERE id = $1",
                    )
                    .bind(rotation.id.0)
                    .bind(&rotation.next_hash[..])
                    .bind(rotation.now.0)
                    .bind(rotation.expires_at.0)
                    .execute(&mut *tx)
                    .await?;
                    RefreshOutcome::Rotated(user_id(&current.user_id)?)
                }
                Some(current) => {
                    sqlx::query("UPDATE sessions SET revoked_at = $2 WHERE id = $1")
                        .bind(rotation.id.0)
                        .bind(rotation.now.0)
                        .execute(&mut *tx)
                        .await?;
                    RefreshOutcome::Reused(user_id(&current.user_id)?)
                }
            }
        });
        Ok(outcome)
    }

    /// Ends a session of this user; `false` when there is no such open session.
    pub async fn revoke_session(
        &self,
        user_id: &UserId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let done = write!(self, |Db, tx| {
            sqlx::query(
            "UPDATE sessions SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL"
        )
        .bind(id.0)
        .bind(user_id.as_str())
        .bind(now.0)
        .execute(&mut *tx)
        .await?
        .rows_affected()
        });
        Ok(done > 0)
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
