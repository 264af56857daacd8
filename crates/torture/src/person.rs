//! Somebody who does things over REST, and the owner of a group, who changes its members.
//!
//! What is not answered, or refused for now, is mostly tried again, with the same `clientId`; some of it is not, and
//! stays unknown.

use std::{sync::Arc, time::Duration};

use parlor_protocol::UserId;
use parlor_testkit::{
    Random,
    history::{Call, Entry},
};

use crate::{
    rest::{Outcome, Rest, is_worth_repeating},
    world::{Person, Phase, Talk, World},
};

/// Time between two things that somebody does, in milliseconds.
const PAUSE_MS: (u64, u64) = (20, 220);
/// Time between two changes of a group's members, in milliseconds.
const MEMBERS_PAUSE_MS: (u64, u64) = (1_000, 7_000);
/// How often something is tried again, and how long after, in milliseconds.
const TRIES_MAX: usize = 8;
const TRY_AGAIN_MS: (u64, u64) = (100, 1_200);
/// How often somebody does not try again, in percent.
const GIVES_UP_PERCENT: u64 = 10;

/// Does things until it is quiet.
pub(crate) async fn live(world: Arc<World>, person: Person) {
    let mut random = Random::of(world.seed, person.handle);
    let rest = Rest::new(&world.url, &person.token);
    while pause(&world, &mut random, PAUSE_MS).await {
        if let Some(call) = world.choose(&mut random, &person) {
            persist(&world, &rest, &mut random, &person, call).await;
        }
    }
}

/// Adds and removes a group's members until it is quiet.
pub(crate) async fn manage(world: Arc<World>, owner: Person, talk: Talk) {
    let name = format!("{} of {}", owner.handle, talk.id);
    let mut random = Random::of(world.seed, &name);
    let rest = Rest::new(&world.url, &owner.token);
    let others: Vec<UserId> = world
        .people
        .iter()
        .map(|person| person.id.clone())
        .filter(|id| *id != owner.id)
        .collect();
    let mut members = talk.founders.clone();
    while pause(&world, &mut random, MEMBERS_PAUSE_MS).await {
        let user_id = random.pick(&others).clone();
        let member = !members.contains(&user_id);
        if member {
            members.insert(user_id.clone());
        } else {
            members.remove(&user_id);
        }
        let call = Call::SetMember {
            conversation_id: talk.id,
            user_id,
            member,
        };
        persist(&world, &rest, &mut random, &owner, call).await;
    }
}

/// Asks until it is done, refused for good, or given up.
pub(crate) async fn persist(
    world: &World,
    rest: &Rest,
    random: &mut Random,
    person: &Person,
    call: Call,
) {
    for _ in 0..TRIES_MAX {
        let operation = world.history.operation();
        let invoked = Entry::Invoked {
            operation,
            by: person.id.clone(),
            call: call.clone(),
        };
        world.history.write(person.handle, invoked);
        let outcome = rest.call(&call).await;
        let (entry, again) = match &outcome {
            Outcome::Done(place) => {
                let place = *place;
                (Entry::Done { operation, place }, false)
            }
            Outcome::Refused(code) => {
                let code = *code;
                (Entry::Refused { operation, code }, is_worth_repeating(code))
            }
            Outcome::Unknown => (Entry::Unknown { operation }, true),
        };
        world.history.write(person.handle, entry);
        if let Outcome::Done(Some(place)) = outcome {
            world.remember(&person.id, &call, place);
        }
        if !again || random.percent(GIVES_UP_PERCENT) {
            return;
        }
        let wait = random.between(TRY_AGAIN_MS.0, TRY_AGAIN_MS.1);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
}

/// Waits before the next thing; whether there is one.
async fn pause(world: &World, random: &mut Random, (from_ms, to_ms): (u64, u64)) -> bool {
    let pause = Duration::from_millis(random.between(from_ms, to_ms));
    let mut phase = world.phase.clone();
    let quiet = phase.wait_for(|phase| *phase != Phase::Busy);
    tokio::time::timeout(pause, quiet).await.is_err()
}
