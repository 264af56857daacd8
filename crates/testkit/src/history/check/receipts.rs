//! Rule 6 and unread counts: cursors move only up, nobody moves another's, and what is unread is what stands
//! after it and is not deleted.

use std::collections::HashMap;

use parlor_protocol::{ConversationId, ReceiptStatus, UserId};

use super::Found;
use crate::history::{
    entry::{Call, Entry},
    facts::Facts,
};

pub(super) fn check(facts: &Facts<'_>, found: &mut Found) {
    let reads = reads(facts);
    heard(facts, &reads, found);
    at_the_end(facts, &reads, found);
}

fn heard(facts: &Facts<'_>, reads: &Reads<'_>, found: &mut Found) {
    let mut highest: HashMap<(&str, ConversationId, &UserId, ReceiptStatus), i64> = HashMap::new();
    for line in facts.lines {
        let Entry::Receipt {
            conversation_id,
            user_id,
            status,
            seq,
            ..
        } = &line.entry
        else {
            continue;
        };
        // A membership that begins anew has cursors of its own.
        if !facts.always_member(*conversation_id, user_id) {
            continue;
        }
        let device = &line.client;
        let key = (device.as_str(), *conversation_id, user_id, *status);
        let before = highest.insert(key, *seq);
        found.unless(before.is_none_or(|before| *seq >= before), "R6", || {
            let before = before.unwrap_or_default();
            format!("{device} heard {status:?} of {user_id} in {conversation_id} go from {before} to {seq}")
        });
        let asked = reads.get(&(*conversation_id, user_id));
        let most = asked.copied().unwrap_or_default().most;
        let nobody = *status == ReceiptStatus::Read && *seq > most;
        found.unless(!nobody, "R6", || {
            format!("{device} heard that {user_id} read {seq} of {conversation_id}, who asked for {most}")
        });
    }
}

/// How far somebody has asked to move their read cursor.
#[derive(Debug, Default, Clone, Copy)]
struct Asked {
    /// What was acked.
    least: i64,
    /// What may have been done.
    most: i64,
}

type Reads<'a> = HashMap<(ConversationId, &'a UserId), Asked>;

fn reads<'a>(facts: &'a Facts<'a>) -> Reads<'a> {
    let mut reads = Reads::new();
    for operation in facts.operations.values() {
        let Call::Read {
            conversation_id,
            seq,
        } = operation.call
        else {
            continue;
        };
        let asked = reads.entry((*conversation_id, operation.by)).or_default();
        if operation.may_be_done() {
            asked.most = asked.most.max(*seq);
        }
        if operation.is_done() {
            asked.least = asked.least.max(*seq);
        }
    }
    reads
}

fn at_the_end(facts: &Facts<'_>, reads: &Reads<'_>, found: &mut Found) {
    for ((user_id, conversation_id), listing) in &facts.listed {
        let messages = facts
            .log
            .range((*conversation_id, listing.read_seq + 1)..=(*conversation_id, i64::MAX));
        let unread = messages
            .filter(|(_, message)| message.sender_id != *user_id && !message.deleted)
            .count() as i64;
        found.unless(listing.unread == unread, "R6", || {
            let (told, read) = (listing.unread, listing.read_seq);
            format!("{user_id} has read {read} of {conversation_id} and is told of {told} unread instead of {unread}")
        });
        if facts.always_member(*conversation_id, user_id) {
            let asked = reads.get(&(*conversation_id, user_id));
            let least = asked
                .copied()
                .unwrap_or_default()
                .least
                .min(listing.last_seq);
            found.unless(listing.read_seq >= least, "R6", || {
                let read = listing.read_seq;
                format!(
                    "{user_id} read {least} of {conversation_id}, was acked, and stands at {read}"
                )
            });
        }
    }
}
