//! Accounts, sessions, conversations, directory and cursors: the same on both engines.

use parlor_core::{append::Change, conversation::decide_create};
use parlor_protocol::{Code, CreateConversation, ReceiptStatus, Timestamp};
use parlor_store::{
    Appended, ListFilter, NewSession, OpenError, RefreshOutcome, Rotation, Store, StoreError,
    Window,
};
use parlor_testkit::{Engine, TestStore};
use rstest::rstest;

use crate::world::{Created, World, conversation, item, message, new_user, send, session, user};

/// An outcome in words.
fn named(outcome: RefreshOutcome) -> String {
    match outcome {
        RefreshOutcome::Rotated(user) => format!("rotated by {}", user.handle),
        RefreshOutcome::Reused(user_id) => format!("reused by {user_id}"),
        RefreshOutcome::Unknown => "unknown".to_owned(),
    }
}

fn code(result: Result<impl std::fmt::Debug, StoreError>) -> Code {
    match result {
        Err(StoreError::Refused(refusal)) => refusal.code,
        other => panic!("expected a refusal, not {other:?}"),
    }
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn accounts_are_found_by_handle_and_address_and_never_twice(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let store = &world.store;
    for login in ["ada", "ada@example.org"] {
        let account = store.account(login).await.expect("asked").expect("found");
        assert_eq!(
            (account.user.id.as_str(), account.password_hash.as_deref()),
            ("ada", Some("$hash"))
        );
    }
    assert!(store.account("nobody").await.expect("asked").is_none());
    let mut same_handle = new_user("ada");
    same_handle.id = user("other");
    same_handle.email = None;
    assert_eq!(
        code(store.create_user(&same_handle, None).await),
        Code::HandleTaken
    );
    let mut same_email = new_user("ada2");
    same_email.email = Some("ada@example.org".into());
    assert_eq!(
        code(store.create_user(&same_email, None).await),
        Code::EmailTaken
    );
    assert_eq!(store.user_count().await.expect("counted"), 3);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn a_used_refresh_token_revokes_its_session(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let store = &world.store;
    let new = NewSession {
        id: session(1),
        user_id: user("ada"),
        refresh_hash: [1; 32],
        device: Some("phone".into()),
        now: Timestamp(10),
        expires_at: Timestamp(1000),
    };
    store.create_session(&new).await.expect("stored");
    let rotation = |shown: u8, next: u8, now: i64| Rotation {
        id: session(1),
        shown_hash: [shown; 32],
        next_hash: [next; 32],
        now: Timestamp(now),
        expires_at: Timestamp(now + 1000),
    };
    let rotate = async |shown, next, now| {
        named(
            store
                .rotate_session(&rotation(shown, next, now))
                .await
                .expect("asked"),
        )
    };
    assert_eq!(rotate(1, 2, 20).await, "rotated by ada");
    assert_eq!(rotate(2, 3, 1500).await, "unknown", "it had expired");
    assert_eq!(rotate(2, 3, 900).await, "rotated by ada");
    assert_eq!(
        store
            .sessions(&user("ada"), Timestamp(900))
            .await
            .expect("listed")
            .len(),
        1
    );
    assert_eq!(rotate(2, 4, 901).await, "reused by ada");
    assert_eq!(
        rotate(3, 4, 902).await,
        "unknown",
        "the whole family is gone"
    );
    assert_eq!(
        store.revoked_since(Timestamp(901)).await.expect("listed"),
        [session(1)]
    );
    assert!(
        store
            .revoked_since(Timestamp(902))
            .await
            .expect("listed")
            .is_empty()
    );
    assert!(
        store
            .sessions(&user("ada"), Timestamp(903))
            .await
            .expect("listed")
            .is_empty()
    );
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn two_refreshes_at_once_have_one_winner(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let new = NewSession {
        id: session(1),
        user_id: user("ada"),
        refresh_hash: [1; 32],
        device: None,
        now: Timestamp(10),
        expires_at: Timestamp(1000),
    };
    world.store.create_session(&new).await.expect("stored");
    let rotate = |next: u8| {
        let store = world.store.clone();
        tokio::spawn(async move {
            let rotation = Rotation {
                id: session(1),
                shown_hash: [1; 32],
                next_hash: [next; 32],
                now: Timestamp(20),
                expires_at: Timestamp(1000),
            };
            store.rotate_session(&rotation).await.expect("asked")
        })
    };
    let (one, other) = (rotate(2), rotate(3));
    let outcomes = [one.await.expect("ran"), other.await.expect("ran")];
    let winners = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, RefreshOutcome::Rotated(_)))
        .count();
    assert_eq!(winners, 1, "{outcomes:?}");
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn only_the_owner_of_a_session_ends_it(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let new = NewSession {
        id: session(1),
        user_id: user("ada"),
        refresh_hash: [1; 32],
        device: None,
        now: Timestamp(10),
        expires_at: Timestamp(1000),
    };
    world.store.create_session(&new).await.expect("stored");
    let revoke = async |name: &str| {
        world
            .store
            .revoke_session(&user(name), session(1), Timestamp(20))
            .await
            .expect("asked")
    };
    assert!(!revoke("grace").await);
    assert!(revoke("ada").await);
    assert!(revoke("ada").await, "a repetition says the same");
    let forget = async |before| {
        world
            .store
            .forget_sessions(Timestamp(before))
            .await
            .expect("done")
    };
    assert_eq!((forget(20).await, forget(21).await), (0, 1));
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn two_people_have_one_direct_conversation(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let first = world.direct(1, "ada", "grace").await;
    let again = world.direct(2, "grace", "ada").await;
    assert_eq!(
        (first.is_new, again.is_new, again.id),
        (true, false, first.id)
    );

    // Many starting at the same instant meet in one.
    let starts = (10..20).map(|n| {
        let appender = world.appender.clone();
        tokio::spawn(async move {
            let (maker, other) = if n % 2 == 0 {
                ("ada", "linus")
            } else {
                ("linus", "ada")
            };
            let body = CreateConversation {
                kind: None,
                member_ids: vec![user(other)],
                title: None,
                label: None,
                metadata: None,
            };
            let new = decide_create(&user(maker), body).expect("allowed");
            let made = item(conversation(n), maker, 1, Change::Create(new));
            let pending = appender.enqueue(made).expect("queued");
            match pending.committed().await.expect("made") {
                Appended::Conversation { id, is_new } => Created { id, is_new },
                other => panic!("{other:?}"),
            }
        })
    });
    let mut made = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        made.push(start.await.expect("ran"));
    }
    assert_eq!(made.iter().filter(|created| created.is_new).count(), 1);
    assert!(made.iter().all(|created| created.id == made[0].id));
    assert_eq!(world.store.conversation_count().await.expect("counted"), 2);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn a_missing_member_makes_nothing(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let body = CreateConversation {
        kind: None,
        member_ids: vec![user("grace"), user("nobody")],
        title: Some("Talk".into()),
        label: None,
        metadata: None,
    };
    let new = decide_create(&user("ada"), body).expect("allowed");
    let made = item(conversation(1), "ada", 1, Change::Create(new));
    let refusal = world.does(made).await.expect_err("refused");
    assert_eq!(refusal.code, Code::InvalidRequest);
    assert_eq!(world.store.conversation_count().await.expect("counted"), 0);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn the_list_is_by_last_activity_and_pages_without_a_gap(#[case] engine: Engine) {
    let world = World::new(engine).await;
    for n in 1..=7 {
        world.group(n, "ada", &["grace"]).await;
    }
    world.group(8, "grace", &["linus"]).await;
    world
        .does(send(1, conversation(3), "grace", None, "up"))
        .await
        .expect("stored");

    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let filter = ListFilter {
            after,
            ..ListFilter::default()
        };
        let page = world
            .store
            .conversations(&user("ada"), &filter, 3)
            .await
            .expect("listed");
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        seen.extend(page.into_iter().map(|found| found.conversation));
    }
    let ids: Vec<u128> = seen.iter().map(|c| c.summary.id.0.as_u128()).collect();
    assert_eq!(ids, [3, 7, 6, 5, 4, 2, 1]);
    assert_eq!((seen[0].unread_count, seen[1].unread_count), (1, 0));
    assert_eq!(
        seen[0]
            .summary
            .last_message
            .as_ref()
            .map(|m| m.content.as_str()),
        Some("up")
    );
    assert_eq!(seen[0].summary.members.len(), 2);
    assert_eq!(seen[0].summary.members[0].user.name, "ada the person");

    let umlaut = CreateConversation {
        kind: None,
        member_ids: vec![user("grace")],
        title: Some("Ärger".into()),
        label: None,
        metadata: None,
    };
    let new = decide_create(&user("ada"), umlaut).expect("allowed");
    let made = item(conversation(50), "ada", -4999, Change::Create(new));
    world.does(made).await.expect("made");
    let find = async |text: &str| {
        let filter = ListFilter {
            query: Some(text.into()),
            ..ListFilter::default()
        };
        world
            .store
            .conversations(&user("ada"), &filter, 50)
            .await
            .expect("listed")
            .len()
    };
    assert_eq!(
        (
            find("talk 4").await,
            find("grace").await,
            find("ärg").await,
            find("%").await,
            find("_").await
        ),
        (1, 8, 1, 0, 0)
    );
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn who_is_no_member_sees_no_conversation(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.group(1, "ada", &["grace"]).await;
    assert!(
        world
            .store
            .conversation(&user("linus"), id)
            .await
            .expect("asked")
            .is_none()
    );
    assert_eq!(
        world
            .store
            .history_begins(&user("linus"), id)
            .await
            .expect("asked"),
        None
    );
    assert!(
        world
            .store
            .conversation_ids(&user("linus"))
            .await
            .expect("asked")
            .is_empty()
    );
    assert!(
        world
            .store
            .conversation(&user("ada"), conversation(9))
            .await
            .expect("asked")
            .is_none()
    );
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn people_are_found_by_the_beginning_of_handle_or_name(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let mut misaki = new_user("misaki");
    misaki.name = "美咲 Ünal".into();
    world
        .store
        .create_user(&misaki, None)
        .await
        .expect("stored");
    let find = async |prefix: Option<&str>, after: Option<&str>| -> Vec<String> {
        let found = world
            .store
            .find_users(&user("ada"), prefix, after, 2)
            .await
            .expect("asked");
        found.into_iter().map(|user| user.handle).collect()
    };
    assert_eq!(find(None, None).await, ["grace", "linus"]);
    assert_eq!(find(None, Some("linus")).await, ["misaki"]);
    assert_eq!(find(Some("gr"), None).await, ["grace"]);
    assert_eq!(find(Some("美"), None).await, ["misaki"]);
    assert_eq!(find(Some("ada"), None).await, [""; 0], "never oneself");
    for wild in ["%", "_", "\\", "g%"] {
        assert_eq!(
            find(Some(wild), None).await,
            [""; 0],
            "{wild} is only a character"
        );
    }
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn members_page_in_the_order_they_joined(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.group(1, "linus", &["ada", "grace"]).await;
    let page = world.store.members(id, None, 2).await.expect("listed");
    let key = parlor_store::MemberKey {
        joined_at: page[1].joined_at,
        user_id: page[1].user.id.clone(),
    };
    let rest = world
        .store
        .members(id, Some(&key), 2)
        .await
        .expect("listed");
    let names: Vec<&str> = page
        .iter()
        .chain(&rest)
        .map(|member| member.user.id.as_str())
        .collect();
    assert_eq!(names, ["ada", "grace", "linus"]);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn cursors_only_move_up_and_unread_follows(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.group(1, "ada", &["grace"]).await;
    for n in 1..=4 {
        let from = if n == 2 { "grace" } else { "ada" };
        world
            .does(send(n, id, from, None, "x"))
            .await
            .expect("stored");
    }
    let unread = async || {
        let conversation = world
            .store
            .conversation(&user("grace"), id)
            .await
            .expect("asked")
            .expect("there");
        (
            conversation.unread_count,
            conversation.me.read_seq,
            conversation.me.delivered_seq,
        )
    };
    let moved = async |status, seq| {
        let events = world
            .announces(item(id, "grace", 0, Change::Receipt { status, seq }))
            .await;
        !events.is_empty()
    };
    assert_eq!(unread().await, (3, 0, 0));
    assert!(moved(ReceiptStatus::Delivered, 4).await);
    assert_eq!(unread().await, (3, 0, 4));
    assert!(moved(ReceiptStatus::Read, 1).await);
    assert_eq!(unread().await, (2, 1, 4));
    assert!(!moved(ReceiptStatus::Read, 1).await);
    assert!(!moved(ReceiptStatus::Delivered, 2).await);
    assert!(moved(ReceiptStatus::Read, 1_000_000).await);
    assert_eq!(unread().await, (0, 4, 4));
    let change = Change::Receipt {
        status: ReceiptStatus::Read,
        seq: 1,
    };
    let refusal = world
        .does(item(id, "linus", 0, change))
        .await
        .expect_err("refused");
    assert_eq!(refusal.code, Code::NotFound);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn history_opens_at_any_place(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.group(1, "ada", &["grace"]).await;
    for n in 1..=9 {
        world
            .does(send(n, id, "ada", None, "x"))
            .await
            .expect("stored");
    }
    let window = async |window, limit| {
        let page = world
            .store
            .history(id, 0, window, limit)
            .await
            .expect("read");
        (
            page.items
                .iter()
                .map(|message| message.seq)
                .collect::<Vec<_>>(),
            page.has_more,
        )
    };
    assert_eq!(window(Window::Newest, 3).await, (vec![7, 8, 9], true));
    assert_eq!(window(Window::Newest, 9).await, ((1..=9).collect(), false));
    assert_eq!(window(Window::Before(4), 2).await, (vec![2, 3], true));
    assert_eq!(window(Window::Before(3), 2).await, (vec![1, 2], false));
    assert_eq!(window(Window::After(7), 5).await, (vec![8, 9], false));
    assert_eq!(window(Window::After(0), 2).await, (vec![1, 2], true));
    assert_eq!(window(Window::Around(5), 4).await, (vec![3, 4, 5, 6], true));
    assert_eq!(window(Window::Around(1), 4).await, (vec![1, 2, 3, 4], true));
    assert_eq!(
        world.store.seq_of(id, message(4)).await.expect("asked"),
        Some(4)
    );
    assert_eq!(
        world
            .store
            .seq_of(conversation(2), message(4))
            .await
            .expect("asked"),
        None
    );
    // A page holds no more text than may be held for a reader that never reads.
    let long = "x".repeat(40_000);
    for n in 10..=49 {
        world
            .does(send(n, id, "ada", None, &long))
            .await
            .expect("stored");
    }
    let (seqs, has_more) = window(Window::Newest, 200).await;
    assert_eq!(
        (seqs.first(), seqs.last(), has_more),
        (Some(&24), Some(&49), true)
    );
    let (seqs, has_more) = window(Window::After(0), 200).await;
    assert_eq!(
        (seqs.first(), seqs.last(), has_more),
        (Some(&1), Some(&35), true)
    );
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn the_epoch_is_made_once(#[case] engine: Engine) {
    let world = World::new(engine).await;
    assert_eq!(world.store.epoch("first").await.expect("made"), "first");
    assert_eq!(
        world.reopened().await.epoch("second").await.expect("kept"),
        "first"
    );
    world.store.ping().await.expect("answers");
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn a_database_from_another_server_is_known_by_its_ticks(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.group(1, "ada", &["grace"]).await;
    world
        .does(send(1, id, "ada", None, "x"))
        .await
        .expect("sent");
    assert!(!world.store.is_from_elsewhere().await.expect("asked"));
    world.store.shift_ticks(1_000_000_000).await;
    assert!(world.store.is_from_elsewhere().await.expect("asked"));
    world.store.renew_epoch("new").await.expect("renewed");
    assert!(!world.store.is_from_elsewhere().await.expect("asked"));
    let since = world.store.position().await.expect("asked").horizon;
    let changed = world.store.changes(&user("ada"), since, None, 9).await;
    assert!(changed.expect("asked").conversations.is_empty());
    assert_eq!(world.store.epoch("other").await.expect("kept"), "new");
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let place = TestStore::new(Engine::Sqlite).await;
    let open = async |database| {
        let config = parlor_store::StoreConfig {
            database,
            connections_max: 2,
        };
        Store::open(&config).await.expect_err("not opened")
    };
    let missing = place.folder.path().join("no/such/folder/parlor.db");
    assert!(matches!(
        open(parlor_store::Database::Sqlite(missing)).await,
        OpenError::File { .. }
    ));
    let unreachable = open(parlor_store::Database::Postgres(
        "postgres://u:secret@127.0.0.1:1/x".into(),
    ))
    .await;
    let text = unreachable.to_string();
    assert!(
        text.contains("127.0.0.1:1") && !text.contains("secret"),
        "{text}"
    );
    assert!(matches!(
        open(parlor_store::Database::Postgres("postgres://[".into())).await,
        OpenError::Url(_)
    ));
}

#[cfg(unix)]
#[tokio::test]
async fn the_sqlite_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let place = TestStore::new(Engine::Sqlite).await;
    let store = place.open().await;
    store
        .create_user(&new_user("ada"), None)
        .await
        .expect("stored");
    let mut files = 0;
    for entry in std::fs::read_dir(place.folder.path()).expect("listed") {
        let mode = entry
            .expect("read")
            .metadata()
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        files += 1;
    }
    assert!(files >= 2, "the database and its log");
}
