//! What a device holds, and how it applies what it is told: rules 14 to 19 of `docs/PROTOCOL.md`, written a second
//! time and as plainly as they stand there, so that the clients are not tested by themselves.
//!
//! No I/O: frames go in, [`Output`]s come out. What is applied is written to the history; the checker judges it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use parlor_protocol::{ConversationId, MessagePage, ServerFrame, SyncPage, SyncedConversation};
use parlor_testkit::history::{Change, Entry, Held};

/// Events that may wait for a sync; beyond it the device starts over.
const WAITING_MAX: usize = 10_000;

/// What must be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Write a line.
    Write(Entry),
    /// Ask for what has changed since this cursor, or for everything.
    Sync(Option<String>),
    /// Read the newest messages of a conversation, for this attempt.
    Read(ConversationId, u64),
}

/// A conversation and the newest part of its messages.
#[derive(Debug, Default)]
struct Conversation {
    version: i64,
    messages: BTreeMap<i64, Held>,
    /// The attempt to read the newest messages, while it is under way.
    reading: Option<u64>,
    /// Changes that came meanwhile: the page may be older or newer than each of them.
    meanwhile: Vec<(i64, Change)>,
}

/// What a device holds.
#[derive(Debug, Default)]
pub(crate) struct Replica {
    epoch: Option<String>,
    cursor: Option<String>,
    user_version: Option<i64>,
    conversations: BTreeMap<ConversationId, Conversation>,
    connection: u32,
    syncing: bool,
    /// Events that are ahead of what is held, until the sync is done.
    waiting: VecDeque<ServerFrame>,
    reads: u64,
    out: Vec<Output>,
}

impl Replica {
    /// Where to resume.
    pub(crate) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The version and the window of every conversation.
    pub(crate) fn held(&self) -> impl Iterator<Item = (ConversationId, i64, Vec<Held>)> {
        self.conversations.iter().map(|(id, held)| {
            let messages = held.messages.values().cloned().collect();
            (*id, held.version, messages)
        })
    }

    /// The version of every conversation, when nothing is under way.
    pub(crate) fn at_rest(&self) -> Option<BTreeMap<ConversationId, i64>> {
        let busy = self.syncing || self.conversations.values().any(|it| it.reading.is_some());
        let versions = self.conversations.iter().map(|(id, it)| (*id, it.version));
        (!busy).then(|| versions.collect())
    }

    /// A new socket was opened; `connected` comes next.
    pub(crate) fn opened(&mut self, connection: u32) {
        self.connection = connection;
        self.syncing = false;
        self.waiting.clear();
    }

    /// The cursor was not usable.
    pub(crate) fn start_over(&mut self, cause: &str) -> Vec<Output> {
        self.forget(cause);
        std::mem::take(&mut self.out)
    }

    /// A frame came that is no answer to a command.
    pub(crate) fn take(&mut self, frame: ServerFrame) -> Vec<Output> {
        match frame {
            ServerFrame::Connected { epoch, resumed, .. } => self.connected(epoch, resumed),
            ServerFrame::Sync { page } => self.page(*page),
            ServerFrame::Pong { cursor, .. } => {
                if !self.syncing && cursor.is_some() {
                    self.cursor = cursor;
                }
            }
            event => self.event(event, true),
        }
        std::mem::take(&mut self.out)
    }

    /// The answer to a `sync` command.
    pub(crate) fn take_page(&mut self, page: SyncPage) -> Vec<Output> {
        let (has_more, cursor) = (page.has_more, page.cursor.clone());
        self.page(page);
        if has_more {
            self.out.push(Output::Sync(Some(cursor)));
        }
        std::mem::take(&mut self.out)
    }

    /// The newest messages of a conversation were read, or `None` when that failed.
    pub(crate) fn take_history(
        &mut self,
        id: ConversationId,
        attempt: u64,
        page: Option<MessagePage>,
    ) -> Vec<Output> {
        let Some(held) = self.conversations.get_mut(&id) else {
            return Vec::new();
        };
        if held.reading != Some(attempt) {
            return Vec::new();
        }
        match page {
            None => self.read(id),
            Some(page) => {
                held.reading = None;
                for message in page.items.iter().map(Held::from) {
                    merge(&mut held.messages, message);
                }
                for (version, change) in std::mem::take(&mut held.meanwhile) {
                    change_message(&mut held.messages, version, &change);
                }
                let first_seq = held.messages.keys().next().copied().unwrap_or(1);
                let last_seq = held.messages.keys().next_back().copied().unwrap_or(0);
                self.out.push(Output::Write(Entry::Window {
                    conversation_id: id,
                    first_seq,
                    last_seq,
                }));
            }
        }
        std::mem::take(&mut self.out)
    }

    fn connected(&mut self, epoch: String, resumed: bool) {
        if self.epoch.as_ref().is_some_and(|held| *held != epoch) {
            self.forget("another epoch");
        }
        self.epoch = Some(epoch);
        // Until the last page of what was missed nothing is known for certain.
        self.syncing = true;
        if !resumed {
            self.forget("not resumed");
            self.out.push(Output::Sync(None));
        }
        let unread: Vec<_> = self
            .conversations
            .iter()
            .filter_map(|(id, held)| held.reading.map(|_| *id))
            .collect();
        for id in unread {
            self.read(id);
        }
    }

    fn forget(&mut self, cause: &str) {
        self.cursor = None;
        self.user_version = None;
        self.waiting.clear();
        self.conversations.clear();
        self.out.push(Output::Write(Entry::Reset {
            cause: cause.to_owned(),
        }));
    }

    fn sync(&mut self) {
        if !self.syncing {
            self.syncing = true;
            self.out.push(Output::Sync(self.cursor.clone()));
        }
    }

    fn read(&mut self, id: ConversationId) {
        let Some(held) = self.conversations.get_mut(&id) else {
            return;
        };
        self.reads += 1;
        held.reading = Some(self.reads);
        self.out.push(Output::Read(id, self.reads));
    }

    /// Applies an event by its version; one that is ahead waits for a sync. `heard` says that it came just now.
    fn event(&mut self, frame: ServerFrame, heard: bool) {
        if let Some((id, version, change)) = Change::of(&frame) {
            if heard {
                self.out.push(Output::Write(Entry::Heard {
                    connection: self.connection,
                    conversation_id: id,
                    version,
                    change: change.clone(),
                }));
            }
            match self.conversations.get(&id).map(|held| held.version) {
                Some(held) if version <= held => {}
                Some(held) if version == held + 1 => self.apply(id, version, change),
                _ => self.wait(frame),
            }
            return;
        }
        let (user_version, removed) = match &frame {
            ServerFrame::ConversationAdded { user_version, .. }
            | ServerFrame::MembershipUpdated { user_version, .. } => (*user_version, None),
            ServerFrame::ConversationRemoved {
                conversation_id,
                user_version,
            } => (*user_version, Some(*conversation_id)),
            _ => return,
        };
        let news = self.user_version.is_none_or(|held| user_version > held);
        let next = self.user_version == Some(user_version - 1);
        if heard && let Some(id) = removed {
            self.gone(id, false);
        }
        // A page that is on its way may be older: what it does not know of comes after it.
        if news && (self.syncing || !next) {
            self.wait(frame);
        } else if news {
            self.user_version = Some(user_version);
            self.of_the_user(&frame);
        }
    }

    /// Applies the next event of the user's own stream.
    fn of_the_user(&mut self, frame: &ServerFrame) {
        if let ServerFrame::ConversationRemoved {
            conversation_id: id,
            ..
        } = frame
            && self.conversations.remove(id).is_some()
        {
            self.gone(*id, true);
        }
        if let ServerFrame::ConversationAdded {
            conversation_id: id,
            ..
        } = frame
            && !self.conversations.contains_key(id)
        {
            self.sync();
        }
    }

    fn wait(&mut self, frame: ServerFrame) {
        if self.waiting.len() == WAITING_MAX {
            self.forget("too much waits");
            self.syncing = true;
            self.out.push(Output::Sync(None));
            return;
        }
        self.waiting.push_back(frame);
        self.sync();
    }

    fn gone(&mut self, conversation_id: ConversationId, applied: bool) {
        self.out.push(Output::Write(Entry::Gone {
            connection: self.connection,
            conversation_id,
            applied,
        }));
    }

    fn apply(&mut self, id: ConversationId, version: i64, change: Change) {
        let Some(held) = self.conversations.get_mut(&id) else {
            return;
        };
        held.version = version;
        let seq = match &change {
            Change::New { message } => Some(message.seq),
            _ => None,
        };
        if held.reading.is_some() {
            held.meanwhile.push((version, change));
        } else {
            change_message(&mut held.messages, version, &change);
        }
        self.out.push(Output::Write(Entry::Applied {
            conversation_id: id,
            version,
            seq,
        }));
    }

    fn page(&mut self, page: SyncPage) {
        if page.reset {
            self.forget("reset by a page");
        }
        self.syncing = true;
        self.epoch = Some(page.epoch);
        self.cursor = Some(page.cursor);
        let version = page.user.user_version;
        self.user_version = Some(self.user_version.map_or(version, |held| held.max(version)));
        for id in page.removed {
            if self.conversations.remove(&id).is_some() {
                self.gone(id, true);
            }
        }
        for synced in page.conversations {
            self.synced(synced);
        }
        if !page.has_more {
            self.syncing = false;
            for event in std::mem::take(&mut self.waiting) {
                self.event_after_sync(event);
            }
        }
    }

    /// What was ahead is next now, old, or of a conversation that we are not in.
    fn event_after_sync(&mut self, event: ServerFrame) {
        let known =
            Change::of(&event).is_none_or(|(id, _, _)| self.conversations.contains_key(&id));
        if known {
            self.event(event, false);
        }
    }

    fn synced(&mut self, synced: SyncedConversation) {
        let summary = &synced.conversation.summary;
        let (id, version, last_seq) = (summary.id, summary.version, summary.last_seq);
        let held = self.conversations.entry(id).or_default();
        if version < held.version {
            return;
        }
        held.version = version;
        let seqs: Vec<i64> = synced.messages.iter().map(|message| message.seq).collect();
        // What is older than the window does not belong to it.
        let first = held.messages.keys().next().copied().unwrap_or(0);
        for message in synced.messages.iter().map(|message| Held::from(&**message)) {
            if !synced.gap && message.seq >= first {
                merge(&mut held.messages, message);
            }
        }
        let whole = !synced.gap && held.reading.is_none() && is_whole(&held.messages, last_seq);
        self.out.push(Output::Write(Entry::Synced {
            conversation_id: id,
            version,
            last_seq,
            gap: synced.gap,
            seqs,
        }));
        if !whole {
            held.messages.clear();
            held.meanwhile.clear();
            self.read(id);
        }
    }
}

/// Whether a window has no holes and reaches the newest message.
fn is_whole(messages: &BTreeMap<i64, Held>, last_seq: i64) -> bool {
    let (Some(first), Some(last)) = (messages.keys().next(), messages.keys().next_back()) else {
        return last_seq == 0;
    };
    *last >= last_seq && last - first + 1 == messages.len() as i64
}

/// The newer of two states of a message stays.
fn merge(messages: &mut BTreeMap<i64, Held>, message: Held) {
    match messages.get_mut(&message.seq) {
        Some(held) if held.version >= message.version => {}
        Some(held) => *held = message,
        None => {
            messages.insert(message.seq, message);
        }
    }
}

/// Applies a change to the message that it is about, unless that is newer already.
fn change_message(messages: &mut BTreeMap<i64, Held>, version: i64, change: &Change) {
    match change {
        Change::New { message } => merge(messages, message.clone()),
        Change::Updated { message } => {
            if messages.contains_key(&message.seq) {
                merge(messages, message.clone());
            }
        }
        Change::Deleted { seq, .. } => {
            if let Some(held) = messages.get_mut(seq)
                && version > held.version
            {
                held.delete(version);
            }
        }
        Change::Reacted {
            seq,
            emoji,
            user_id,
            on,
            ..
        } => {
            if let Some(held) = messages.get_mut(seq)
                && version > held.version
            {
                held.react(version, emoji, user_id, *on);
            }
        }
        Change::Joined { .. } | Change::Left { .. } | Change::Settings => {}
    }
}
