//! After everything has gone wrong: a last message everywhere, all devices at rest, and what is stored.
//!
//! The last messages show what was missed before them: whoever hears one and is not at the version before it must
//! have missed something.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use parlor_protocol::{ConversationId, UserId};
use parlor_testkit::{
    Random,
    history::{Call, Entry, Held},
};

use crate::{
    device::Resting,
    person::persist,
    rest::{Rest, done},
    world::{Person, World},
};

/// How long devices may take until they hold what is stored. What is not there by then is missing.
const REST_MAX: Duration = Duration::from_mins(1);
/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Where everybody's conversations stand: their versions, or their newest messages.
type Standing = BTreeMap<UserId, BTreeMap<ConversationId, i64>>;

/// Somebody whose rest is waited for.
#[derive(Debug, Clone)]
pub(crate) struct Restless {
    pub(crate) owner: UserId,
    /// Whether it knows versions; an application knows messages only.
    pub(crate) has_versions: bool,
}

/// Waits until nobody waits for an answer.
pub(crate) async fn until_idle(resting: &Resting, restless: &BTreeMap<String, Restless>) {
    let all_idle = async {
        loop {
            let idle = {
                let resting = resting.lock().expect("nobody panics");
                restless
                    .keys()
                    .all(|name| resting.get(name).is_some_and(Option::is_some))
            };
            if idle {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    drop(tokio::time::timeout(REST_MAX, all_idle).await);
}

/// Sends the last messages, past the proxy.
pub(crate) async fn last_words(world: &World, direct_url: &str) {
    let mut random = Random::of(world.seed, "last words");
    for talk in &world.talks {
        let speaker = match talk.owner {
            Some(owner) => &world.people[owner],
            None => member_of(world, &talk.founders),
        };
        let call = Call::Send {
            conversation_id: talk.id,
            client_id: format!("last-{}", talk.id),
            content: world.text("last"),
        };
        let rest = Rest::new(direct_url, &speaker.token);
        persist(world, &rest, &mut random, speaker, call).await;
    }
}

fn member_of<'a>(world: &'a World, members: &std::collections::BTreeSet<UserId>) -> &'a Person {
    let found = world.people.iter().find(|it| members.contains(&it.id));
    found.expect("founders are people")
}

/// Waits until everybody holds all of their owner's conversations as they stand; whether that came to pass.
pub(crate) async fn until_all_rest(
    world: &World,
    direct_url: &str,
    resting: &Resting,
    restless: &BTreeMap<String, Restless>,
) -> bool {
    let all_rest = async {
        loop {
            // A server that is asked too early is asked again.
            if let Ok((versions, ends)) = standing(world, direct_url).await {
                let resting = resting.lock().expect("nobody panics").clone();
                let rests = |(name, who): (&String, &Restless)| {
                    let held = resting.get(name).and_then(Option::as_ref);
                    let stored = if who.has_versions { &versions } else { &ends };
                    held.is_some() && held == stored.get(&who.owner)
                };
                if restless.iter().all(rests) {
                    return;
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(REST_MAX, all_rest).await.is_ok()
}

/// The versions and the newest messages of everybody's conversations.
async fn standing(world: &World, direct_url: &str) -> Result<(Standing, Standing)> {
    let (mut versions, mut ends) = (Standing::new(), Standing::new());
    for person in &world.people {
        let listed = Rest::new(direct_url, &person.token).conversations().await?;
        let each = || listed.iter().map(|it| &it.summary);
        let theirs = each().map(|it| (it.id, it.version)).collect();
        versions.insert(person.id.clone(), theirs);
        let theirs = each().map(|it| (it.id, it.last_seq)).collect();
        ends.insert(person.id.clone(), theirs);
    }
    Ok((versions, ends))
}

/// Writes down what is stored, as everybody reads it.
pub(crate) async fn read_all(world: &Arc<World>, direct_url: &str) -> Result<()> {
    for person in &world.people {
        let rest = Rest::new(direct_url, &person.token);
        for conversation in rest.conversations().await? {
            let summary = &conversation.summary;
            let members = summary.members.iter().map(|it| it.user.id.clone());
            let listed = Entry::Listed {
                user_id: person.id.clone(),
                conversation_id: summary.id,
                version: summary.version,
                last_seq: summary.last_seq,
                members: members.collect(),
                read_seq: conversation.me.read_seq,
                unread: conversation.unread_count,
            };
            world.history.write(person.handle, listed);
            read_log(world, &rest, person, summary.id).await?;
        }
    }
    Ok(())
}

async fn read_log(
    world: &World,
    rest: &Rest,
    person: &Person,
    conversation_id: ConversationId,
) -> Result<()> {
    let mut after = 0;
    loop {
        let page = rest.history(conversation_id, Some(after)).await;
        let page = done(page).context("a log cannot be read")?;
        for message in &page.items {
            after = message.seq;
            let stored = Entry::Stored {
                reader: person.id.clone(),
                conversation_id,
                message: Held::from(message),
            };
            world.history.write(person.handle, stored);
        }
        if !page.has_more {
            return Ok(());
        }
    }
}
