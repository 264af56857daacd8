//! User accounts.

use parlor_core::{Refusal, validate::ProfileChange};
use parlor_protocol::{Code, ConversationId, Timestamp, User, UserId, limits::BIG_ROOM_MEMBERS};
use sqlx::{FromRow, Row};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    engine::{read, write},
    rows::UserRow,
    sessions::{NewSession, insert_session},
};

/// A user to be stored.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Parlor's own id or the host app's.
    pub id: UserId,
    /// In its one spelling.
    pub handle: String,
    /// The name to show.
    pub name: String,
    /// Lower case.
    pub email: Option<String>,
    /// A line about oneself.
    pub bio: Option<String>,
    /// PHC string; none where an app signs its users in.
    pub password_hash: Option<String>,
    /// When the account is made.
    pub created_at: Timestamp,
}

/// A user with what is needed to sign them in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user.
    pub user: User,
    /// PHC string, if they have a password.
    pub password_hash: Option<String>,
}

impl Store {
    /// Stores a user, and their first session with them. A taken handle or e-mail address is a refusal.
    pub async fn create_user(
        &self,
        new: &NewUser,
        session: Option<&NewSession>,
    ) -> Result<User, StoreError> {
        write!(self, |Db, tx| {
            let clash: Option<String> =
                sqlx::query_scalar("SELECT handle FROM users WHERE handle = $1 OR email = $2 ORDER BY handle = $1 DESC LIMIT 1")
                    .bind(&new.handle)
                    .bind(&new.email)
                    .fetch_optional(&mut *tx)
                    .await?;
            if let Some(handle) = clash {
                return Err(taken(handle == new.handle));
            }
            sqlx::query(
                "INSERT INTO users (id, handle, name, name_lower, email, bio, password_hash, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(new.id.as_str())
            .bind(&new.handle)
            .bind(&new.name)
            .bind(new.name.to_lowercase())
            .bind(&new.email)
            .bind(&new.bio)
            .bind(&new.password_hash)
            .bind(new.created_at.0)
            .execute(&mut *tx)
            .await
            .map_err(lost_race)?;
            if let Some(session) = session {
                insert_session!(tx, session);
            }
        });
        Ok(User {
            id: new.id.clone(),
            handle: new.handle.clone(),
            name: new.name.clone(),
            avatar_url: None,
            email: new.email.clone(),
            bio: new.bio.clone(),
            created_at: new.created_at,
        })
    }

    /// The account that signs in with this handle or e-mail address (both in lower case).
    pub async fn account(&self, login: &str) -> Result<Option<Account>, StoreError> {
        let found = read!(self, |Db, pool| {
            let row = sqlx::query(
                "SELECT id, handle, name, email, bio, avatar_url, created_at, password_hash
                 FROM users WHERE handle = $1 OR email = $1",
            )
            .bind(login)
            .fetch_optional(pool)
            .await?;
            match row {
                Some(row) => Some((
                    UserRow::from_row(&row)?,
                    row.try_get::<Option<String>, _>("password_hash")?,
                )),
                None => None,
            }
        });
        found
            .map(|(user, password_hash)| {
                Ok(Account {
                    user: user.into_user()?,
                    password_hash,
                })
            })
            .transpose()
    }

    /// A user as they see themselves.
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        let row: Option<UserRow> = read!(self, |Db, pool| {
            sqlx::query_as(
            "SELECT id, handle, name, email, bio, avatar_url, created_at FROM users WHERE id = $1"
        )
        .bind(id.as_str())
        .fetch_optional(pool)
        .await?
        });
        row.map(UserRow::into_user).transpose()
    }

    /// Changes somebody's profile. `None` when they are gone; a taken handle, and a name that a host app
    /// says, are refusals.
    pub async fn change_user(
        &self,
        id: &UserId,
        change: &ProfileChange,
    ) -> Result<Option<(User, i64)>, StoreError> {
        let found = write!(self, |Db, tx| {
            let from_host: Option<bool> =
                sqlx::query_scalar("SELECT from_host FROM users WHERE id = $1")
                    .bind(id.as_str())
                    .fetch_optional(&mut *tx)
                    .await?;
            if from_host == Some(true) && change.name.is_some() {
                return Err(Refusal::new(
                    Code::Forbidden,
                    "the app that signs you in says your name",
                )
                .into());
            }
            let row = sqlx::query(
                "UPDATE users SET name = COALESCE($2, name), name_lower = COALESCE($3, name_lower), handle = COALESCE($4, handle),
                   bio = CASE WHEN $5 THEN $6 ELSE bio END, version = version + 1
                 WHERE id = $1 RETURNING id, handle, name, email, bio, avatar_url, created_at, version",
            )
            .bind(id.as_str())
            .bind(&change.name)
            .bind(change.name.as_ref().map(|name| name.to_lowercase()))
            .bind(&change.handle)
            .bind(change.bio.is_some())
            .bind(change.bio.clone().flatten())
            .fetch_optional(&mut *tx)
            .await
            .map_err(lost_race)?;
            match row {
                Some(row) => Some((UserRow::from_row(&row)?, row.try_get::<i64, _>("version")?)),
                None => None,
            }
        });
        found
            .map(|(user, version)| Ok((user.into_user()?, version)))
            .transpose()
    }

    /// Those of a user's conversations in which everybody hears of everybody.
    pub async fn small_conversations(
        &self,
        id: &UserId,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let ids: Vec<Uuid> = read!(self, |Db, pool| sqlx::query_scalar(
            "SELECT c.id FROM members m JOIN conversations c ON c.id = m.conversation_id
             WHERE m.user_id = $1 AND m.left_at IS NULL AND c.member_count <= $2",
        )
        .bind(id.as_str())
        .bind(BIG_ROOM_MEMBERS as i64)
        .fetch_all(pool)
        .await?);
        Ok(ids.into_iter().map(ConversationId).collect())
    }

    /// How many users there are.
    pub async fn user_count(&self) -> Result<i64, StoreError> {
        Ok(read!(self, |Db, pool| sqlx::query_scalar(
            "SELECT COUNT(*) FROM users"
        )
        .fetch_one(pool)
        .await?))
    }
}

fn taken(handle: bool) -> StoreError {
    let (code, detail) = if handle {
        (Code::HandleTaken, "somebody else has this handle")
    } else {
        (Code::EmailTaken, "somebody else has this e-mail address")
    };
    Refusal::new(code, detail).into()
}

/// Two registrations at the same instant meet at the unique index.
fn lost_race(error: sqlx::Error) -> StoreError {
    match error
        .as_database_error()
        .filter(|e| e.is_unique_violation())
    {
        // SQLite names the column, PostgreSQL the constraint; both hold the word.
        Some(database) => taken(!database.message().contains("email")),
        None => error.into(),
    }
}
