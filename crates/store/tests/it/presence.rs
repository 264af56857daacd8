//! What is asked when people come, go and write, on both engines.

use std::collections::HashMap;

use parlor_core::append::Change;
use parlor_protocol::{ConversationKind, Role, Timestamp, limits::BIG_ROOM_MEMBERS};
use parlor_testkit::Engine;
use rstest::rstest;

use crate::world::{World, conversation, item, new_user, user};

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn members_have_a_seat_and_nobody_else(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let room = world.group(1, "ada", &["grace"]).await;
    let seat = async |name: &str, id| world.store.seat(&user(name), id).await.expect("asked");
    let ada = seat("ada", room).await.expect("a seat");
    assert_eq!(
        (ada.kind, ada.role, ada.member_count),
        (ConversationKind::Group, Role::Owner, 2)
    );
    assert_eq!(
        seat("grace", room).await.map(|it| it.role),
        Some(Role::Member)
    );
    assert_eq!(seat("linus", room).await, None);
    assert_eq!(seat("ada", conversation(99)).await, None);
    let leave = Change::RemoveMember {
        user_id: user("grace"),
    };
    world
        .does(item(room, "grace", 1, leave))
        .await
        .expect("left");
    assert_eq!(seat("grace", room).await, None);
    assert_eq!(seat("ada", room).await.map(|it| it.member_count), Some(1));
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn people_share_what_both_are_in(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let room = world.group(1, "ada", &["grace"]).await;
    let sharing = async |name: &str| {
        let people = ["ada", "grace", "linus", "nobody"].map(user);
        let found = world.store.sharing(&user(name), &people).await;
        let mut found = found.expect("asked");
        found.sort_unstable();
        found
    };
    assert_eq!(sharing("ada").await, [user("ada"), user("grace")]);
    assert_eq!(sharing("linus").await, []);
    let people = ["ada", "linus"].map(user);
    let rooms = async || world.store.rooms_of(&people).await.expect("asked");
    assert_eq!(rooms().await[&user("ada")], [room]);
    assert!(rooms().await.get(&user("linus")).is_none_or(Vec::is_empty));
    let leave = Change::RemoveMember {
        user_id: user("grace"),
    };
    world
        .does(item(room, "grace", 1, leave))
        .await
        .expect("left");
    assert_eq!(sharing("grace").await, []);
    assert!(
        rooms().await.get(&user("ada")).is_none_or(Vec::is_empty),
        "nobody else is there"
    );
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn a_big_room_is_no_room_to_be_seen_in(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let names: Vec<String> = (1..BIG_ROOM_MEMBERS).map(|n| format!("p{n}")).collect();
    for name in &names {
        world
            .store
            .create_user(&new_user(name), None)
            .await
            .expect("made");
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let room = world.group(1, "ada", &names).await;
    let ada = [user("ada")];
    let rooms = world.store.rooms_of(&ada).await.expect("asked");
    assert_eq!(rooms[&ada[0]], [room], "with 200 members");
    let add = Change::AddMembers {
        user_ids: vec![user("grace")],
        role: Role::Member,
    };
    world.does(item(room, "ada", 1, add)).await.expect("added");
    let rooms = world.store.rooms_of(&ada).await.expect("asked");
    assert!(rooms.get(&ada[0]).is_none_or(Vec::is_empty), "with 201");
    let sharing = world.store.sharing(&ada[0], &[user("grace")]).await;
    assert_eq!(sharing.expect("asked"), [user("grace")]);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn the_last_moment_is_kept(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let keep = async |seen: &[(&str, i64)]| {
        let seen = seen.iter().map(|(name, at)| (user(name), Timestamp(*at)));
        let seen: Vec<_> = seen.collect();
        world.store.keep_last_seen(&seen).await.expect("kept");
    };
    keep(&[]).await;
    keep(&[("grace", 5), ("ada", 7)]).await;
    keep(&[("ada", 6), ("grace", 9)]).await;
    let people = ["ada", "grace", "linus"].map(user);
    let seen = world.store.last_seen(&people).await.expect("asked");
    let expected = HashMap::from([(user("ada"), Timestamp(7)), (user("grace"), Timestamp(9))]);
    assert_eq!(seen, expected);
}
