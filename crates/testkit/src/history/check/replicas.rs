//! Rules 14 to 17 at the end: each device holds what is stored, and only that.

use std::collections::{BTreeMap, BTreeSet};

use parlor_protocol::{ConversationId, UserId};

use super::Found;
use crate::history::{
    entry::{Entry, Held},
    facts::Facts,
};

pub(super) fn check(facts: &Facts<'_>, found: &mut Found) {
    listings(facts, found);
    readers(facts, found);
    let mut owners: BTreeMap<&str, &UserId> = BTreeMap::new();
    let mut holds: BTreeSet<(&str, ConversationId)> = BTreeSet::new();
    for line in facts.lines {
        match &line.entry {
            Entry::Rested { user_id } => {
                owners.insert(&line.client, user_id);
            }
            Entry::Replica {
                user_id,
                conversation_id,
                version,
                messages,
            } => {
                holds.insert((&line.client, *conversation_id));
                let held = (*conversation_id, Some(*version), messages.as_slice());
                replica(facts, &line.client, user_id, held, found);
            }
            Entry::View {
                user_id,
                conversation_id,
                messages,
            } => {
                holds.insert((&line.client, *conversation_id));
                let held = (*conversation_id, None, messages.as_slice());
                replica(facts, &line.client, user_id, held, found);
            }
            _ => {}
        }
    }
    for (device, user_id) in owners {
        for (reader, conversation_id) in facts.listed.keys() {
            let there = reader != user_id || holds.contains(&(device, *conversation_id));
            found.unless(there, "R14", || {
                format!("{device} does not know {conversation_id} of {user_id}")
            });
        }
    }
}

/// All members are told the same of a conversation, and the log agrees.
fn listings(facts: &Facts<'_>, found: &mut Found) {
    let mut first = BTreeMap::new();
    for ((reader, conversation_id), listing) in &facts.listed {
        let told = (listing.version, listing.last_seq, listing.members);
        let before = *first.entry(conversation_id).or_insert(told);
        found.unless(before == told, "R2", || {
            format!("{reader} is told {told:?} of {conversation_id}, another member {before:?}")
        });
        let newest = facts
            .log
            .range((*conversation_id, 0)..=(*conversation_id, i64::MAX))
            .next_back()
            .map_or(0, |((_, seq), _)| *seq);
        found.unless(newest == listing.last_seq, "R1", || {
            let last = listing.last_seq;
            format!("{conversation_id} says that it ends at {last}, and ends at {newest}")
        });
    }
}

/// Every member reads the same log.
fn readers(facts: &Facts<'_>, found: &mut Found) {
    let mut counts: BTreeMap<(&UserId, ConversationId), usize> = BTreeMap::new();
    for (reader, conversation_id, message) in &facts.read_again {
        *counts.entry((reader, *conversation_id)).or_default() += 1;
        let first = facts.log.get(&(*conversation_id, message.seq));
        found.unless(first.is_some_and(|first| first == message), "R1", || {
            format!("{reader} reads {message:?} of {conversation_id}, another member {first:?}")
        });
    }
    for ((reader, conversation_id), count) in counts {
        let all = facts
            .log
            .range((conversation_id, 0)..=(conversation_id, i64::MAX))
            .count();
        found.unless(count == all, "R1", || {
            format!("{reader} reads {count} messages of {conversation_id}, another member {all}")
        });
    }
}

fn replica(
    facts: &Facts<'_>,
    device: &str,
    user_id: &UserId,
    (conversation_id, version, messages): (ConversationId, Option<i64>, &[Held]),
    found: &mut Found,
) {
    let Some(listing) = facts.listed.get(&(user_id.clone(), conversation_id)) else {
        found.add(
            "R16",
            format!("{device} holds {conversation_id}, of which {user_id} is no member"),
        );
        return;
    };
    if let Some(version) = version {
        found.unless(version == listing.version, "R14", || {
            let stored = listing.version;
            format!("{device} rests at version {version} of {conversation_id} instead of {stored}")
        });
    }
    let end = messages.last().map_or(0, |message| message.seq);
    found.unless(end == listing.last_seq, "R17", || {
        let stored = listing.last_seq;
        format!("{device} rests at message {end} of {conversation_id} instead of {stored}")
    });
    for pair in messages.windows(2) {
        found.unless(pair[1].seq == pair[0].seq + 1, "R17", || {
            let (one, next) = (pair[0].seq, pair[1].seq);
            format!("the window of {device} goes from {one} to {next} of {conversation_id}")
        });
    }
    for message in messages {
        let stored = facts.log.get(&(conversation_id, message.seq));
        found.unless(
            stored.is_some_and(|stored| *stored == message),
            "R14",
            || format!("{device} holds {message:?} of {conversation_id}, stored is {stored:?}"),
        );
    }
}
