//! The schema's steps, embedded: one folder for each engine, the same numbers in both.
//!
//! A step that has run anywhere is never changed; what is new goes into the next one.

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// A step's number, name and SQL.
type Step = (i64, &'static str, &'static str);

const SQLITE: &[Step] = &[
    (
        1,
        "start",
        include_str!("../migrations/sqlite/0001_start.sql"),
    ),
    (
        2,
        "ticks",
        include_str!("../migrations/sqlite/0002_ticks.sql"),
    ),
    (
        3,
        "host_users",
        include_str!("../migrations/sqlite/0003_host_users.sql"),
    ),
    (
        4,
        "message_counts",
        include_str!("../migrations/sqlite/0004_message_counts.sql"),
    ),
    (
        5,
        "links",
        include_str!("../migrations/sqlite/0005_links.sql"),
    ),
    (
        6,
        "last_seen",
        include_str!("../migrations/sqlite/0006_last_seen.sql"),
    ),
    (
        7,
        "members_joined",
        include_str!("../migrations/sqlite/0007_members_joined.sql"),
    ),
];

const POSTGRES: &[Step] = &[
    (
        1,
        "start",
        include_str!("../migrations/postgres/0001_start.sql"),
    ),
    (
        2,
        "ticks",
        include_str!("../migrations/postgres/0002_ticks.sql"),
    ),
    (
        3,
        "host_users",
        include_str!("../migrations/postgres/0003_host_users.sql"),
    ),
    (
        4,
        "message_counts",
        include_str!("../migrations/postgres/0004_message_counts.sql"),
    ),
    (
        5,
        "links",
        include_str!("../migrations/postgres/0005_links.sql"),
    ),
    (
        6,
        "last_seen",
        include_str!("../migrations/postgres/0006_last_seen.sql"),
    ),
    (
        7,
        "members_joined",
        include_str!("../migrations/postgres/0007_members_joined.sql"),
    ),
];

pub(crate) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

pub(crate) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

fn migrator(steps: &[Step]) -> Migrator {
    let migrations = steps.iter().map(|&(version, name, sql)| {
        Migration::new(
            version,
            name.into(),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_have_the_same_steps_in_order() {
        let names = |steps: &[Step]| {
            steps
                .iter()
                .map(|&(version, name, _)| (version, name))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(SQLITE), names(POSTGRES));
        assert!(
            SQLITE
                .iter()
                .zip(1..)
                .all(|(step, number)| step.0 == number)
        );
    }

    /// A history from before messages were counted has counts of its full blocks, and of no other.
    #[tokio::test]
    async fn a_history_from_before_is_counted() {
        let pool = sqlx::sqlite::SqlitePoolOptions::new()
            .max_connections(1)
            .connect("sqlite::memory:")
            .await
            .expect("opened");
        migrator(&SQLITE[..3]).run(&pool).await.expect("begun");
        for statement in [
            "INSERT INTO users (id, handle, name, name_lower, created_at)
             VALUES ('ada', 'ada', 'Ada', 'ada', 0), ('grace', 'grace', 'Grace', 'grace', 0)",
            "INSERT INTO conversations (id, kind, search_lower, metadata, created_at, updated_at, active_at, last_seq, version, member_count)
             VALUES (x'01', 'group', '', '{}', 0, 0, 0, 1100, 1101, 2), (x'02', 'group', '', '{}', 0, 0, 0, 511, 512, 2)",
            "WITH RECURSIVE n (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < 1100)
             INSERT INTO messages (conversation_id, seq, id, version, sender_id, kind, content, created_at, deleted_at)
             SELECT c.id, seq, c.id || randomblob(15), seq, CASE WHEN seq % 3 = 0 THEN 'ada' ELSE 'grace' END, 'text', '', 0,
                    CASE WHEN seq % 10 = 0 THEN 1 END
             FROM n JOIN conversations c ON seq <= c.last_seq",
        ] {
            sqlx::query(statement)
                .execute(&pool)
                .await
                .expect("filled");
        }
        sqlite().run(&pool).await.expect("finished");
        let counts: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT sender_id, block, count FROM message_counts WHERE conversation_id = x'01' ORDER BY block, sender_id",
        )
        .fetch_all(&pool)
        .await
        .expect("read");
        let counted = |block: i64, counts: fn(i64) -> bool| {
            let places = block * 512 + 1..=block * 512 + 512;
            places.filter(|seq| seq % 10 != 0 && counts(*seq)).count() as i64
        };
        let expected: Vec<(String, i64, i64)> = (0..2)
            .flat_map(|block| {
                [
                    (String::new(), block, counted(block, |_| true)),
                    ("ada".to_owned(), block, counted(block, |seq| seq % 3 == 0)),
                    (
                        "grace".to_owned(),
                        block,
                        counted(block, |seq| seq % 3 != 0),
                    ),
                ]
            })
            .collect();
        assert_eq!(counts, expected);
        let all: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM message_counts")
            .fetch_one(&pool)
            .await
            .expect("counted");
        assert_eq!(all, 6, "no block of the other one is full");
    }
}
