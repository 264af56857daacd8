//! Edits, reactions, members, hiding, and what a sync finds of them, on both engines.

use parlor_core::append::{Change, Event};
use parlor_protocol::{Code, ConversationId, Message, Role};
use parlor_store::{ChangedConversation, Window};
use parlor_testkit::Engine;
use rstest::rstest;

use crate::world::{World, conversation, item, message, new_user, send, user};

async fn newest(world: &World, id: ConversationId) -> Message {
    let page = world
        .store
        .history(id, 0, Window::Newest, 1)
        .await
        .expect("read");
    page.items.into_iter().next().expect("a message")
}

/// A place behind everything that this test has done. The server's other transactions may hold the
/// position that a reader gets back; of this store nobody else writes.
async fn position(world: &World) -> i64 {
    world.store.position().await.expect("asked").horizon
}

async fn changed(world: &World, name: &str, since: i64) -> Vec<ChangedConversation> {
    world
        .store
        .changes(&user(name), since, None, 50)
        .await
        .expect("asked")
        .conversations
}

/// The places of the messages that a sync finds; `None` for a gap.
async fn messages(world: &World, name: &str, since: i64) -> Option<Vec<i64>> {
    let changed = changed(world, name, since).await;
    let found = world
        .store
        .changed_messages(&changed[0], since)
        .await
        .expect("asked");
    found.map(|messages| messages.into_iter().map(|message| message.seq).collect())
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn a_message_is_edited_reacted_to_and_deleted(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.group(1, "ada", &["grace", "linus"]).await;
    let does = async |who: &str, change| world.does(item(id, who, 0, change)).await;
    let message_id = message(1);
    let react = |emoji: &str, on| Change::React {
        message_id,
        emoji: emoji.into(),
        on,
    };
    let edit = |content: &str| Change::Edit {
        message_id,
        content: content.into(),
    };
    world
        .does(send(1, id, "ada", Some("c"), "first"))
        .await
        .expect("sent");
    does("ada", edit("second")).await.expect("edited");
    for who in ["ada", "grace", "linus"] {
        does(who, react("👍", true)).await.expect("put on");
    }
    does("grace", react("🎉", true)).await.expect("put on");
    does("ada", react("👍", false)).await.expect("taken off");
    let now = newest(&world, id).await;
    assert_eq!((now.content.as_str(), now.version), ("second", 8));
    assert!(now.edited_at.is_some());
    let reactions: Vec<_> = now
        .reactions
        .iter()
        .map(|reaction| {
            (
                reaction.emoji.as_str(),
                reaction.count,
                reaction.user_ids.len(),
            )
        })
        .collect();
    assert_eq!(reactions, [("👍", 2, 2), ("🎉", 1, 1)]);
    // The same body again is the same message, although it was edited since.
    let again = world.does(send(2, id, "ada", Some("c"), "first")).await;
    assert!(
        matches!(again, Ok(parlor_store::Appended::Message { is_new: false, message }) if *message == now)
    );

    let delete = Change::Delete { message_id };
    let refused = does("grace", delete.clone()).await.expect_err("not hers");
    assert_eq!(refused.code, Code::Forbidden);
    does("ada", delete).await.expect("deleted");
    let now = newest(&world, id).await;
    assert_eq!((now.content.as_str(), now.reactions.len()), ("", 0));
    assert!(now.deleted_at.is_some());
    let refused = does("grace", react("👍", true)).await.expect_err("gone");
    assert_eq!(refused.code, Code::MessageDeleted);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn of_many_who_react_the_first_are_named(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let names: Vec<String> = (0..25).map(|n| format!("user{n:02}")).collect();
    for name in &names {
        world
            .store
            .create_user(&new_user(name), None)
            .await
            .expect("stored");
    }
    let others: Vec<&str> = names.iter().map(String::as_str).collect();
    let id = world.group(1, "ada", &others).await;
    world
        .does(send(1, id, "ada", None, "x"))
        .await
        .expect("sent");
    let react = async |name: &str, n, on| {
        let change = Change::React {
            message_id: message(1),
            emoji: "👍".into(),
            on,
        };
        world.does(item(id, name, n, change)).await.expect("done");
    };
    for (n, name) in names.iter().enumerate() {
        react(name, n as i64, true).await;
    }
    react("user03", 99, false).await;
    let reaction = &newest(&world, id).await.reactions[0];
    let named: Vec<&str> = reaction
        .user_ids
        .iter()
        .map(parlor_protocol::UserId::as_str)
        .collect();
    assert_eq!((reaction.count, named.len()), (24, 20));
    assert!(!named.contains(&"user03") && named.contains(&"user20"));
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn a_sync_finds_what_has_changed_and_nothing_else(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let (quiet, busy) = (
        world.group(1, "ada", &["grace"]).await,
        world.group(2, "ada", &["grace"]).await,
    );
    for n in 1..=5 {
        world
            .does(send(n, busy, "ada", None, "x"))
            .await
            .expect("sent");
    }
    let since = position(&world).await;
    assert!(changed(&world, "grace", since).await.is_empty());
    let edit = Change::Edit {
        message_id: message(2),
        content: "y".into(),
    };
    world
        .does(item(busy, "ada", 0, edit))
        .await
        .expect("edited");
    for n in 6..=7 {
        world
            .does(send(n, busy, "ada", None, "x"))
            .await
            .expect("sent");
    }
    let found = changed(&world, "grace", since).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].conversation.summary.id, busy);
    assert_eq!(found[0].conversation.summary.version, 9);
    assert_eq!(messages(&world, "grace", since).await, Some(vec![2, 6, 7]));
    // A cursor that moves is no change of the conversation, and is found all the same.
    let since = position(&world).await;
    let read = Change::Receipt {
        status: parlor_protocol::ReceiptStatus::Read,
        seq: 7,
    };
    world
        .does(item(busy, "grace", 0, read))
        .await
        .expect("read");
    let found = changed(&world, "ada", since).await;
    assert_eq!(found[0].conversation.summary.members[1].read_seq, 7);
    assert_eq!(messages(&world, "ada", since).await, Some(vec![]));
    let everything = changed(&world, "ada", 0).await;
    assert_eq!(everything.len(), 2);
    assert_eq!(everything[0].conversation.summary.id, quiet, "by id");
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn more_than_a_hundred_changes_are_a_gap(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.group(1, "ada", &["grace"]).await;
    let since = position(&world).await;
    let mut pending = Vec::new();
    for n in 1..=100 {
        pending.push(
            world
                .appender
                .enqueue(send(n, id, "ada", None, "x"))
                .expect("queued"),
        );
    }
    for sent in pending {
        sent.committed().await.expect("sent");
    }
    let found = messages(&world, "grace", since).await;
    assert_eq!(found.map(|seqs| seqs.len()), Some(100));
    world
        .does(send(101, id, "ada", None, "x"))
        .await
        .expect("sent");
    assert_eq!(messages(&world, "grace", since).await, None);
    // Old messages that change count as well.
    let since = position(&world).await;
    for n in 1..=100 {
        let edit = Change::Edit {
            message_id: message(n),
            content: "y".into(),
        };
        world.does(item(id, "ada", 0, edit)).await.expect("edited");
    }
    assert_eq!(
        messages(&world, "grace", since).await.map(|s| s.len()),
        Some(100)
    );
    world
        .does(send(102, id, "ada", None, "x"))
        .await
        .expect("sent");
    assert_eq!(messages(&world, "grace", since).await, None);
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn members_come_go_and_come_again(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.group(1, "ada", &["grace"]).await;
    world
        .does(send(1, id, "ada", None, "before"))
        .await
        .expect("sent");
    let since = position(&world).await;
    let add = |name: &str| Change::AddMembers {
        user_ids: vec![user(name)],
        role: Role::Member,
    };
    let remove = |name: &str| Change::RemoveMember {
        user_id: user(name),
    };
    let events = world.announces(item(id, "ada", 0, add("linus"))).await;
    assert!(matches!(
        &events[..],
        [
            Event::MembersJoined {
                version: 3,
                member_count: 3,
                ..
            },
            Event::Added {
                user_version: 1,
                ..
            },
        ]
    ));
    let found = changed(&world, "linus", since).await;
    let conversation = &found[0].conversation;
    assert_eq!(
        (conversation.unread_count, conversation.summary.member_count),
        (0, 3)
    );
    assert_eq!(conversation.summary.members.len(), 3);
    assert_eq!(
        messages(&world, "linus", since).await,
        None,
        "the history from before is on no page"
    );
    assert_eq!(messages(&world, "grace", since).await, Some(vec![]));

    let since = position(&world).await;
    world
        .does(item(id, "ada", 0, remove("linus")))
        .await
        .expect("removed");
    let removed = async |name: &str| {
        world
            .store
            .changes(&user(name), since, None, 50)
            .await
            .expect("asked")
            .removed
    };
    assert_eq!(removed("linus").await, [id]);
    assert!(removed("grace").await.is_empty());
    assert!(changed(&world, "linus", 0).await.is_empty());
    let refused = world.does(send(2, id, "linus", None, "x")).await;
    assert_eq!(refused.expect_err("no member").code, Code::NotFound);
    let seen = changed(&world, "grace", since).await;
    assert_eq!(seen[0].conversation.summary.members.len(), 2);
    world
        .does(item(id, "ada", 0, add("linus")))
        .await
        .expect("added again");
    assert!(removed("linus").await.is_empty());
    world
        .does(send(3, id, "linus", None, "back"))
        .await
        .expect("sent");
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn a_hidden_conversation_is_gone_until_the_next_message(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.direct(1, "ada", "grace").await.id;
    world
        .does(send(1, id, "ada", None, "old"))
        .await
        .expect("sent");
    let since = position(&world).await;
    world
        .does(item(id, "grace", 0, Change::Hide))
        .await
        .expect("hidden");
    assert!(changed(&world, "grace", since).await.is_empty());
    assert_eq!(
        world
            .store
            .changes(&user("grace"), since, None, 50)
            .await
            .expect("asked")
            .removed,
        [id]
    );
    let begins = world.store.history_begins(&user("grace"), id).await;
    assert_eq!(begins.expect("asked"), Some(1));
    let edit = Change::Edit {
        message_id: message(1),
        content: "unseen".into(),
    };
    world.does(item(id, "ada", 0, edit)).await.expect("edited");
    world
        .does(send(2, id, "ada", None, "new"))
        .await
        .expect("sent");
    let found = changed(&world, "grace", since).await;
    assert_eq!(found[0].conversation.unread_count, 1);
    assert!(!found[0].conversation.me.hidden);
    assert_eq!(
        messages(&world, "grace", since).await,
        None,
        "her other devices drop what they hold"
    );
    assert_eq!(messages(&world, "ada", since).await, Some(vec![1, 2]));
    let later = position(&world).await;
    world
        .does(send(3, id, "ada", None, "newer"))
        .await
        .expect("sent");
    assert_eq!(messages(&world, "grace", later).await, Some(vec![3]));
    let page = world
        .store
        .history(id, 1, Window::Newest, 9)
        .await
        .expect("read");
    assert_eq!((page.items.len(), page.has_more), (2, false));

    // Whoever starts it again has it back at once.
    world
        .does(item(id, "grace", 0, Change::Hide))
        .await
        .expect("hidden");
    let again = world.direct(7, "grace", "ada").await;
    assert_eq!((again.id, again.is_new), (id, false));
    assert_eq!(changed(&world, "grace", since).await.len(), 1);
}

/// Two writers on one store, as two nodes would be: whatever is committed at a position or after it
/// is found from it, whoever wrote it.
#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_commit_hides_before_a_position(#[case] engine: Engine) {
    let world = World::new(engine).await;
    for n in 1..=3 {
        world.group(n, "ada", &["grace"]).await;
    }
    let write = |offset: u128, store: parlor_store::Store| {
        tokio::spawn(async move {
            let (appender, announced, _) =
                parlor_store::Appender::spawn(store, parlor_store::AppenderConfig::default());
            drop(announced);
            for n in 0..60 {
                let to = conversation(1 + n % 3);
                let sent = send(offset + n, to, "ada", None, "x");
                let pending = appender.enqueue(sent).expect("queued");
                pending.committed().await.expect("stored");
            }
        })
    };
    let writers = [
        write(1000, world.store.clone()),
        write(2000, world.reopened().await),
    ];
    // A reader that follows by positions sees every message, however the commits interleave.
    let mut seen = std::collections::HashSet::new();
    let mut since = 0;
    let mut finished = false;
    loop {
        let next = world.store.position().await.expect("asked").next;
        for found in changed(&world, "grace", since).await {
            let messages = world
                .store
                .changed_messages(&found, since)
                .await
                .expect("asked")
                .expect("no gap");
            seen.extend(messages.into_iter().map(|message| message.id));
        }
        since = next;
        if finished {
            break;
        }
        finished = writers.iter().all(tokio::task::JoinHandle::is_finished);
    }
    assert_eq!(seen.len(), 120);
}
