//! Rules 2, 8, 13, 14, 16, 17 and 19: what each socket heard is consecutive, the same for everyone, and applied in
//! order.

use std::collections::HashMap;

use parlor_protocol::ConversationId;

use super::Found;
use crate::history::{
    entry::{Change, Entry, Held},
    facts::Facts,
};

/// Close codes that say that the client or its cursor was wrong; ours is not.
const OUR_FAULT: [u16; 6] = [1007, 1009, 4001, 4004, 4007, 4029];

/// What a device holds of a conversation.
#[derive(Debug, Default, Clone, Copy)]
struct Position {
    version: i64,
    /// The newest place of its window; `None` until it has one.
    end: Option<i64>,
    /// A page of history may be newer than the version: messages up to here are held before their events come.
    read_to: i64,
}

#[derive(Default)]
struct Hearing<'a> {
    /// The newest version that a socket has heard.
    heard: HashMap<(&'a str, u32, ConversationId), i64>,
    held: HashMap<(&'a str, ConversationId), Position>,
    /// Each change by its version, and who heard it first.
    changes: HashMap<(ConversationId, i64), (&'a Change, &'a str)>,
    /// Each message by its place, as it was when new.
    places: HashMap<(ConversationId, i64), &'a Held>,
    epoch: Option<&'a str>,
}

pub(super) fn check(facts: &Facts<'_>, found: &mut Found) {
    let mut hearing = Hearing::default();
    for line in facts.lines {
        hearing.line(&line.client, &line.entry, found);
    }
}

impl<'a> Hearing<'a> {
    fn line(&mut self, device: &'a str, entry: &'a Entry, found: &mut Found) {
        match entry {
            Entry::Connected {
                epoch,
                asked_to_resume,
                resumed,
                ..
            } => {
                let first = *self.epoch.get_or_insert(epoch);
                found.unless(first == epoch, "R19", || {
                    format!("{device} was told the epoch {epoch} after {first}")
                });
                found.unless(*resumed || !asked_to_resume, "R8", || {
                    format!("{device} gave a cursor and was not resumed")
                });
            }
            Entry::Closed {
                code: Some(code), ..
            } => {
                found.unless(!OUR_FAULT.contains(code), "R13", || {
                    format!("{device} was closed with {code}")
                });
            }
            Entry::Heard {
                connection,
                conversation_id,
                version,
                change,
            } => self.heard(
                device,
                *connection,
                (*conversation_id, *version),
                change,
                found,
            ),
            Entry::Applied {
                conversation_id,
                version,
                seq,
            } => self.applied(device, *conversation_id, *version, *seq, found),
            Entry::Synced {
                conversation_id,
                version,
                last_seq,
                gap,
                seqs,
            } => {
                let held = self.held.entry((device, *conversation_id)).or_default();
                synced(device, held, (*version, *last_seq, *gap), seqs, found);
            }
            Entry::Window {
                conversation_id,
                last_seq,
                ..
            } => {
                let held = self.held.entry((device, *conversation_id)).or_default();
                held.end = Some(held.end.map_or(*last_seq, |end| end.max(*last_seq)));
                held.read_to = *last_seq;
            }
            Entry::Gone {
                connection,
                conversation_id,
                applied,
            } => {
                if *applied {
                    self.held.remove(&(device, *conversation_id));
                }
                self.heard.remove(&(device, *connection, *conversation_id));
            }
            Entry::Reset { .. } => self.held.retain(|(whose, _), _| *whose != device),
            _ => {}
        }
    }

    fn heard(
        &mut self,
        device: &'a str,
        connection: u32,
        (conversation_id, version): (ConversationId, i64),
        change: &'a Change,
        found: &mut Found,
    ) {
        let at = (device, connection, conversation_id);
        let before = self.heard.insert(at, version);
        let held = self.held.get(&(device, conversation_id));
        match (before, held) {
            (Some(before), _) => found.unless(version == before + 1, "R2", || {
                format!("{device} heard version {version} of {conversation_id} after {before} on one socket")
            }),
            // The first on this socket: everything since the cursor came on pages before it.
            (None, Some(held)) => found.unless(version <= held.version + 1, "R8", || {
                let held = held.version;
                format!("{device} stood at version {held} of {conversation_id} and then heard {version}")
            }),
            (None, None) => {}
        }
        let (first, whose) = *self
            .changes
            .entry((conversation_id, version))
            .or_insert((change, device));
        found.unless(first == change, "R2", || {
            format!("{device} heard {change:?} as version {version} of {conversation_id}, {whose} heard {first:?}")
        });
        if let Change::New { message } = change {
            let first = *self
                .places
                .entry((conversation_id, message.seq))
                .or_insert(message);
            found.unless(first == message, "R1", || {
                format!(
                    "two messages were heard at {} of {conversation_id}",
                    message.seq
                )
            });
            found.unless(message.version == version, "R2", || {
                format!(
                    "a new message of {conversation_id} has version {} in event {version}",
                    message.version
                )
            });
        }
    }

    fn applied(
        &mut self,
        device: &'a str,
        conversation_id: ConversationId,
        version: i64,
        seq: Option<i64>,
        found: &mut Found,
    ) {
        let Some(held) = self.held.get_mut(&(device, conversation_id)) else {
            found.add(
                "R14",
                format!("{device} applied version {version} of {conversation_id}, which it does not know"),
            );
            return;
        };
        found.unless(version == held.version + 1, "R14", || {
            let held = held.version;
            format!("{device} applied version {version} of {conversation_id} after {held}")
        });
        held.version = version;
        if let Some(seq) = seq {
            let end = held.end.unwrap_or(seq - 1);
            held.end = Some(end.max(seq));
            found.unless(seq == end + 1 || seq <= held.read_to, "R17", || {
                format!("{device} applied message {seq} of {conversation_id} after {end}")
            });
        }
    }
}

fn synced(
    device: &str,
    held: &mut Position,
    (version, last_seq, gap): (i64, i64, bool),
    seqs: &[i64],
    found: &mut Found,
) {
    found.unless(version >= held.version, "R16", || {
        let before = held.version;
        format!("{device} went back from version {before} to {version}")
    });
    held.version = version;
    if gap {
        held.end = None;
        return;
    }
    let Some(end) = held.end else {
        // What was not known is known from here on when the page reaches the newest message; else it is read.
        held.end = seqs.last().copied().filter(|newest| *newest == last_seq);
        return;
    };
    let mut newest = end;
    for seq in seqs.iter().filter(|seq| **seq > end) {
        found.unless(*seq == newest + 1, "R17", || {
            format!("a page without a gap goes from {newest} to {seq} at {device}")
        });
        newest = *seq;
    }
    found.unless(newest >= last_seq, "R16", || {
        format!("a page without a gap ends at {newest} of {last_seq} at {device}")
    });
    held.end = Some(newest);
}
