//! What the engine itself can do with the rows of messages: the floor that a benchmark stands on.
//!
//! The rows are those of a load: as many conversations, as many senders, the next `seq` of each in
//! turn, so that they go to the same places of the same indexes. And they go the way that the
//! appender's rows go: on SQLite over its own connection, on PostgreSQL in one statement a commit.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use rusqlite::{Connection, TransactionBehavior, params};
use sqlx::postgres::PgBindIterExt as _;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    engine::{Pools, write},
};

/// One array a column, as the appender's rows go, so that the text is the same for any number of rows.
const INSERT_POSTGRES: &str = "
    INSERT INTO messages (conversation_id, seq, id, version, sender_id, client_id, kind, content, created_at, tick, body_hash)
    SELECT v.conversation_id, v.seq, v.id, v.seq + 1, v.sender_id, v.client_id, 'text', $7, v.number, 1, v.number
    FROM UNNEST($1::UUID[], $2::BIGINT[], $3::UUID[], $4::TEXT[], $5::TEXT[], $6::BIGINT[])
        AS v (conversation_id, seq, id, sender_id, client_id, number)";

/// Conversations with one sender each, and how many of their rows are committed.
#[derive(Debug)]
pub struct RawRows {
    store: Store,
    talks: Vec<Talk>,
    rows: usize,
}

/// What was committed, and how long each commit took.
#[derive(Debug, Clone)]
pub struct RawCommits {
    /// Rows of messages.
    pub rows: usize,
    /// From the first commit to the end of the last.
    pub took: Duration,
    /// A commit in the middle of all.
    pub middle: Duration,
}

#[derive(Debug, Clone)]
struct Talk {
    conversation: Uuid,
    sender: String,
}

/// A row as it is stored.
struct RawRow<'a> {
    talk: &'a Talk,
    seq: i64,
    id: Uuid,
    client_id: String,
    number: i64,
}

impl Store {
    /// Makes so many conversations with a sender each, for a database that is thrown away afterwards.
    pub async fn raw_rows(&self, conversations: usize) -> Result<RawRows, StoreError> {
        let talks: Vec<Talk> = (0..conversations)
            .map(|number| Talk {
                conversation: Uuid::now_v7(),
                // As long as the ids that a load gives its people.
                sender: format!("{}-{number}", Uuid::now_v7().simple()),
            })
            .collect();
        write!(self, |Db, tx| {
            for talk in &talks {
                sqlx::query(
                    "INSERT INTO users (id, handle, name, name_lower, created_at) VALUES ($1, $1, 'floor', 'floor', 0)",
                )
                .bind(&talk.sender)
                .execute(&mut *tx)
                .await?;
                sqlx::query(
                    "INSERT INTO conversations (id, kind, search_lower, metadata, created_at, updated_at, active_at, last_seq, version, member_count)
                     VALUES ($1, 'group', '', '{}', 0, 0, 0, 0, 1, 1)",
                )
                .bind(talk.conversation)
                .execute(&mut *tx)
                .await?;
            }
        });
        Ok(RawRows {
            store: self.clone(),
            talks,
            rows: 0,
        })
    }
}

impl RawRows {
    /// Commits rows with this text, `batch_rows` at a time, for as long as told, and nothing else: no
    /// queue, no locks, no checks.
    pub async fn commit(
        &mut self,
        batch_rows: usize,
        text: &str,
        lasting: Duration,
    ) -> Result<RawCommits, StoreError> {
        let begun = Instant::now();
        let commits = match &self.store.pools {
            Pools::Sqlite {
                appending, turns, ..
            } => {
                let _turn = turns.take().await?;
                let (talks, first, text) = (self.talks.clone(), self.rows, text.to_owned());
                appending
                    .run(move |connection| {
                        repeated(first, batch_rows, lasting, |rows| {
                            insert_sqlite(connection, &talks, rows, &text)
                        })
                    })
                    .await??
            }
            Pools::Postgres { .. } => self.commit_postgres(batch_rows, text, lasting).await?,
        };
        self.rows += commits.len() * batch_rows;
        Ok(RawCommits {
            rows: commits.len() * batch_rows,
            took: begun.elapsed(),
            middle: middle(commits),
        })
    }

    async fn commit_postgres(
        &self,
        batch_rows: usize,
        text: &str,
        lasting: Duration,
    ) -> Result<Vec<Duration>, StoreError> {
        let Pools::Postgres { writers, .. } = &self.store.pools else {
            return Ok(Vec::new());
        };
        let begun = Instant::now();
        let mut commits = Vec::new();
        while begun.elapsed() < lasting {
            let first = self.rows + commits.len() * batch_rows;
            let one = Instant::now();
            let rows: Vec<_> = rows(&self.talks, first..first + batch_rows).collect();
            let mut transaction = writers.begin().await?;
            sqlx::query(INSERT_POSTGRES)
                .bind(rows.iter().map(|row| row.talk.conversation).bind_iter())
                .bind(rows.iter().map(|row| row.seq).bind_iter())
                .bind(rows.iter().map(|row| row.id).bind_iter())
                .bind(rows.iter().map(|row| row.talk.sender.as_str()).bind_iter())
                .bind(rows.iter().map(|row| row.client_id.as_str()).bind_iter())
                .bind(rows.iter().map(|row| row.number).bind_iter())
                .bind(text)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            commits.push(one.elapsed());
        }
        Ok(commits)
    }
}

/// Commits batches for as long as told, from this row on. How long each took.
fn repeated(
    first: usize,
    batch_rows: usize,
    lasting: Duration,
    mut commit: impl FnMut(Range<usize>) -> rusqlite::Result<()>,
) -> Result<Vec<Duration>, StoreError> {
    let begun = Instant::now();
    let mut commits = Vec::new();
    while begun.elapsed() < lasting {
        let first = first + commits.len() * batch_rows;
        let one = Instant::now();
        commit(first..first + batch_rows)?;
        commits.push(one.elapsed());
    }
    Ok(commits)
}

fn insert_sqlite(
    connection: &mut Connection,
    talks: &[Talk],
    wanted: Range<usize>,
    text: &str,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO messages (conversation_id, seq, id, version, sender_id, client_id, kind, content, created_at, tick, body_hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'text', ?7, ?8, ?9, ?10)",
        )?;
        for raw in rows(talks, wanted) {
            insert.execute(params![
                raw.talk.conversation,
                raw.seq,
                raw.id,
                raw.seq + 1,
                raw.talk.sender,
                raw.client_id,
                text,
                raw.number,
                1_i64,
                raw.number,
            ])?;
        }
    }
    transaction.commit()
}

/// The rows with these numbers: each conversation's next message in turn.
fn rows(talks: &[Talk], wanted: Range<usize>) -> impl Iterator<Item = RawRow<'_>> {
    wanted.map(|number| {
        let seq = (number / talks.len() + 1) as i64;
        RawRow {
            talk: &talks[number % talks.len()],
            seq,
            id: Uuid::now_v7(),
            client_id: seq.to_string(),
            number: number as i64,
        }
    })
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
