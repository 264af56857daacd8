//! Rule 3 for what happens to a message later: its text, its end and the emoji on it are what the operations allow.
//!
//! Each is a register that several people write. What stands at the end must come from a write that may have been
//! done, and that no write which surely came after it and was done has replaced.

use std::collections::{BTreeMap, HashMap};

use parlor_protocol::{ConversationId, MessageId, UserId};

use super::Found;
use crate::history::{
    entry::{Call, Held},
    facts::{Facts, Operation},
};

/// The operations on one message.
#[derive(Default)]
struct Changes<'a> {
    /// Sends and edits, with the text that they write.
    texts: Vec<(&'a Operation<'a>, &'a str)>,
    deletes: Vec<&'a Operation<'a>>,
    reactions: BTreeMap<(&'a str, &'a UserId), Vec<(&'a Operation<'a>, bool)>>,
}

pub(super) fn check(facts: &Facts<'_>, found: &mut Found) {
    let changes = changes(facts);
    let stored = facts.by_id();
    let sent = sent(facts);
    for (message_id, changes) in &changes {
        let Some((conversation_id, message)) = stored.get(message_id) else {
            let edits = changes.texts.iter().map(|(operation, _)| *operation);
            let any = edits
                .chain(changes.deletes.iter().copied())
                .any(Operation::is_done);
            found.unless(!any, "R3", || {
                format!("{message_id} was changed and is not stored")
            });
            continue;
        };
        end(*conversation_id, message, changes, found);
        if !message.deleted {
            text(message, changes, &sent, found);
            reactions(message, changes, found);
        }
    }
    for (_, message) in &facts.stored {
        let untouched = !changes.contains_key(&message.id);
        if untouched {
            let changes = Changes::default();
            found.unless(!message.deleted, "R3", || {
                format!("{} is deleted and nobody did it", name(message))
            });
            if !message.deleted {
                text(message, &changes, &sent, found);
                reactions(message, &changes, found);
            }
        }
    }
}

fn name(message: &Held) -> String {
    format!("{} at {}", message.client_id, message.seq)
}

/// The texts that a sender gave a `clientId`.
type Sent<'a> = HashMap<(&'a UserId, &'a str), Vec<&'a str>>;

fn sent<'a>(facts: &'a Facts<'a>) -> Sent<'a> {
    let mut sent = Sent::new();
    for operation in facts.operations.values() {
        if let Call::Send {
            client_id, content, ..
        } = operation.call
        {
            let texts = sent.entry((operation.by, client_id)).or_default();
            texts.push(content);
        }
    }
    sent
}

fn changes<'a>(facts: &'a Facts<'a>) -> BTreeMap<MessageId, Changes<'a>> {
    let mut changes: BTreeMap<MessageId, Changes<'a>> = BTreeMap::new();
    for operation in facts.operations.values() {
        match operation.call {
            Call::Edit {
                message_id,
                content,
                ..
            } => {
                let texts = &mut changes.entry(*message_id).or_default().texts;
                texts.push((operation, content));
            }
            Call::Delete { message_id, .. } => {
                let deletes = &mut changes.entry(*message_id).or_default().deletes;
                deletes.push(operation);
            }
            Call::React {
                message_id,
                emoji,
                on,
                ..
            } => {
                let reactions = &mut changes.entry(*message_id).or_default().reactions;
                let key = (emoji.as_str(), operation.by);
                reactions.entry(key).or_default().push((operation, *on));
            }
            _ => {}
        }
    }
    changes
}

/// Whether this write may be what stands at the end.
fn may_stand<'a>(write: &Operation<'_>, mut all: impl Iterator<Item = &'a Operation<'a>>) -> bool {
    write.may_be_done() && !all.any(|other| other.is_done() && write.is_before(other))
}

fn end(conversation_id: ConversationId, message: &Held, changes: &Changes<'_>, found: &mut Found) {
    let deleted = changes.deletes.iter().find(|it| it.is_done());
    if message.deleted {
        let may_be = changes.deletes.iter().any(|it| it.may_be_done());
        found.unless(may_be, "R3", || {
            format!("{} is deleted and nobody did it", name(message))
        });
        let empty = message.content.is_empty() && message.reactions.is_empty();
        found.unless(empty, "R3", || {
            format!("{} is deleted and still says something", name(message))
        });
    } else {
        found.unless(deleted.is_none(), "R3", || {
            format!(
                "the delete of {} in {conversation_id} was acked and is lost",
                name(message)
            )
        });
    }
    for (edit, _) in &changes.texts {
        let late = deleted.is_some_and(|delete| delete.is_before(edit)) && edit.is_done();
        found.unless(!late, "R3", || {
            format!("{} was edited after it was deleted", name(message))
        });
    }
}

fn text(message: &Held, changes: &Changes<'_>, sent: &Sent<'_>, found: &mut Found) {
    let edits = || changes.texts.iter().map(|(operation, _)| *operation);
    let key = (&message.sender_id, message.client_id.as_str());
    let as_sent = sent
        .get(&key)
        .is_some_and(|texts| texts.contains(&message.content.as_str()));
    if as_sent {
        let edited = edits().find(|edit| edit.is_done());
        found.unless(edited.is_none(), "R3", || {
            format!("an edit of {} was acked and is lost", name(message))
        });
        return;
    }
    let written = changes
        .texts
        .iter()
        .filter(|(_, content)| *content == message.content);
    let mut nobody = true;
    let mut stands = false;
    for (edit, _) in written {
        nobody &= !edit.may_be_done();
        stands |= may_stand(edit, edits());
    }
    if nobody {
        found.add(
            "R3",
            format!(
                "{} says {:?}, which nobody wrote",
                name(message),
                message.content
            ),
        );
    } else {
        found.unless(stands, "R3", || {
            format!("a later edit of {} was acked and is lost", name(message))
        });
        found.unless(message.edited, "R3", || {
            format!("{} was edited and does not say so", name(message))
        });
    }
}

fn reactions(message: &Held, changes: &Changes<'_>, found: &mut Found) {
    for ((emoji, user_id), writes) in &changes.reactions {
        let on = message
            .reactions
            .get(*emoji)
            .is_some_and(|users| users.contains(*user_id));
        let all = || writes.iter().map(|(operation, _)| *operation);
        // Before all writes it is off.
        let untouched = !on && !all().any(Operation::is_done);
        let stands = writes
            .iter()
            .any(|(write, to)| *to == on && may_stand(write, all()));
        found.unless(stands || untouched, "R3", || {
            let word = if on { "on" } else { "off" };
            format!(
                "{emoji} of {user_id} is {word} {}, against what was acked",
                name(message)
            )
        });
    }
    for (emoji, users) in &message.reactions {
        for user_id in users {
            let key = (emoji.as_str(), user_id);
            found.unless(changes.reactions.contains_key(&key), "R3", || {
                format!(
                    "{emoji} of {user_id} is on {} and nobody put it there",
                    name(message)
                )
            });
        }
    }
}
