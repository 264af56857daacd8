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
}
