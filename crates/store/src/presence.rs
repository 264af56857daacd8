//! What is asked when people come, go and write: where they sit, whom they share a conversation with,
//! when they were last seen. Asked often and in numbers, so each question is one statement.

use std::collections::HashMap;

use parlor_protocol::{
    ConversationId, ConversationKind, Role, Timestamp, UserId, limits::BIG_ROOM_MEMBERS,
};
use rusqlite::OptionalExtension as _;
use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    engine::{Pools, write},
    rows,
};

/// Members of the largest conversation in which others hear of somebody unasked.
const MEMBERS_MAX: i64 = BIG_ROOM_MEMBERS as i64;
/// Rows of one statement that writes.
const ROWS_MAX: usize = 500;

/// What somebody is in a conversation, and how large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// Of the conversation.
    pub kind: ConversationKind,
    /// Of the member.
    pub role: Role,
    /// How many members there are.
    pub member_count: i64,
}

// To SQLite itself `$1` is a name; names get their numbers in the order in which they stand.

const SEAT: &str = "SELECT c.kind, m.role, c.member_count FROM members m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.conversation_id = $1 AND m.user_id = $2 AND m.left_at IS NULL";

/// Where others hear of `$1`: there are some, and not more than `$2`.
const ROOMS_OF_ONE: &str =
    "SELECT m.conversation_id FROM members m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.user_id = $1 AND m.left_at IS NULL AND c.member_count > 1 AND c.member_count <= $2";

const ROOMS: &str = "SELECT m.user_id, m.conversation_id FROM members m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.user_id = ANY($1) AND m.left_at IS NULL AND c.member_count > 1 AND c.member_count <= $2";

const SHARES: &str = "SELECT EXISTS (SELECT 1
    FROM members me JOIN members other ON other.conversation_id = me.conversation_id
    WHERE me.user_id = $1 AND me.left_at IS NULL AND other.user_id = $2 AND other.left_at IS NULL)";

const SHARING: &str = "SELECT them.id FROM UNNEST($2) AS them(id) WHERE EXISTS (SELECT 1
    FROM members me JOIN members other ON other.conversation_id = me.conversation_id
    WHERE me.user_id = $1 AND me.left_at IS NULL AND other.user_id = them.id AND other.left_at IS NULL)";

impl Store {
    /// What somebody is in a conversation; `None` when they are not in it.
    pub async fn seat(
        &self,
        user_id: &UserId,
        id: ConversationId,
    ) -> Result<Option<Seat>, StoreError> {
        let row: Option<(String, String, i64)> = match &self.pools {
            Pools::Sqlite { quick, .. } => {
                let user_id = user_id.clone();
                let ask = move |connection: &rusqlite::Connection| {
                    let mut select = connection.prepare_cached(SEAT)?;
                    let row = select.query_row((id.0, user_id.as_str()), |row| row.try_into());
                    Ok(row.optional()?)
                };
                quick.ask_here(ask).await?
            }
            Pools::Postgres { readers, .. } => {
                sqlx::query_as(SEAT)
                    .bind(id.0)
                    .bind(user_id.as_str())
                    .fetch_optional(readers)
                    .await?
            }
        };
        row.map(|(kind, role, member_count)| {
            Ok(Seat {
                kind: rows::kind(&kind)?,
                role: rows::role(&role)?,
                member_count,
            })
        })
        .transpose()
    }

    /// The conversations of each of these people that are shared with others and not big.
    pub async fn rooms_of(
        &self,
        people: &[UserId],
    ) -> Result<HashMap<UserId, Vec<ConversationId>>, StoreError> {
        let mut found: HashMap<UserId, Vec<ConversationId>> = HashMap::new();
        match &self.pools {
            Pools::Sqlite { quick, .. } => {
                let people = people.to_vec();
                let ask = move |connection: &rusqlite::Connection| {
                    let mut select = connection.prepare_cached(ROOMS_OF_ONE)?;
                    for user_id in people {
                        let rooms =
                            select.query_map((user_id.as_str(), MEMBERS_MAX), |row| row.get(0))?;
                        let rooms = rooms.map(|id| Ok(ConversationId(id?)));
                        let rooms = rooms.collect::<rusqlite::Result<_>>()?;
                        found.insert(user_id, rooms);
                    }
                    Ok(found)
                };
                quick.ask(ask).await
            }
            Pools::Postgres { readers, .. } => {
                let rooms: Vec<(String, Uuid)> = sqlx::query_as(ROOMS)
                    .bind(texts(people))
                    .bind(MEMBERS_MAX)
                    .fetch_all(readers)
                    .await?;
                for (user_id, id) in rooms {
                    let rooms = found.entry(rows::user_id(&user_id)?).or_default();
                    rooms.push(ConversationId(id));
                }
                Ok(found)
            }
        }
    }

    /// Those of these people who share a conversation with somebody.
    pub async fn sharing(
        &self,
        user_id: &UserId,
        people: &[UserId],
    ) -> Result<Vec<UserId>, StoreError> {
        match &self.pools {
            Pools::Sqlite { quick, .. } => {
                let (user_id, mut people) = (user_id.clone(), people.to_vec());
                let ask = move |connection: &rusqlite::Connection| {
                    let mut select = connection.prepare_cached(SHARES)?;
                    let mut failed = Ok(());
                    people.retain(|other| {
                        let shares = (user_id.as_str(), other.as_str());
                        let shares = select.query_row(shares, |row| row.get(0));
                        shares.unwrap_or_else(|error| {
                            failed = Err(error);
                            false
                        })
                    });
                    failed?;
                    Ok(people)
                };
                quick.ask(ask).await
            }
            Pools::Postgres { readers, .. } => {
                let found: Vec<String> = sqlx::query_scalar(SHARING)
                    .bind(user_id.as_str())
                    .bind(texts(people))
                    .fetch_all(readers)
                    .await?;
                found.iter().map(|id| rows::user_id(id)).collect()
            }
        }
    }

    /// When these people were last seen, as far as anybody knows.
    pub async fn last_seen(
        &self,
        people: &[UserId],
    ) -> Result<HashMap<UserId, Timestamp>, StoreError> {
        match &self.pools {
            Pools::Sqlite { quick, .. } => {
                let people = people.to_vec();
                let ask = move |connection: &rusqlite::Connection| {
                    let mut select =
                        connection.prepare_cached("SELECT at FROM last_seen WHERE user_id = ?1")?;
                    let mut found = HashMap::new();
                    for user_id in people {
                        let at = select.query_row([user_id.as_str()], |row| row.get(0));
                        if let Some(at) = at.optional()? {
                            found.insert(user_id, Timestamp(at));
                        }
                    }
                    Ok(found)
                };
                quick.ask(ask).await
            }
            Pools::Postgres { readers, .. } => {
                let found: Vec<(String, i64)> =
                    sqlx::query_as("SELECT user_id, at FROM last_seen WHERE user_id = ANY($1)")
                        .bind(texts(people))
                        .fetch_all(readers)
                        .await?;
                let found = found.iter();
                found
                    .map(|(user_id, at)| Ok((rows::user_id(user_id)?, Timestamp(*at))))
                    .collect()
            }
        }
    }

    /// Keeps when people were last seen; an earlier moment than the known one changes nothing.
    pub async fn keep_last_seen(&self, seen: &[(UserId, Timestamp)]) -> Result<(), StoreError> {
        // In one order, so that two nodes do not wait for each other.
        let mut seen = seen.to_vec();
        seen.sort_unstable();
        write!(self, |Db, tx| {
            for some in seen.chunks(ROWS_MAX) {
                let mut query = QueryBuilder::<Db>::new("INSERT INTO last_seen (user_id, at) ");
                query.push_values(some, |mut row, (user_id, at)| {
                    row.push_bind(user_id.as_str()).push_bind(at.0);
                });
                query.push(
                    " ON CONFLICT (user_id) DO UPDATE SET at = excluded.at WHERE last_seen.at < excluded.at",
                );
                query.build().persistent(false).execute(&mut *tx).await?;
            }
        });
        Ok(())
    }
}

fn texts(people: &[UserId]) -> Vec<String> {
    people.iter().map(UserId::to_string).collect()
}
