//! A history in the order in which the checks ask for it: operations with their outcomes, what is stored at the end,
//! who could have been a member when.
//!
//! Never here: a judgement. An operation without an answer is one of unknown outcome.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use parlor_protocol::{Code, ConversationId, MessageId, UserId};

use super::entry::{Call, Entry, Held, Line, Place};

/// Later than everything.
pub(super) const NEVER: u64 = u64::MAX;

/// An attempt and what became of it.
#[derive(Debug)]
pub(super) struct Operation<'a> {
    pub(super) by: &'a UserId,
    pub(super) call: &'a Call,
    pub(super) invoked_at: u64,
    pub(super) invoked_ms: u64,
    pub(super) outcome: Outcome,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done {
        at: u64,
        ms: u64,
        place: Option<Place>,
    },
    Refused {
        at: u64,
        code: Code,
    },
    Unknown,
}

impl Operation<'_> {
    /// The moment before which it took effect, if it did.
    pub(super) fn ended_at(&self) -> u64 {
        match self.outcome {
            Outcome::Done { at, .. } | Outcome::Refused { at, .. } => at,
            Outcome::Unknown => NEVER,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.outcome, Outcome::Done { .. })
    }

    /// Whether it can have taken effect.
    pub(super) fn may_be_done(&self) -> bool {
        !matches!(self.outcome, Outcome::Refused { .. })
    }

    /// Whether it is certain that the other took effect after this one, if both did.
    pub(super) fn is_before(&self, other: &Operation<'_>) -> bool {
        self.ended_at() < other.invoked_at
    }
}

/// A conversation as one member was told of it at the end.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    pub(super) version: i64,
    pub(super) last_seq: i64,
    pub(super) members: &'a BTreeSet<UserId>,
    pub(super) read_seq: i64,
    pub(super) unread: i64,
}

/// A history in the order in which the checks ask for it.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    pub(super) lines: &'a [Line],
    pub(super) operations: BTreeMap<u64, Operation<'a>>,
    pub(super) founded: BTreeMap<ConversationId, &'a BTreeSet<UserId>>,
    /// What the first reader of each conversation read.
    pub(super) stored: Vec<(ConversationId, &'a Held)>,
    /// What everybody else read.
    pub(super) read_again: Vec<(&'a UserId, ConversationId, &'a Held)>,
    readers: BTreeMap<ConversationId, &'a UserId>,
    /// The stored messages by their places.
    pub(super) log: BTreeMap<(ConversationId, i64), &'a Held>,
    pub(super) listed: BTreeMap<(UserId, ConversationId), Listing<'a>>,
    /// Operations that make or end a membership.
    memberships: HashMap<(ConversationId, UserId), Vec<u64>>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(lines: &'a [Line]) -> Self {
        let mut facts = Self {
            lines,
            ..Self::default()
        };
        for line in lines {
            facts.take(line);
        }
        facts
    }

    fn take(&mut self, line: &'a Line) {
        let (at, ms) = (line.at, line.ms);
        match &line.entry {
            Entry::Founded {
                conversation_id,
                members,
            } => {
                self.founded.insert(*conversation_id, members);
            }
            Entry::Invoked {
                operation,
                by,
                call,
            } => {
                if let Call::SetMember {
                    conversation_id,
                    user_id,
                    ..
                } = call
                {
                    let key = (*conversation_id, user_id.clone());
                    self.memberships.entry(key).or_default().push(*operation);
                }
                let invoked = Operation {
                    by,
                    call,
                    invoked_at: at,
                    invoked_ms: ms,
                    outcome: Outcome::Unknown,
                };
                self.operations.insert(*operation, invoked);
            }
            Entry::Done { operation, place } => {
                let place = *place;
                self.ended(*operation, Outcome::Done { at, ms, place });
            }
            Entry::Refused { operation, code } => {
                self.ended(*operation, Outcome::Refused { at, code: *code });
            }
            Entry::Stored {
                reader,
                conversation_id,
                message,
            } => {
                let first = self.readers.entry(*conversation_id).or_insert(reader);
                if *first == reader {
                    self.stored.push((*conversation_id, message));
                    self.log.insert((*conversation_id, message.seq), message);
                } else {
                    self.read_again.push((reader, *conversation_id, message));
                }
            }
            Entry::Listed {
                user_id,
                conversation_id,
                version,
                last_seq,
                members,
                read_seq,
                unread,
            } => {
                let listing = Listing {
                    version: *version,
                    last_seq: *last_seq,
                    members,
                    read_seq: *read_seq,
                    unread: *unread,
                };
                self.listed
                    .insert((user_id.clone(), *conversation_id), listing);
            }
            _ => {}
        }
    }

    fn ended(&mut self, operation: u64, outcome: Outcome) {
        if let Some(invoked) = self.operations.get_mut(&operation) {
            invoked.outcome = outcome;
        }
    }

    /// The stored messages by their ids.
    pub(super) fn by_id(&self) -> HashMap<MessageId, (ConversationId, &'a Held)> {
        let with_id = |(conversation_id, message): &(ConversationId, &'a Held)| {
            (message.id, (*conversation_id, *message))
        };
        self.stored.iter().map(with_id).collect()
    }

    /// The operations on one membership.
    pub(super) fn memberships(
        &self,
        conversation_id: ConversationId,
        user_id: &UserId,
    ) -> impl Iterator<Item = (&Operation<'a>, bool)> {
        let operations = self.memberships.get(&(conversation_id, user_id.clone()));
        operations
            .into_iter()
            .flatten()
            .filter_map(|id| self.operations.get(id))
            .filter_map(|operation| match operation.call {
                Call::SetMember { member, .. } => Some((operation, *member)),
                _ => None,
            })
    }

    /// Whether somebody was a member, or was none, through all of this time, whatever became of what is unknown.
    pub(super) fn surely(
        &self,
        is_member: bool,
        conversation_id: ConversationId,
        user_id: &UserId,
        (from_at, to_at): (u64, u64),
    ) -> bool {
        let Some(founders) = self.founded.get(&conversation_id) else {
            return false;
        };
        // The latest moment that surely made it so; from the beginning when nothing had to.
        let made_at = self
            .memberships(conversation_id, user_id)
            .filter(|(operation, to)| {
                *to == is_member && operation.is_done() && operation.ended_at() < from_at
            })
            .map(|(operation, _)| operation.invoked_at)
            .max();
        if made_at.is_none() && founders.contains(user_id) != is_member {
            return false;
        }
        let may_undo = |operation: &Operation<'_>| {
            operation.may_be_done()
                && operation.invoked_at < to_at
                && made_at.is_none_or(|made_at| operation.ended_at() > made_at)
        };
        !self
            .memberships(conversation_id, user_id)
            .any(|(operation, to)| to != is_member && may_undo(operation))
    }

    /// Everybody who was ever meant to be a member.
    pub(super) fn users(&self) -> BTreeSet<&UserId> {
        let founders = self.founded.values().flat_map(|users| users.iter());
        let others = self.memberships.keys().map(|(_, user_id)| user_id);
        founders.chain(others).collect()
    }

    /// Whether nobody ever tried to end this membership.
    pub(super) fn always_member(&self, conversation_id: ConversationId, user_id: &UserId) -> bool {
        self.surely(true, conversation_id, user_id, (0, NEVER))
    }
}
