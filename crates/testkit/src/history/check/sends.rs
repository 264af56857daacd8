//! Rules 1, 3 and 4: what was acked is stored, once, at its place; the places have no gaps.

use std::collections::{BTreeMap, HashMap};

use parlor_protocol::{ConversationId, UserId};

use super::Found;
use crate::history::{
    entry::{Call, Held},
    facts::{Facts, Operation, Outcome},
};

/// What makes a message one: conversation, sender, `clientId`.
type Key<'a> = (ConversationId, &'a UserId, &'a str);

pub(super) fn check(facts: &Facts<'_>, found: &mut Found) {
    let attempts = attempts(facts);
    let mut places: HashMap<Key<'_>, &Held> = HashMap::new();
    let mut taken: BTreeMap<(ConversationId, i64), &Held> = BTreeMap::new();
    for (conversation_id, message) in &facts.stored {
        let key = (
            *conversation_id,
            &message.sender_id,
            message.client_id.as_str(),
        );
        let (client_id, seq) = (key.2, message.seq);
        if let Some(other) = taken.insert((*conversation_id, seq), message) {
            found.add(
                "R1",
                format!(
                    "{client_id} and {} have the place {seq} of {conversation_id}",
                    other.client_id
                ),
            );
        }
        if let Some(first) = places.insert(key, message) {
            let first = first.seq;
            found.add(
                "R4",
                format!("{client_id} is stored at {first} and again at {seq}"),
            );
        }
        match attempts.get(&key) {
            None => found.add("R3", format!("{client_id} is stored and nobody sent it")),
            Some(attempts) => {
                let may_be = attempts.iter().any(|attempt| attempt.may_be_done());
                found.unless(may_be, "R3", || {
                    format!("{client_id} was refused each time and is stored")
                });
            }
        }
    }
    places_without_gaps(&taken, found);
    for (key, attempts) in &attempts {
        acked(key, attempts, places.get(key).copied(), found);
    }
}

fn attempts<'a>(facts: &'a Facts<'a>) -> BTreeMap<Key<'a>, Vec<&'a Operation<'a>>> {
    let mut attempts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for operation in facts.operations.values() {
        if let Call::Send {
            conversation_id,
            client_id,
            ..
        } = operation.call
        {
            let key = (*conversation_id, operation.by, client_id.as_str());
            attempts.entry(key).or_default().push(operation);
        }
    }
    attempts
}

fn places_without_gaps(taken: &BTreeMap<(ConversationId, i64), &Held>, found: &mut Found) {
    let mut newest: HashMap<ConversationId, i64> = HashMap::new();
    for (conversation_id, seq) in taken.keys() {
        let before = newest.insert(*conversation_id, *seq).unwrap_or(0);
        found.unless(*seq == before + 1, "R1", || {
            format!("the places of {conversation_id} go from {before} to {seq}")
        });
    }
}

/// All attempts at one message that were acked name the same place, with the same text, and it is stored there.
fn acked(
    (conversation_id, _, client_id): &Key<'_>,
    attempts: &[&Operation<'_>],
    stored: Option<&Held>,
    found: &mut Found,
) {
    let mut first: Option<(i64, &str)> = None;
    for attempt in attempts {
        let (
            Call::Send { content, .. },
            Outcome::Done {
                place: Some(place), ..
            },
        ) = (attempt.call, attempt.outcome)
        else {
            continue;
        };
        let (seq, text) = *first.get_or_insert((place.seq, content));
        found.unless(seq == place.seq, "R4", || {
            format!("{client_id} was acked at {seq} and at {}", place.seq)
        });
        found.unless(text == content, "R4", || {
            format!("{client_id} was acked with two texts")
        });
        match stored {
            None => found.add(
                "R3",
                format!("{client_id} of {conversation_id} was acked and is lost"),
            ),
            Some(stored) => {
                let stands = stored.seq == place.seq && stored.id == place.message_id;
                found.unless(stands, "R1", || {
                    let (acked, at) = (place.seq, stored.seq);
                    format!("{client_id} was acked at {acked} and stands at {at}")
                });
            }
        }
    }
}
