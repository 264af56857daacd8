//! Appending: promises P1–P3 at the store, on both engines, with many senders at once.

use std::collections::HashMap;

use parlor_core::append::Event;
use parlor_protocol::{Code, ConversationId, Message};
use parlor_store::{Announced, Appended, Appender, AppenderConfig, Window};
use parlor_testkit::{Engine, soon};
use rstest::rstest;
use sqlx::{Connection as _, PgConnection};

use crate::world::{World, conversation, send};

fn stored(appended: Appended) -> (Message, bool) {
    match appended {
        Appended::Message { message, is_new } => (Message::clone(&message), is_new),
        other => panic!("{other:?}"),
    }
}

fn new_messages(announced: Announced) -> Vec<Message> {
    let Announced::Committed { events, .. } = announced else {
        panic!("{announced:?}");
    };
    let new = events.into_iter().filter_map(|event| match event {
        Event::MessageNew(message) => Some(Message::clone(&message)),
        _ => None,
    });
    new.collect()
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn p2_the_same_client_id_makes_one_message_across_batches(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.group(1, "ada", &["grace"]).await;
    let (appender, mut published, _task) =
        Appender::spawn(world.store.clone(), AppenderConfig::default());
    let sends = async |n, from: &str, content: &str| {
        let pending = appender
            .enqueue(send(n, id, from, Some("c"), content))
            .expect("queued");
        pending.committed().await.map(stored)
    };
    let first = sends(1, "ada", "hi").await.expect("stored");
    let again = sends(2, "ada", "hi").await.expect("found");
    assert_eq!((first.1, again.1), (true, false));
    assert_eq!(again.0, first.0);
    assert_eq!(
        sends(3, "ada", "other").await.expect_err("refused").code,
        Code::ClientIdReused
    );
    assert!(sends(4, "grace", "hi").await.expect("another sender's").1);
    let mut seqs = Vec::new();
    while let Ok(batch) = published.try_recv() {
        seqs.extend(new_messages(batch).into_iter().map(|message| message.seq));
    }
    assert_eq!(seqs, [1, 2], "only new messages are published");
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn one_bad_item_never_fails_its_batch(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let group = world.group(1, "ada", &["grace"]).await;
    let channel = world.channel(2, "ada", &["grace"]).await;
    let (appender, _published, _task) =
        Appender::spawn(world.store.clone(), AppenderConfig::default());
    let pending: Vec<_> = [
        send(1, group, "ada", None, "one"),
        send(2, group, "linus", None, "a stranger"),
        send(3, conversation(99), "ada", None, "nowhere"),
        send(4, channel, "grace", None, "only admins"),
        send(5, group, "grace", None, "two"),
        send(6, channel, "ada", None, "news"),
    ]
    .into_iter()
    .map(|send| appender.enqueue(send).expect("queued"))
    .collect();
    let mut outcomes = Vec::new();
    for pending in pending {
        outcomes.push(
            pending
                .committed()
                .await
                .map(|appended| stored(appended).0.seq)
                .map_err(|refusal| refusal.code),
        );
    }
    let expected = [
        Ok(1),
        Err(Code::NotFound),
        Err(Code::NotFound),
        Err(Code::Forbidden),
        Ok(2),
        Ok(1),
    ];
    assert_eq!(outcomes, expected);
}

/// What the checks before it let through and the database does not take: only its own sender hears
/// of it, and is not told to try again.
#[tokio::test]
async fn a_value_that_the_database_refuses_costs_nobody_else() {
    let world = World::new(Engine::Postgres).await;
    let group = world.group(1, "ada", &["grace"]).await;
    let (appender, _published, _task) =
        Appender::spawn(world.store.clone(), AppenderConfig::default());
    let pending: Vec<_> = ["one", "nul \0", "two", "three"]
        .iter()
        .zip(1..)
        .map(|(content, n)| {
            appender
                .enqueue(send(n, group, "ada", None, content))
                .expect("queued")
        })
        .collect();
    let mut outcomes = Vec::new();
    for pending in pending {
        let outcome = pending.committed().await;
        outcomes.push(
            outcome
                .map(|appended| stored(appended).0.seq)
                .map_err(|refusal| refusal.code),
        );
    }
    assert_eq!(outcomes, [Ok(1), Err(Code::InvalidRequest), Ok(2), Ok(3)]);
}

/// P1–P3 with many senders in many conversations, some of them repeating themselves.
#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p3_many_senders_one_gapless_order(#[case] engine: Engine) {
    const SENDERS: [&str; 3] = ["ada", "grace", "linus"];
    const EACH: u128 = 60;
    let world = World::new(engine).await;
    for n in 1..=4 {
        world.group(n, "ada", &["grace", "linus"]).await;
    }
    let config = AppenderConfig {
        batch_items_max: 16,
        ..AppenderConfig::default()
    };
    let (appender, mut published, _task) = Appender::spawn(world.store.clone(), config);
    let heard = tokio::spawn(async move {
        let mut heard: HashMap<ConversationId, Vec<Message>> = HashMap::new();
        while let Some(batch) = published.recv().await {
            for message in new_messages(batch) {
                heard
                    .entry(message.conversation_id)
                    .or_default()
                    .push(message);
            }
        }
        heard
    });
    let senders = SENDERS.iter().enumerate().map(|(at, &name)| {
        let appender = appender.clone();
        tokio::spawn(async move {
            let mut acked = Vec::new();
            for n in 0..EACH {
                let to = conversation(1 + n % 4);
                let client_id = format!("{name}-{}", n - n % 3);
                // Every third is new; the two after it repeat it, with the same text or another.
                let content = if n % 3 == 2 {
                    "changed".to_owned()
                } else {
                    client_id.clone()
                };
                let to = if n % 3 == 0 {
                    to
                } else {
                    conversation(1 + (n - n % 3) % 4)
                };
                let id = 1000 * (at as u128 + 1) + n;
                let outcome = appender
                    .enqueue(send(id, to, name, Some(&client_id), &content))
                    .expect("queued")
                    .committed()
                    .await;
                match n % 3 {
                    0 => acked.push(stored(outcome.expect("stored")).0),
                    1 => assert_eq!(
                        &stored(outcome.expect("found")).0,
                        acked.last().expect("the first")
                    ),
                    _ => assert_eq!(outcome.expect_err("refused").code, Code::ClientIdReused),
                }
            }
            acked
        })
    });
    let mut acked = Vec::new();
    for sender in senders.collect::<Vec<_>>() {
        acked.extend(sender.await.expect("ran"));
    }
    appender.close();
    let heard = heard.await.expect("ran");

    let mut stored = 0;
    for n in 1..=4 {
        let page = world
            .store
            .history(conversation(n), 0, Window::After(0), 200)
            .await
            .expect("read");
        let seqs: Vec<i64> = page.items.iter().map(|message| message.seq).collect();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "gapless");
        assert_eq!(
            heard[&conversation(n)],
            page.items,
            "published as stored, in order"
        );
        stored += page.items.len();
        for message in acked
            .iter()
            .filter(|message| message.conversation_id == conversation(n))
        {
            assert_eq!(
                &page.items[message.seq as usize - 1],
                message,
                "what was acked is there"
            );
        }
    }
    assert_eq!((stored, acked.len()), (60, 60));
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn two_writers_on_one_store_share_the_order(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let id = world.group(1, "ada", &["grace"]).await;
    let other = world.reopened().await;
    let (here, _p1, _t1) = Appender::spawn(world.store.clone(), AppenderConfig::default());
    let (there, _p2, _t2) = Appender::spawn(other, AppenderConfig::default());
    let mut pending = Vec::new();
    for n in 0..40 {
        let (appender, from) = if n % 2 == 0 {
            (&here, "ada")
        } else {
            (&there, "grace")
        };
        pending.push(
            appender
                .enqueue(send(n + 1, id, from, None, "x"))
                .expect("queued"),
        );
    }
    let mut seqs = Vec::new();
    for pending in pending {
        seqs.push(stored(pending.committed().await.expect("stored")).0.seq);
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=40).collect::<Vec<_>>());
}

/// Another node removes a member while a batch of theirs waits for the lock: what the batch saw of
/// the members when it began to wait is old by then.
#[tokio::test]
async fn who_was_removed_while_the_batch_waited_sends_no_more() {
    let world = World::new(Engine::Postgres).await;
    let id = world.group(1, "ada", &["grace"]).await;
    let mut other = world.connection().await;
    let mut removing = other.begin().await.expect("begun");
    for change in [
        "UPDATE conversations SET version = version + 1, member_count = 1 WHERE id = $1",
        "UPDATE members SET left_at = 1 WHERE conversation_id = $1 AND user_id = 'grace'",
    ] {
        let query = sqlx::query(change).bind(id.0);
        query.execute(&mut *removing).await.expect("changed");
    }
    let late = world
        .appender
        .enqueue(send(1, id, "grace", None, "late"))
        .expect("queued");
    soon("the batch waits for the lock", async {
        while waiting_for_locks(&mut removing).await == 0 {}
    })
    .await;
    removing.commit().await.expect("committed");
    let refusal = late.committed().await.expect_err("removed before");
    assert_eq!(refusal.code, Code::NotFound);
    let next = world.does(send(2, id, "ada", None, "next")).await;
    let (message, _) = stored(next.expect("stored"));
    assert_eq!((message.seq, message.version), (1, 3));
}

async fn waiting_for_locks(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    .fetch_one(connection)
    .await
    .expect("asked")
}

#[tokio::test]
async fn a_full_queue_refuses_and_a_closed_one_finishes() {
    let world = World::new(Engine::Sqlite).await;
    let id = world.group(1, "ada", &["grace"]).await;
    let config = AppenderConfig {
        queue_items_max: 4,
        ..AppenderConfig::default()
    };
    let (appender, _published, task) = Appender::spawn(world.store.clone(), config);
    // This test never yields before the queue is full, so the task cannot empty it.
    let pending: Vec<_> = (1..=4)
        .map(|n| {
            appender
                .enqueue(send(n, id, "ada", None, "x"))
                .expect("queued")
        })
        .collect();
    let refusal = appender
        .enqueue(send(5, id, "ada", None, "x"))
        .expect_err("full");
    assert_eq!(
        (refusal.code, refusal.retry_after_ms),
        (Code::Unavailable, Some(1000))
    );
    appender.close();
    for pending in pending {
        pending
            .committed()
            .await
            .expect("what was queued is stored");
    }
    task.await.expect("the task ended");
    assert_eq!(
        appender
            .enqueue(send(6, id, "ada", None, "x"))
            .expect_err("closed")
            .code,
        Code::Unavailable
    );
}
