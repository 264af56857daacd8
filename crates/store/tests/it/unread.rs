//! What is unread is counted from full blocks; it must be what one finds by walking over it.

use parlor_core::append::Change;
use parlor_protocol::{ConversationId, ReceiptStatus};
use parlor_store::Window;
use parlor_testkit::{Engine, Random};
use rstest::rstest;

use crate::world::{World, item, message, send, user};

/// Messages; a block has 512 places.
const MESSAGES: u64 = 1_300;

async fn walked(world: &World, talk: ConversationId, name: &str, read_seq: i64) -> i64 {
    let (mut unread, mut after) = (0, read_seq);
    loop {
        let page = world
            .store
            .history(talk, 0, Window::After(after), 200)
            .await;
        let page = page.expect("read");
        let theirs = |message: &&parlor_protocol::Message| {
            message.deleted_at.is_none() && message.sender_id != user(name)
        };
        unread += page.items.iter().filter(theirs).count() as i64;
        match page.items.last() {
            Some(last) if page.has_more => after = last.seq,
            _ => return unread,
        }
    }
}

async fn compare(world: &World, talk: ConversationId, name: &str) {
    let found = world.store.conversation(&user(name), talk).await;
    let found = found.expect("read").expect("a member");
    let read_seq = found.me.read_seq;
    assert_eq!(
        found.unread_count,
        walked(world, talk, name, read_seq).await,
        "{name} has read {read_seq} of {}",
        found.summary.last_seq
    );
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
#[tokio::test]
async fn blocks_count_what_stands_in_them(#[case] engine: Engine) {
    let world = World::new(engine).await;
    let people = ["ada", "grace", "linus"];
    let talk = world.group(1, "ada", &["grace", "linus"]).await;
    let mut random = Random::seeded(3);
    let mut n = 0;
    while n < MESSAGES {
        // Many in one batch, and some of them deleted in the same one.
        let mut pending = Vec::new();
        for _ in 0..random.between(1, 90) {
            n += 1;
            let actor = *random.pick(&people);
            pending.push(world.queues(send(n.into(), talk, actor, None, "news")));
            if random.between(0, 5) == 0 {
                let message_id = message(random.between(1, n).into());
                let delete = Change::Delete { message_id };
                pending.push(world.queues(item(talk, "ada", 0, delete)));
            }
        }
        for pending in pending {
            // One that is deleted already, or is not there, is refused or done.
            drop(world.ends(pending).await);
        }
        for name in people {
            compare(&world, talk, name).await;
        }
    }
    // At each edge of a block, and between them.
    for seq in [1, 100, 511, 512, 513, 700, 1_023, 1_024, 1_025, 1_299] {
        for name in people {
            let status = ReceiptStatus::Read;
            let moved = world
                .does(item(talk, name, 0, Change::Receipt { status, seq }))
                .await;
            moved.expect("moved");
            compare(&world, talk, name).await;
        }
    }
    for seq in [1, 512, 513, 1_024, 1_025] {
        world
            .does(item(talk, "grace", 0, Change::Unread { seq }))
            .await
            .expect("unread");
        compare(&world, talk, "grace").await;
    }
}
