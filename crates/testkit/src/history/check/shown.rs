//! Rules 17 and 18 as an application sees them: each message is told once, in order, and none is left out unless that
//! was said.

use std::collections::HashMap;

use parlor_protocol::ConversationId;

use super::Found;
use crate::history::{entry::Entry, facts::Facts};

/// What an application was told of a conversation.
#[derive(Debug, Default, Clone, Copy)]
struct Told {
    newest: i64,
    /// Whether the next message may be any newer one.
    may_jump: bool,
}

pub(super) fn check(facts: &Facts<'_>, found: &mut Found) {
    let mut told: HashMap<(&str, ConversationId), Told> = HashMap::new();
    for line in facts.lines {
        let client = line.client.as_str();
        match &line.entry {
            Entry::Shown {
                conversation_id,
                seq,
            } => {
                let first = Told {
                    newest: 0,
                    may_jump: true,
                };
                let told = told.entry((client, *conversation_id)).or_insert(first);
                let newest = told.newest;
                found.unless(*seq > newest, "R18", || {
                    format!(
                        "{client} was told of message {seq} of {conversation_id} after {newest}"
                    )
                });
                found.unless(told.may_jump || *seq <= newest + 1, "R17", || {
                    format!("{client} was told of message {seq} of {conversation_id} after {newest}, and of none between")
                });
                *told = Told {
                    newest: newest.max(*seq),
                    may_jump: false,
                };
            }
            Entry::Left {
                conversation_id, ..
            } => {
                let theirs = told.iter_mut().filter(|((whose, id), _)| {
                    *whose == client && conversation_id.is_none_or(|left| left == *id)
                });
                theirs.for_each(|(_, told)| told.may_jump = true);
            }
            _ => {}
        }
    }
}
