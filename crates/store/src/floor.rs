//! What the engine itself can do with the rows of messages: the floor that a benchmark stands on.

use std::time::{Duration, Instant};

use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::{Store, StoreError, engine::write};

impl Store {
    /// Commits rows of messages as they are stored, `batch_rows` at a time, for as long as told, and
    /// nothing else: no queue, no locks, no checks. Answers how many rows, and how long a commit took
    /// in the middle. For an empty database that is thrown away afterwards.
    pub async fn raw_commits(
        &self,
        batch_rows: usize,
        text: &str,
        lasting: Duration,
    ) -> Result<(usize, Duration), StoreError> {
        let conversation = Uuid::now_v7();
        let user = Uuid::now_v7().to_string();
        write!(self, |Db, tx| {
            sqlx::query(
                "INSERT INTO users (id, handle, name, name_lower, created_at) VALUES ($1, $1, 'floor', 'floor', 0)",
            )
            .bind(&user)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "INSERT INTO conversations (id, kind, search_lower, metadata, created_at, updated_at, active_at, last_seq, version, member_count)
                 VALUES ($1, 'group', '', '{}', 0, 0, 0, 0, 1, 1)",
            )
            .bind(conversation)
            .execute(&mut *tx)
            .await?;
        });
        let started = Instant::now();
        let mut rows = 0;
        let mut times = Vec::new();
        while started.elapsed() < lasting {
            let begun = Instant::now();
            write!(self, |Db, tx| {
                let mut insert = QueryBuilder::<Db>::new(
                    "INSERT INTO messages (conversation_id, seq, id, version, sender_id, client_id, kind, content, created_at, tick, body_hash) ",
                );
                insert.push_values(rows..rows + batch_rows, |mut row, n| {
                    row.push_bind(conversation)
                        .push_bind(n as i64 + 1)
                        .push_bind(Uuid::now_v7())
                        .push_bind(n as i64 + 2)
                        .push_bind(user.as_str())
                        .push_bind(format!("m{n}"));
                    row.push("'text'")
                        .push_bind(text)
                        .push_bind(n as i64)
                        .push_bind(1_i64)
                        .push_bind(n as i64);
                });
                insert.build().execute(&mut *tx).await?;
            });
            rows += batch_rows;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let middle = times.get(times.len() / 2).copied().unwrap_or_default();
        Ok((rows, middle))
    }
}
