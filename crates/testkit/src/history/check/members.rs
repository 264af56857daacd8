//! Refusals: who is no member does nothing in a conversation and hears nothing of it; who is one is not refused.
//!
//! Only what is certain counts: an operation that ran beside the change of a membership may go either way.

use std::collections::HashMap;

use parlor_protocol::{Code, ConversationId, MessageId, UserId};

use super::Found;
use crate::history::{
    entry::{Call, Change, Entry},
    facts::{Facts, NEVER, Outcome},
};

/// How long a removed member may go on to hear what happens after the removal was acked, in milliseconds: events
/// that are on their way.
const HEARS_ON_MS: u64 = 5_000;

pub(super) fn check(facts: &Facts<'_>, found: &mut Found) {
    operations(facts, found);
    hearing(facts, found);
    at_the_end(facts, found);
}

fn operations(facts: &Facts<'_>, found: &mut Found) {
    let mut first_sent: HashMap<(ConversationId, &UserId, &str), u64> = HashMap::new();
    for operation in facts.operations.values() {
        if let Call::Send { client_id, .. } = operation.call {
            let key = (
                operation.call.conversation_id(),
                operation.by,
                client_id.as_str(),
            );
            let at = first_sent.entry(key).or_insert(operation.invoked_at);
            *at = operation.invoked_at.min(*at);
        }
    }
    for operation in facts.operations.values() {
        if matches!(operation.call, Call::SetMember { .. }) {
            continue;
        }
        let conversation_id = operation.call.conversation_id();
        // A message that is sent again was perhaps stored the first time, when its sender still was one.
        let invoked_at = match operation.call {
            Call::Send { client_id, .. } => {
                first_sent[&(conversation_id, operation.by, client_id.as_str())]
            }
            _ => operation.invoked_at,
        };
        let time = (invoked_at, operation.ended_at());
        let surely = |is_member| facts.surely(is_member, conversation_id, operation.by, time);
        match operation.outcome {
            Outcome::Done { .. } => found.unless(!surely(false), "refusals", || {
                format!(
                    "{} is no member of {conversation_id} and could do {:?}",
                    operation.by, operation.call
                )
            }),
            Outcome::Refused {
                code: Code::NotFound | Code::Forbidden,
                ..
            } => found.unless(!surely(true), "refusals", || {
                format!(
                    "{} is a member of {conversation_id} and was refused {:?}",
                    operation.by, operation.call
                )
            }),
            Outcome::Refused { .. } | Outcome::Unknown => {}
        }
    }
}

/// An emoji and whose it is.
type Emoji<'a> = (&'a str, &'a UserId);

/// The moment before which a change cannot have been made, in milliseconds: when it was asked for.
struct Asked<'a> {
    texts: HashMap<&'a str, u64>,
    others: HashMap<(MessageId, Option<Emoji<'a>>), u64>,
}

impl<'a> Asked<'a> {
    fn of(facts: &'a Facts<'a>) -> Self {
        let mut asked = Self {
            texts: HashMap::new(),
            others: HashMap::new(),
        };
        for operation in facts.operations.values() {
            let ms = operation.invoked_ms;
            match operation.call {
                Call::Send { content, .. } | Call::Edit { content, .. } => {
                    asked.texts.entry(content).or_insert(ms);
                }
                Call::Delete { message_id, .. } => {
                    asked.others.entry((*message_id, None)).or_insert(ms);
                }
                Call::React {
                    message_id, emoji, ..
                } => {
                    let key = (*message_id, Some((emoji.as_str(), operation.by)));
                    asked.others.entry(key).or_insert(ms);
                }
                _ => {}
            }
        }
        asked
    }

    fn for_change(&self, change: &Change) -> Option<u64> {
        match change {
            Change::New { message } | Change::Updated { message } => {
                self.texts.get(message.content.as_str()).copied()
            }
            Change::Deleted { message_id, .. } => self.others.get(&(*message_id, None)).copied(),
            Change::Reacted {
                message_id,
                emoji,
                user_id,
                ..
            } => {
                let key = (*message_id, Some((emoji.as_str(), user_id)));
                self.others.get(&key).copied()
            }
            Change::Joined { .. } | Change::Left { .. } | Change::Settings => None,
        }
    }
}

fn hearing(facts: &Facts<'_>, found: &mut Found) {
    let asked = Asked::of(facts);
    let mut owners: HashMap<&str, &UserId> = HashMap::new();
    for line in facts.lines {
        match &line.entry {
            Entry::Connected { user_id, .. } => {
                owners.insert(&line.client, user_id);
            }
            Entry::Heard {
                conversation_id,
                version,
                change,
                ..
            } => {
                let (Some(user_id), Some(asked_ms)) =
                    (owners.get(line.client.as_str()), asked.for_change(change))
                else {
                    continue;
                };
                let removed = removed_at(facts, *conversation_id, user_id, asked_ms);
                let outside = removed.is_some_and(|removed_at| {
                    facts.surely(false, *conversation_id, user_id, (removed_at + 1, line.at))
                });
                found.unless(!outside, "refusals", || {
                    let client = &line.client;
                    format!("{client} heard version {version} of {conversation_id}, of which {user_id} was no member any more")
                });
            }
            _ => {}
        }
    }
}

/// The ack of the latest removal that is long enough before this moment.
fn removed_at(
    facts: &Facts<'_>,
    conversation_id: ConversationId,
    user_id: &UserId,
    asked_ms: u64,
) -> Option<u64> {
    facts
        .memberships(conversation_id, user_id)
        .filter_map(|(operation, member)| match operation.outcome {
            Outcome::Done { at, ms, .. } if !member && ms + HEARS_ON_MS < asked_ms => Some(at),
            _ => None,
        })
        .max()
}

fn at_the_end(facts: &Facts<'_>, found: &mut Found) {
    let end = facts.lines.last().map_or(0, |line| line.at);
    for ((reader, conversation_id), listing) in &facts.listed {
        let outside = facts.surely(false, *conversation_id, reader, (end, NEVER));
        found.unless(!outside, "refusals", || {
            format!("{reader} is no member of {conversation_id} and can read it")
        });
        for user_id in listing.members {
            let outside = facts.surely(false, *conversation_id, user_id, (end, NEVER));
            found.unless(!outside, "R3", || {
                format!("{user_id} was removed from {conversation_id} and is a member")
            });
        }
        for user_id in facts.users() {
            let inside = facts.surely(true, *conversation_id, user_id, (end, NEVER));
            found.unless(!inside || listing.members.contains(user_id), "R3", || {
                format!("{user_id} is not among the members of {conversation_id} any more")
            });
        }
    }
}
