//! Messages on their way: which goes out next, which is under way, which waits.
//!
//! Of a conversation one message is under way at a time, so a refusal for now never lets a later one
//! overtake. Never here: a file, a socket, a clock.

use std::collections::{BTreeMap, HashMap, VecDeque};

use parlor_protocol::{ClientFrame, ConversationId, Ref, SendMessage};

use crate::{backoff::backoff_ms, outbox::Entry};

/// Messages under way at once, over all conversations: far below what a server takes from one socket.
const UNDER_WAY_MAX: usize = 16;
/// How long an answer may take, in milliseconds: the server's own bound is 20 s.
pub(crate) const ANSWER_MAX_MS: u64 = 30_000;

#[derive(Debug)]
struct Waiting {
    place: u64,
    client_id: String,
    content: String,
    /// On the device's disk: only then may it go out.
    stored: bool,
}

/// The messages of one conversation, oldest first.
#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    /// Since when the first one is under way.
    under_way_since_ms: Option<u64>,
    not_before_ms: u64,
    failures: u32,
}

impl Line {
    fn may_go(&self, now_ms: u64) -> bool {
        self.under_way_since_ms.is_none()
            && self.not_before_ms <= now_ms
            && self.waiting.front().is_some_and(|first| first.stored)
    }
}

/// The messages of a session that are not acked yet.
#[derive(Debug, Default)]
pub(crate) struct Sends {
    lines: BTreeMap<ConversationId, Line>,
    /// Conversations with messages; who has sent goes to the back.
    turns: VecDeque<ConversationId>,
    /// Where each message waits.
    homes: HashMap<String, ConversationId>,
    placed: u64,
    under_way: usize,
    /// The server takes nothing from us before this.
    not_before_ms: u64,
}

impl Sends {
    /// Takes a message; `stored` when it comes from the disk.
    pub(crate) fn add(&mut self, entry: Entry, stored: bool) {
        let Entry {
            client_id,
            conversation_id,
            content,
        } = entry;
        self.placed += 1;
        self.homes.insert(client_id.clone(), conversation_id);
        let line = self.lines.entry(conversation_id).or_default();
        if line.waiting.is_empty() {
            self.turns.push_back(conversation_id);
        }
        line.waiting.push_back(Waiting {
            place: self.placed,
            client_id,
            content,
            stored,
        });
    }

    /// The message is on the device's disk.
    pub(crate) fn stored(&mut self, client_id: &str) {
        if let Some(line) = self.line_of(client_id) {
            let waiting = &mut line.waiting;
            if let Some(it) = waiting.iter_mut().find(|it| it.client_id == client_id) {
                it.stored = true;
            }
        }
    }

    /// The frames to write now.
    pub(crate) fn next(&mut self, now_ms: u64) -> Vec<ClientFrame> {
        let mut frames = Vec::new();
        if self.not_before_ms > now_ms {
            return frames;
        }
        for _ in 0..self.turns.len() {
            if self.under_way >= UNDER_WAY_MAX {
                break;
            }
            let Some(id) = self.turns.pop_front() else {
                break;
            };
            self.turns.push_back(id);
            let Some(line) = self.lines.get_mut(&id).filter(|line| line.may_go(now_ms)) else {
                continue;
            };
            line.under_way_since_ms = Some(now_ms);
            self.under_way += 1;
            let first = line.waiting.front();
            frames.extend(first.map(|it| frame(id, it.client_id.clone(), it.content.clone())));
        }
        frames
    }

    /// Takes a message out: it was acked, seen, or refused for good. `false` when it was not there.
    pub(crate) fn leave(&mut self, client_id: &str) -> bool {
        let Some(id) = self.homes.remove(client_id) else {
            return false;
        };
        let Some(line) = self.lines.get_mut(&id) else {
            return false;
        };
        let Some(at) = line.waiting.iter().position(|it| it.client_id == client_id) else {
            return false;
        };
        line.waiting.remove(at);
        if at == 0 {
            self.under_way -= usize::from(line.under_way_since_ms.take().is_some());
            line.failures = 0;
            line.not_before_ms = 0;
        }
        if line.waiting.is_empty() {
            self.lines.remove(&id);
            self.turns.retain(|turn| *turn != id);
        }
        true
    }

    /// The server cannot take a message now: it and what follows in its conversation waits, and
    /// everything does when it is the sender that is too fast.
    pub(crate) fn postpone(
        &mut self,
        client_id: &str,
        retry_after_ms: Option<u64>,
        everything: bool,
        now_ms: u64,
        random: f64,
    ) {
        let Some(line) = self.line_of(client_id) else {
            return;
        };
        if line.under_way_since_ms.take().is_none() {
            return;
        }
        let wait_ms = retry_after_ms.unwrap_or_else(|| backoff_ms(line.failures, random));
        line.failures = line.failures.saturating_add(1);
        line.not_before_ms = now_ms.saturating_add(wait_ms);
        let not_before_ms = line.not_before_ms;
        self.under_way -= 1;
        if everything {
            self.not_before_ms = not_before_ms;
        }
    }

    /// The socket has ended: what was under way goes out again on the next one.
    pub(crate) fn interrupted(&mut self) {
        self.under_way = 0;
        for line in self.lines.values_mut() {
            line.under_way_since_ms = None;
        }
    }

    /// What is under way, when the server could not read one of our frames and did not say which.
    pub(crate) fn under_way(&self) -> Vec<String> {
        let lines = self.lines.values();
        lines
            .filter(|line| line.under_way_since_ms.is_some())
            .filter_map(|line| line.waiting.front())
            .map(|first| first.client_id.clone())
            .collect()
    }

    /// Sends again what nobody has answered in time.
    pub(crate) fn give_up_waiting(&mut self, now_ms: u64) {
        for line in self.lines.values_mut() {
            let unanswered = |since_ms: u64| since_ms + ANSWER_MAX_MS <= now_ms;
            if line.under_way_since_ms.is_some_and(unanswered) {
                line.under_way_since_ms = None;
                self.under_way -= 1;
            }
        }
    }

    /// When something is due.
    pub(crate) fn deadline(&self, now_ms: u64) -> Option<u64> {
        let due = |line: &Line| match line.under_way_since_ms {
            Some(since_ms) => Some(since_ms + ANSWER_MAX_MS),
            // What could go by now waits for an answer, not for a time.
            None => Some(line.not_before_ms.max(self.not_before_ms)).filter(|at| *at > now_ms),
        };
        self.lines.values().filter_map(due).min()
    }

    /// The `clientId`s that wait, in the order in which they were written.
    pub(crate) fn waiting(&self) -> Vec<&str> {
        let lines = self.lines.values();
        let mut all: Vec<&Waiting> = lines.flat_map(|line| &line.waiting).collect();
        all.sort_by_key(|waiting| waiting.place);
        all.into_iter().map(|it| it.client_id.as_str()).collect()
    }

    fn line_of(&mut self, client_id: &str) -> Option<&mut Line> {
        let id = self.homes.get(client_id)?;
        self.lines.get_mut(id)
    }
}

/// The frame that sends a message; its `ref` is the `clientId`.
pub(crate) fn frame(id: ConversationId, client_id: String, content: String) -> ClientFrame {
    let reference = Some(Ref::Text(client_id.clone()));
    let body = SendMessage {
        content,
        client_id: Some(client_id),
        ..SendMessage::default()
    };
    ClientFrame::message_send(reference, id, body)
}
