//! What a conversation is called, who is what in it, and each member's own side, on both engines.

use parlor_core::{
    append::{Change, Event},
    conversation::decide_change,
};
use parlor_protocol::{ChangeConversation, Code, ConversationId, Role, Timestamp};
use parlor_store::ListFilter;
use parlor_testkit::Engine;
use rstest::rstest;
use serde_json::json;

use crate::world::{World, item, user};

fn change(body: serde_json::Value) -> Change {
    let body: ChangeConversation = serde_json::from_value(body).expect("a body");
    Change::Settings(decide_change(body).expect("good"))
}

fn set_role(name: &str, role: Role) -> Change {
    Change::SetRole {
        user_id: user(name),
        role,
    }
}

async fn role(world: &World, id: ConversationId, name: &str) -> Option<Role> {
    let member = world.store.member(id, &user(name)).await.expect("asked");
    member.map(|member| member.role)
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn what_is_absent_stays_and_a_search_finds_the_new_name(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.group(1, "ada", &["grace"]).await;
    let told = world
        .announces(item(
            id,
            "ada",
            1,
            change(json!({"label": "home", "metadata": {"a": 1}})),
        ))
        .await;
    let Some(Event::Settings {
        settings, version, ..
    }) = told.first()
    else {
        panic!("{told:?}");
    };
    assert_eq!(
        (
            settings.title.as_deref(),
            settings.label.as_deref(),
            *version
        ),
        (Some("Talk 1"), Some("home"), 2)
    );
    let renamed = change(json!({"title": "Kitchen", "label": null}));
    world
        .does(item(id, "ada", 2, renamed.clone()))
        .await
        .expect("done");
    // The same again is no change.
    assert!(
        world
            .announces(item(id, "ada", 3, renamed))
            .await
            .is_empty()
    );
    let found = world.store.conversation(&user("grace"), id).await;
    let summary = found.expect("read").expect("a member").summary;
    assert_eq!(summary.title.as_deref(), Some("Kitchen"));
    assert_eq!(summary.label, None);
    assert_eq!(summary.metadata.get("a"), Some(&json!(1)));
    assert_eq!((summary.version, summary.updated_at), (3, Timestamp(5002)));
    let filter = ListFilter {
        query: Some("kitch".into()),
        ..ListFilter::default()
    };
    let listed = world.store.conversations(&user("grace"), &filter, 9).await;
    assert_eq!(listed.expect("listed").len(), 1);
    let refused = world
        .does(item(id, "grace", 4, change(json!({"title": "Mine"}))))
        .await;
    assert_eq!(refused.expect_err("a member").code, Code::Forbidden);
    let refused = world
        .does(item(id, "linus", 5, change(json!({"title": "Mine"}))))
        .await;
    assert_eq!(refused.expect_err("a stranger").code, Code::NotFound);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn somebody_always_owns_it(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.group(1, "ada", &["grace", "linus"]).await;
    let does = async |who: &str, change| world.does(item(id, who, 0, change)).await.map(drop);
    let code = |done: Result<(), parlor_core::Refusal>| done.expect_err("refused").code;
    assert_eq!(
        code(does("ada", set_role("ada", Role::Member)).await),
        Code::LastOwner
    );
    assert_eq!(
        code(does("grace", set_role("grace", Role::Admin)).await),
        Code::Forbidden
    );
    does("ada", set_role("grace", Role::Admin))
        .await
        .expect("promoted");
    assert_eq!(
        code(does("grace", set_role("linus", Role::Admin)).await),
        Code::Forbidden
    );
    assert_eq!(
        code(does("ada", set_role("mary", Role::Admin)).await),
        Code::NotFound
    );
    // Handed over: the other one owns it, then the first steps down and leaves.
    does("ada", set_role("grace", Role::Owner))
        .await
        .expect("handed over");
    does("ada", set_role("ada", Role::Member))
        .await
        .expect("stepped down");
    assert_eq!(role(&world, id, "ada").await, Some(Role::Member));
    assert_eq!(
        code(does("ada", set_role("grace", Role::Member)).await),
        Code::Forbidden
    );
    let leaves = |name: &str| Change::RemoveMember {
        user_id: user(name),
    };
    does("ada", leaves("ada")).await.expect("left");
    assert_eq!(role(&world, id, "ada").await, None);
    assert_eq!(code(does("grace", leaves("grace")).await), Code::LastOwner);
    // Two owners remove each other at once: one of them is there no more.
    does("grace", set_role("linus", Role::Owner))
        .await
        .expect("another owner");
    let first = world.queues(item(id, "grace", 0, leaves("linus")));
    let second = world.queues(item(id, "linus", 0, leaves("grace")));
    world.ends(first).await.expect("removed");
    assert_eq!(
        world.ends(second).await.expect_err("gone").code,
        Code::NotFound
    );
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn ones_own_side_is_nobody_elses(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.group(1, "ada", &["grace"]).await;
    let own = |muted_until, pinned, archived| Change::Own {
        muted_until,
        pinned,
        archived,
    };
    let muted = own(Some(Some(Timestamp(9_000))), Some(true), None);
    let told = world.announces(item(id, "ada", 0, muted.clone())).await;
    assert!(
        matches!(told.as_slice(), [Event::Membership { me, .. }] if me.pinned),
        "{told:?}"
    );
    assert!(world.announces(item(id, "ada", 0, muted)).await.is_empty());
    let me = async |name: &str| {
        let found = world.store.conversation(&user(name), id).await;
        found.expect("read").expect("a member").me
    };
    let mine = me("ada").await;
    assert_eq!(
        (mine.muted_until, mine.pinned, mine.archived),
        (Some(Timestamp(9_000)), true, false)
    );
    assert!(!me("grace").await.pinned);
    let ended = own(Some(None), None, Some(true));
    world.does(item(id, "ada", 0, ended)).await.expect("done");
    let mine = me("ada").await;
    assert_eq!(
        (mine.muted_until, mine.pinned, mine.archived),
        (None, true, true)
    );
    let archived = |archived| ListFilter {
        archived: Some(archived),
        ..ListFilter::default()
    };
    for (wanted, count) in [(true, 1), (false, 0)] {
        let listed = world
            .store
            .conversations(&user("ada"), &archived(wanted), 9)
            .await;
        assert_eq!(listed.expect("listed").len(), count);
    }
}
