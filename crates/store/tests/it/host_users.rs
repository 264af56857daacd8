//! Users of the host app: recognised, made, brought up to date.

use parlor_core::host::HostUser;
use parlor_protocol::Timestamp;
use parlor_store::{HostStanding, Store};
use parlor_testkit::Engine;
use rstest::rstest;

use crate::world::{World, user};

fn host_user(id: &str, name: &str) -> HostUser {
    HostUser::new(user(id), Some(name), None, None, "x1y2z3")
}

async fn standing(store: &Store, user: &HostUser) -> HostStanding {
    let standings = store.host_standings(std::slice::from_ref(user)).await;
    standings.expect("asked")[0]
}

/// Who was made.
async fn admit(store: &Store, new: &[HostUser], changed: &[HostUser]) -> Vec<String> {
    let made = store.admit_host_users(new, changed, Timestamp(7)).await;
    let mut made: Vec<String> = made
        .expect("stored")
        .iter()
        .map(ToString::to_string)
        .collect();
    made.sort();
    made
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn they_are_made_together_and_recognised(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let store = &world.store;
    let new = [host_user("h|1", "One"), host_user("h|2", "Two")];
    let standings = store.host_standings(&new).await.expect("asked");
    assert_eq!(standings, [HostStanding::New, HostStanding::New]);
    assert_eq!(admit(store, &new, &[]).await, ["h|1", "h|2"]);
    let one = store.user(&user("h|1")).await.expect("asked");
    let one = one.expect("found");
    assert_eq!(
        (one.handle.as_str(), one.name.as_str(), one.created_at),
        ("h-1", "One", Timestamp(7))
    );
    let mixed = [
        host_user("ada", "One"),
        host_user("h|3", "Three"),
        host_user("h|2", "Second"),
        host_user("h|1", "One"),
    ];
    assert_eq!(
        store.host_standings(&mixed).await.expect("asked"),
        [
            HostStanding::Foreign,
            HostStanding::New,
            HostStanding::Changed,
            HostStanding::Same
        ]
    );
    let found = store.find_users(&user("ada"), Some("two"), None, 5).await;
    assert_eq!(found.expect("asked").len(), 1, "by name");
    assert_eq!(admit(store, &[], &mixed[2..3]).await, [""; 0]);
    assert_eq!(standing(store, &mixed[2]).await, HostStanding::Same);
    let found = store
        .find_users(&user("ada"), Some("second"), None, 5)
        .await;
    assert_eq!(found.expect("asked").len(), 1, "by the new name");
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn handles_and_addresses_have_one_owner(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let store = &world.store;
    let with_email =
        |id: &str, email: &str| HostUser::new(user(id), Some("Name"), None, Some(email), "x1y2z3");
    // The handle "ada" and her address are those of an account that has been there before.
    let new = [
        with_email("Ada", "ada@example.org"),
        with_email("a|b", "both@example.org"),
        with_email("A|B", "both@example.org"),
        with_email("a:b", "third@example.org"),
    ];
    assert_eq!(
        admit(store, &new, &[]).await,
        ["Ada", "A|B", "a|b"],
        "no handle was left for a:b"
    );
    let stored = async |id: &str| {
        let found = store.user(&user(id)).await.expect("asked");
        let found = found.expect("found");
        (found.handle, found.email)
    };
    assert_eq!(stored("Ada").await, ("ada-x1y2z3".to_owned(), None));
    let both = Some("both@example.org".to_owned());
    assert_eq!(stored("a|b").await, ("a-b".to_owned(), both.clone()));
    assert_eq!(stored("A|B").await, ("a-b-x1y2z3".to_owned(), None));
    // Whoever is not made is tried again with another suffix.
    let again = HostUser::new(user("a:b"), None, None, None, "other");
    assert_eq!(admit(store, &[again], &[]).await, ["a:b"]);
    assert_eq!(stored("a:b").await.0, "a-b-other");
    // An address that is another's does not come by a change either.
    admit(store, &[], &[with_email("A|B", "both@example.org")]).await;
    assert_eq!(stored("A|B").await.1, None);
    admit(store, &[], &[with_email("A|B", "own@example.org")]).await;
    assert_eq!(stored("A|B").await.1.as_deref(), Some("own@example.org"));
    // An account of Parlor's own is not changed, whoever asks for it.
    admit(store, &[], &[host_user("grace", "Mallory")]).await;
    let grace = store.user(&user("grace")).await.expect("asked");
    assert_eq!(grace.expect("found").name, "grace the person");
    // Nor made once more.
    assert_eq!(admit(store, &[host_user("grace", "x")], &[]).await, [""; 0]);
}
