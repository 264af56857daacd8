//! A conversation's tail must say of what somebody missed what the long way says, or that it does not know.

use parlor_core::append::Change;
use parlor_protocol::{Message, SharedMessage};
use parlor_store::{ChangedConversation, Missed};
use parlor_testkit::{Engine, Random};
use rstest::rstest;

use crate::world::{World, item, message, send, user};

/// Steps of one run; more messages than a tail holds come together.
const STEPS: usize = 360;

struct Counts {
    told: usize,
    too_many: usize,
    unknown: usize,
}

async fn compare(world: &World, changed: &ChangedConversation, since: i64, counts: &mut Counts) {
    if changed.is_void(since) {
        return;
    }
    let id = changed.conversation.summary.id;
    let long: Option<Vec<Message>> = world
        .store
        .changed_messages(changed, since)
        .await
        .expect("asked");
    let Some(tail) = world.store.tail(id).await.expect("asked") else {
        assert_eq!(long, Some(vec![]));
        return;
    };
    assert!(tail.version >= changed.conversation.summary.version);
    match tail.missed(changed, since) {
        Missed::Messages(messages) => {
            let messages = messages.into_iter().map(SharedMessage::into_message);
            assert_eq!(Some(messages.collect::<Vec<_>>()), long, "since {since}");
            counts.told += 1;
        }
        Missed::TooMany => {
            assert_eq!(long, None, "since {since}");
            counts.too_many += 1;
        }
        Missed::Unknown => counts.unknown += 1,
    }
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn it_says_what_the_long_way_says(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let talk = world.group(1, "ada", &["grace", "linus"]).await;
    let people = ["ada", "grace", "linus"];
    let mut random = Random::seeded(11);
    let mut counts = Counts {
        told: 0,
        too_many: 0,
        unknown: 0,
    };
    let mut positions = vec![world.store.position().await.expect("asked").horizon];
    let mut earlier: Vec<(ChangedConversation, i64)> = Vec::new();
    for n in 1..=STEPS {
        let actor = *random.pick(&people);
        let message_id = message(random.between(1, n as u64).into());
        let change = match random.between(0, 200) {
            0 => Some(Change::Hide),
            1..=15 => Some(Change::Delete { message_id }),
            16..=30 => Some(Change::Edit {
                message_id,
                content: format!("better at {n}"),
            }),
            31..=45 => Some(Change::React {
                message_id,
                emoji: "👍".into(),
                on: true,
            }),
            _ => None,
        };
        let item = match change {
            Some(change) => item(talk, actor, n as i64, change),
            None => send(n as u128, talk, actor, None, &format!("news {n}")),
        };
        // Some are refused: another's message, one that is not there.
        drop(world.does(item).await);
        positions.push(world.store.position().await.expect("asked").horizon);
        if n % 20 != 0 {
            continue;
        }
        for name in people {
            for since in positions.iter().rev().step_by(11) {
                let changes = world.store.changes(&user(name), *since, None, 9).await;
                for changed in changes.expect("asked").conversations {
                    compare(&world, &changed, *since, &mut counts).await;
                }
            }
        }
        // As it was read some steps ago: meanwhile the tail has moved on.
        for (changed, since) in &earlier {
            compare(&world, changed, *since, &mut counts).await;
        }
        let since = positions[positions.len().saturating_sub(30)];
        let changes = world.store.changes(&user("ada"), since, None, 9).await;
        let changed = changes.expect("asked").conversations.into_iter();
        earlier = changed.map(|changed| (changed, since)).collect();
    }
    assert!(counts.told > 100, "{} told", counts.told);
    assert!(counts.too_many > 20, "{} too many", counts.too_many);
    assert!(counts.unknown > 20, "{} unknown", counts.unknown);
}
