//! Whoever missed nothing is told so by one statement: it must say what the long way would say.

use parlor_core::append::Change;
use parlor_testkit::{Engine, Random};
use rstest::rstest;

use crate::world::{World, item, send, user};

/// Whether the statements of a sync find anything.
async fn finds(world: &World, name: &str, since: i64) -> bool {
    let (store, user) = (&world.store, user(name));
    let changes = store.changes(&user, since, None, 50).await;
    let changes = changes.expect("asked");
    !changes.conversations.is_empty() || !changes.removed.is_empty()
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn it_says_what_a_sync_would_find(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let people = ["ada", "grace", "linus"];
    let talks = [
        world.group(1, "ada", &["grace", "linus"]).await,
        world.group(2, "grace", &["linus"]).await,
    ];
    let mut random = Random::seeded(7);
    let mut positions = vec![world.store.position().await.expect("asked").horizon];
    for n in 0..60 {
        let talk = *random.pick(&talks);
        let actor = *random.pick(&people);
        let change = match random.between(0, 5) {
            0 => Change::Hide,
            1 => Change::RemoveMember {
                user_id: user(actor),
            },
            2 => Change::AddMembers {
                user_ids: vec![user(random.pick::<&str>(&people))],
                role: parlor_protocol::Role::Owner,
            },
            _ => {
                // Refused or not, both ways must agree on what it came to.
                drop(world.does(send(n, talk, actor, None, "news")).await);
                continue;
            }
        };
        drop(world.does(item(talk, actor, n as i64, change)).await);
        positions.push(world.store.position().await.expect("asked").horizon);
        for name in people {
            for since in &positions {
                let standing = world.store.standing(&user(name), *since).await;
                let standing = standing.expect("asked").expect("a user");
                assert_eq!(standing.user.id, user(name));
                let found = finds(&world, name, *since).await;
                assert_eq!(
                    standing.has_changed, found,
                    "{name} since {since}, step {n}"
                );
            }
        }
    }
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn nobody_stands_nowhere(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let standing = world.store.standing(&user("nobody"), 0).await;
    assert!(standing.expect("asked").is_none());
}

/// Whoever copies the file of a stopped server copies everything.
#[tokio::test]
async fn a_closed_store_leaves_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("one.db");
    let config = parlor_store::StoreConfig {
        database: parlor_store::Database::Sqlite(path.clone()),
        connections_max: 2,
    };
    let store = parlor_store::Store::open(&config).await.expect("opens");
    store.mark_demo().await.expect("written");
    assert!(path.with_extension("db-wal").exists());
    store.close().await;
    assert!(!path.with_extension("db-wal").exists());
}
