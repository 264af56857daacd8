//! What whoever comes back needs first: where they belong, and whether anything has changed.
//!
//! Most who come back missed nothing. They are told so by one statement and not by four.

use std::sync::LazyLock;

use parlor_protocol::{ConversationId, User, UserId};
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use crate::{
    Position, Store, StoreError,
    engine::{Dialect, Pools, read},
    rows::UserRow,
};

/// How a user stands against a position.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Where a reader stood when this was read.
    pub position: Position,
    /// The user, and their change counter.
    pub user: User,
    /// Of their own stream.
    pub user_version: i64,
    /// Whether a conversation of theirs has changed since, or is gone from them.
    pub has_changed: bool,
}

const IDS: &str = "SELECT conversation_id FROM members WHERE user_id = $1 AND left_at IS NULL";

/// The user's row, and whether anything of theirs has changed since `$2`.
const USER: &str =
    "SELECT u.id, u.handle, u.name, u.email, u.bio, u.avatar_url, u.created_at, u.version,
    EXISTS (SELECT 1 FROM members me JOIN conversations c ON c.id = me.conversation_id
            WHERE me.user_id = u.id
              AND (CASE WHEN me.left_at IS NOT NULL OR (me.hidden AND me.cleared_seq >= c.last_seq)
                        THEN me.tick ELSE c.tick END) >= $2) AS has_changed, ";

fn statement<Db: Dialect>() -> String {
    format!(
        "{USER}{} AS next, {} AS horizon FROM users u WHERE u.id = $1",
        Db::POSITION,
        Db::HORIZON
    )
}

impl Store {
    /// The ids of all conversations that a user is in, to join their topics.
    pub async fn conversation_ids(
        &self,
        user_id: &UserId,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let ids: Vec<Uuid> = match &self.pools {
            Pools::Sqlite { quick, .. } => {
                let user_id = user_id.clone();
                let ask = move |connection: &rusqlite::Connection| {
                    let mut select = connection.prepare_cached(IDS)?;
                    let ids = select.query_map([user_id.as_str()], |row| row.get(0))?;
                    Ok(ids.collect::<Result<_, _>>()?)
                };
                quick.ask_here(ask).await?
            }
            Pools::Postgres { readers, .. } => {
                sqlx::query_scalar(IDS)
                    .bind(user_id.as_str())
                    .fetch_all(readers)
                    .await?
            }
        };
        Ok(ids.into_iter().map(ConversationId).collect())
    }

    /// How a user stands against a position; `None` when there is no such user.
    pub async fn standing(
        &self,
        user_id: &UserId,
        since: i64,
    ) -> Result<Option<Standing>, StoreError> {
        if let Pools::Sqlite { quick, .. } = &self.pools {
            let user_id = user_id.clone();
            return quick
                .ask_here(move |connection| quickly(connection, &user_id, since))
                .await;
        }
        let row = read!(self, |Db, pool| {
            let mut query = QueryBuilder::<Db>::new(statement::<Db>());
            let query = query.build().bind(user_id.as_str()).bind(since);
            match query.fetch_optional(pool).await? {
                Some(row) => Some((
                    <UserRow as sqlx::FromRow<'_, _>>::from_row(&row)?,
                    row.try_get("version")?,
                    row.try_get("has_changed")?,
                    row.try_get("next")?,
                    row.try_get("horizon")?,
                )),
                None => None,
            }
        });
        row.map(standing).transpose()
    }
}

fn quickly(
    connection: &rusqlite::Connection,
    user_id: &UserId,
    since: i64,
) -> Result<Option<Standing>, StoreError> {
    use rusqlite::OptionalExtension as _;

    // To SQLite itself `$1` is a name; the number is `?1`.
    static STATEMENT: LazyLock<String> =
        LazyLock::new(|| statement::<sqlx::Sqlite>().replace('$', "?"));
    let row = connection
        .prepare_cached(&STATEMENT)?
        .query_row(rusqlite::params![user_id.as_str(), since], |row| {
            Ok((
                UserRow::from_sqlite(row)?,
                row.get("version")?,
                row.get("has_changed")?,
                row.get("next")?,
                row.get("horizon")?,
            ))
        })
        .optional()?;
    row.map(standing).transpose()
}

fn standing(
    (user, user_version, has_changed, next, horizon): (UserRow, i64, bool, i64, i64),
) -> Result<Standing, StoreError> {
    Ok(Standing {
        position: Position { next, horizon },
        user: user.into_user()?,
        user_version,
        has_changed,
    })
}
