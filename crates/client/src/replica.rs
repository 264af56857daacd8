//! What the client holds of the server's state: conversations and the newest messages of each.
//!
//! Events are applied by their versions, pages of a sync as they stand (rules 14–19 of
//! `docs/PROTOCOL.md`); what must be read over REST goes to [`Reads`]. Never here: I/O, a clock, or
//! anything about sockets: whoever drives a replica asks for the sync when an event says `Missed`.

use std::collections::{BTreeMap, BTreeSet};

use parlor_protocol::{
    Conversation, ConversationId, ConversationSummary, Member, Membership, Message, MessagePage,
    Role, ServerFrame, SharedMessage, SyncPage, SyncedConversation, UserId,
    limits::MEMBERS_INLINE_MAX,
};

use crate::{
    Event,
    reads::{Read, Reads},
    window::{WINDOW_MESSAGES_MAX, Window, change, target},
};

/// What an event was to the replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It was the next one, or has no version.
    Applied,
    /// It was known already.
    Old,
    /// Something before it was missed: a sync is needed.
    Missed,
}

#[derive(Debug)]
struct Held {
    conversation: Conversation,
    /// `None` while its newest page is being read.
    window: Option<Window>,
}

/// Conversations, windows of messages, and what was told of them.
#[derive(Debug, Default)]
pub struct Replica {
    me: Option<UserId>,
    epoch: Option<String>,
    user_version: Option<i64>,
    held: BTreeMap<ConversationId, Held>,
    /// Conversations of which history is wanted, also after a start over.
    opened: BTreeSet<ConversationId>,
    /// The newest `seq` told as [`Event::Applied`]: nothing is told so twice. Good for one epoch.
    told: BTreeMap<ConversationId, i64>,
    pub(crate) reads: Reads,
}

impl Replica {
    /// The known conversations, by id.
    pub fn conversations(&self) -> impl Iterator<Item = &Conversation> {
        self.held.values().map(|held| &held.conversation)
    }

    /// The window of messages held of a conversation, oldest first and without holes.
    pub fn messages(&self, id: ConversationId) -> impl Iterator<Item = &Message> {
        let window = self.held.get(&id).and_then(|held| held.window.as_ref());
        window.into_iter().flat_map(Window::messages)
    }

    /// Whose state it is and of which history; another one than held means that nothing of it holds.
    pub(crate) fn greeted(&mut self, me: &UserId, epoch: &str, out: &mut Vec<Event>) {
        if self.me.as_ref().is_some_and(|held| held != me) {
            self.forget_history(out);
        }
        self.me = Some(me.clone());
        self.enter(epoch, out);
    }

    /// Forgets all state. What was shown or opened is read again once its conversation is known again.
    pub(crate) fn forget_all(&mut self, out: &mut Vec<Event>) {
        self.reads.clear();
        self.user_version = None;
        if self.held.is_empty() {
            return;
        }
        for (id, held) in std::mem::take(&mut self.held) {
            if held
                .window
                .is_none_or(|window| window.messages().next().is_some())
            {
                self.opened.insert(id);
            }
        }
        out.push(Event::StartedOver);
    }

    fn forget_history(&mut self, out: &mut Vec<Event>) {
        let told_only = self.held.is_empty() && !self.told.is_empty();
        self.forget_all(out);
        if told_only {
            out.push(Event::StartedOver);
        }
        self.told.clear();
        self.epoch = None;
    }

    fn enter(&mut self, epoch: &str, out: &mut Vec<Event>) {
        if self.epoch.as_deref().is_some_and(|held| held != epoch) {
            self.forget_history(out);
        }
        self.epoch = Some(epoch.to_owned());
    }

    /// Somebody wants to see this conversation: its newest page is read.
    pub(crate) fn open(&mut self, id: ConversationId) {
        if self.opened.insert(id)
            && let Some(held) = self.held.get_mut(&id)
        {
            held.window = None;
            self.reads.want(id, None);
        }
    }

    /// Applies an event.
    pub(crate) fn apply(&mut self, frame: &ServerFrame, out: &mut Vec<Event>) -> Heard {
        match frame {
            ServerFrame::MessageNew {
                conversation_id,
                version,
                ..
            }
            | ServerFrame::MessageUpdated {
                conversation_id,
                version,
                ..
            }
            | ServerFrame::MessageDeleted {
                conversation_id,
                version,
                ..
            }
            | ServerFrame::ReactionAdded {
                conversation_id,
                version,
                ..
            }
            | ServerFrame::ReactionRemoved {
                conversation_id,
                version,
                ..
            }
            | ServerFrame::ConversationUpdated {
                conversation_id,
                version,
                ..
            }
            | ServerFrame::MemberUpdated {
                conversation_id,
                version,
                ..
            }
            | ServerFrame::MemberJoined {
                conversation_id,
                version,
                ..
            }
            | ServerFrame::MemberLeft {
                conversation_id,
                version,
                ..
            } => self.versioned(*conversation_id, *version, frame, out),
            ServerFrame::ConversationAdded { user_version, .. }
            | ServerFrame::ConversationRemoved { user_version, .. }
            | ServerFrame::MembershipUpdated { user_version, .. }
            | ServerFrame::AccountUpdated { user_version, .. } => {
                self.of_the_user(*user_version, frame, out)
            }
            ServerFrame::UserUpdated { user } => {
                for held in self.held.values_mut() {
                    let members = held.conversation.summary.members.iter_mut();
                    let mut theirs = members.filter(|member| member.user.id == user.id);
                    if let Some(member) = theirs.next() {
                        member.user = user.clone();
                        out.push(held.told());
                    }
                }
                Heard::Applied
            }
            ServerFrame::MessageDelivered {
                conversation_id,
                user_id,
                seq,
            } => self.receipt(*conversation_id, user_id, *seq, false, out),
            ServerFrame::MessageRead {
                conversation_id,
                user_id,
                seq,
            } => self.receipt(*conversation_id, user_id, *seq, true, out),
            _ => Heard::Applied,
        }
    }

    fn versioned(
        &mut self,
        id: ConversationId,
        version: i64,
        frame: &ServerFrame,
        out: &mut Vec<Event>,
    ) -> Heard {
        let Some(held) = self.held.get_mut(&id) else {
            return Heard::Missed;
        };
        let summary = &mut held.conversation.summary;
        if version <= summary.version {
            return Heard::Old;
        }
        if version > summary.version + 1 {
            return Heard::Missed;
        }
        summary.version = version;
        match frame {
            ServerFrame::MessageNew { message, .. } => self.new_message(id, message, frame, out),
            ServerFrame::ConversationUpdated {
                conversation: newer,
                ..
            } => {
                summary.title.clone_from(&newer.title);
                summary.label.clone_from(&newer.label);
                summary.metadata.clone_from(&newer.metadata);
                summary.avatar_url.clone_from(&newer.avatar_url);
                summary.updated_at = newer.updated_at;
                out.push(held.told());
            }
            ServerFrame::MemberUpdated { user_id, role, .. } => {
                let is_theirs = |member: &&mut Member| member.user.id == *user_id;
                if let Some(member) = summary.members.iter_mut().find(is_theirs) {
                    member.role = *role;
                }
                if self.me.as_ref() == Some(user_id) {
                    held.conversation.me.role = *role;
                }
                out.push(held.told());
            }
            ServerFrame::MemberJoined {
                members,
                member_count,
                ..
            } => {
                summary.member_count = *member_count;
                for member in members {
                    let known = summary
                        .members
                        .iter()
                        .any(|it| it.user.id == member.user.id);
                    if !known && summary.members.len() < MEMBERS_INLINE_MAX {
                        summary.members.push(member.clone());
                    }
                }
                out.push(held.told());
            }
            ServerFrame::MemberLeft {
                user_id,
                member_count,
                ..
            } => {
                summary.member_count = *member_count;
                summary.members.retain(|it| it.user.id != *user_id);
                out.push(held.told());
            }
            _ => self.changed_message(id, frame, out),
        }
        Heard::Applied
    }

    fn new_message(
        &mut self,
        id: ConversationId,
        message: &Message,
        frame: &ServerFrame,
        out: &mut Vec<Event>,
    ) {
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        let Conversation {
            summary,
            unread_count,
            me,
        } = &mut held.conversation;
        if message.seq > summary.last_seq {
            summary.last_seq = message.seq;
            summary.updated_at = message.created_at;
            summary.last_message = Some(message.clone());
            if self.me.as_ref() != Some(&message.sender_id) && message.seq > me.read_seq {
                *unread_count += 1;
            }
        }
        if let Some(window) = &mut held.window {
            if window.push(message.clone()) {
                return show(&mut self.told, message, out);
            }
            if message.seq <= window.end() {
                return;
            }
            if !self.reads.pending(id) {
                let end = window.end();
                self.reads.want(id, Some(end));
            }
        }
        self.reads.keep(id, frame);
    }

    fn changed_message(&mut self, id: ConversationId, frame: &ServerFrame, out: &mut Vec<Event>) {
        let (Some(held), Some((seq, _))) = (self.held.get_mut(&id), target(frame)) else {
            return;
        };
        if let Some(last) = &mut held.conversation.summary.last_message {
            change(last, frame);
        }
        match held.window.as_mut() {
            Some(window) if seq <= window.end() => {
                if let Some(message) = window.get_mut(seq)
                    && change(message, frame)
                {
                    out.push(Event::Updated(Box::new(message.clone())));
                }
            }
            _ => self.reads.keep(id, frame),
        }
    }

    /// What a page knew already. A read cursor that stands higher than it was set back to was raised
    /// by a read from before that, heard again after the page: only the store knows.
    fn old_news(&self, frame: &ServerFrame) -> Heard {
        if let ServerFrame::MembershipUpdated {
            conversation_id,
            me,
            ..
        } = frame
            && let Some(held) = self.held.get(conversation_id)
            && me.read_seq < held.conversation.me.read_seq
        {
            return Heard::Missed;
        }
        Heard::Old
    }

    fn of_the_user(&mut self, version: i64, frame: &ServerFrame, out: &mut Vec<Event>) -> Heard {
        match self.user_version {
            Some(held) if version <= held => return self.old_news(frame),
            Some(held) if version == held + 1 => {}
            Some(_) | None => return Heard::Missed,
        }
        match frame {
            ServerFrame::ConversationAdded {
                conversation_id,
                version,
                conversation,
                ..
            } => match self.held.get(conversation_id) {
                Some(held) if *version > held.conversation.summary.version => {
                    return Heard::Missed;
                }
                Some(_) => {}
                // The summary says nothing of messages and of the caller's settings: only a
                // conversation that was just made is known with it.
                None if *version > 1 || conversation.last_seq > 0 => return Heard::Missed,
                None => {
                    let summary = ConversationSummary::clone(conversation);
                    let me = membership(&summary, self.me.as_ref());
                    let held = Held {
                        conversation: Conversation {
                            summary,
                            unread_count: 0,
                            me,
                        },
                        window: Some(Window::ending_at(0)),
                    };
                    out.push(held.told());
                    self.held.insert(*conversation_id, held);
                }
            },
            ServerFrame::ConversationRemoved {
                conversation_id, ..
            } => self.remove(*conversation_id, out),
            ServerFrame::MembershipUpdated {
                conversation_id,
                me,
                unread_count,
                ..
            } => {
                let Some(held) = self.held.get_mut(conversation_id) else {
                    return Heard::Missed;
                };
                held.conversation.me = me.clone();
                held.conversation.unread_count = *unread_count;
                out.push(held.told());
            }
            _ => {}
        }
        self.user_version = Some(version);
        Heard::Applied
    }

    fn receipt(
        &mut self,
        id: ConversationId,
        user_id: &UserId,
        seq: i64,
        read: bool,
        out: &mut Vec<Event>,
    ) -> Heard {
        let Some(held) = self.held.get_mut(&id) else {
            return Heard::Old;
        };
        let mut moved = false;
        for member in &mut held.conversation.summary.members {
            if member.user.id == *user_id {
                moved |= move_up(&mut member.read_seq, &mut member.delivered_seq, seq, read);
            }
        }
        if self.me.as_ref() == Some(user_id) {
            moved |= held.own_receipt(user_id, seq, read);
        }
        if !moved {
            return Heard::Old;
        }
        out.push(held.told());
        Heard::Applied
    }

    fn remove(&mut self, id: ConversationId, out: &mut Vec<Event>) {
        self.reads.forget(id);
        if self.held.remove(&id).is_some() {
            out.push(Event::Removed(id));
        }
    }

    /// Applies a page of a sync: state, as it is now.
    pub(crate) fn take_page(&mut self, page: SyncPage, out: &mut Vec<Event>) {
        if page.reset {
            self.forget_history(out);
        }
        self.enter(&page.epoch, out);
        let held_version = self.user_version.unwrap_or(-1);
        let page_version = page.user.user_version;
        self.user_version = Some(held_version.max(page_version));
        for id in page.removed {
            self.remove(id, out);
        }
        for synced in page.conversations {
            let id = synced.conversation.summary.id;
            if self.held.contains_key(&id) {
                self.take_again(id, synced, page_version > held_version, out);
            } else {
                self.take_unknown(id, synced, out);
            }
        }
    }

    fn take_unknown(
        &mut self,
        id: ConversationId,
        synced: SyncedConversation,
        out: &mut Vec<Event>,
    ) {
        let SyncedConversation {
            conversation,
            messages,
            gap,
        } = synced;
        let last_seq = conversation.summary.last_seq;
        let newest = messages.into_iter().map(SharedMessage::into_message);
        let newest =
            Window::of_newest(newest.collect()).filter(|window| !gap && window.end() >= last_seq);
        let mut held = Held {
            conversation,
            window: Some(newest.unwrap_or_else(|| Window::ending_at(last_seq))),
        };
        out.push(held.told());
        if self.opened.contains(&id) {
            held.window = None;
            self.reads.want(id, None);
        }
        let shown = held.window.iter().flat_map(Window::messages);
        shown.for_each(|message| show(&mut self.told, message, out));
        self.held.insert(id, held);
    }

    fn take_again(
        &mut self,
        id: ConversationId,
        synced: SyncedConversation,
        newer_user: bool,
        out: &mut Vec<Event>,
    ) {
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        let SyncedConversation {
            conversation,
            messages,
            gap,
        } = synced;
        let wins = conversation.summary.version >= held.conversation.summary.version;
        if wins {
            held.take(conversation, self.me.as_ref(), newer_user);
            out.push(held.told());
        }
        if gap && wins {
            self.begin_anew(id, out);
            return;
        }
        let Some(window) = &mut held.window else {
            // The read under way may be older than this page.
            self.reads.want(id, None);
            return;
        };
        for message in messages.into_iter().map(SharedMessage::into_message) {
            if let Some(known) = window.get_mut(message.seq) {
                if known.version < message.version {
                    *known = message.clone();
                    out.push(Event::Updated(Box::new(message)));
                }
            } else if window.push(message.clone()) {
                show(&mut self.told, &message, out);
            }
        }
        self.settle(id, out);
    }

    /// Brings a window that has grown up to date: applies what was kept for it, and asks for what it
    /// still lacks.
    fn settle(&mut self, id: ConversationId, out: &mut Vec<Event>) {
        let late = self.reads.answered(id);
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        let Some(window) = &mut held.window else {
            return;
        };
        for frame in late {
            if let ServerFrame::MessageNew { message, .. } = &frame {
                if window.push(Message::clone(message)) {
                    show(&mut self.told, message, out);
                }
            } else if let Some((seq, _)) = target(&frame)
                && let Some(message) = window.get_mut(seq)
                && change(message, &frame)
            {
                out.push(Event::Updated(Box::new(message.clone())));
            }
        }
        let (end, last_seq) = (window.end(), held.conversation.summary.last_seq);
        if last_seq > end {
            self.want_rest(id, end, last_seq, out);
        }
    }

    /// Reads what follows the window, or, where that is more than a window holds, begins it anew.
    fn want_rest(&mut self, id: ConversationId, end: i64, last_seq: i64, out: &mut Vec<Event>) {
        if last_seq - end <= WINDOW_MESSAGES_MAX as i64 {
            self.reads.want(id, Some(end));
            return;
        }
        self.begin_anew(id, out);
    }

    /// Drops the window and reads the newest page.
    fn begin_anew(&mut self, id: ConversationId, out: &mut Vec<Event>) {
        if let Some(held) = self.held.get_mut(&id) {
            held.window = None;
            self.reads.want(id, None);
            out.push(Event::Gap(id));
        }
    }

    /// Applies what a read has brought. `false` when it brought nothing of what is missing.
    pub(crate) fn take_history(
        &mut self,
        read: &Read,
        page: MessagePage,
        out: &mut Vec<Event>,
    ) -> bool {
        let id = read.conversation_id;
        let Some(held) = self.held.get_mut(&id) else {
            self.reads.forget(id);
            return true;
        };
        let last_seq = held.conversation.summary.last_seq;
        if let Some(window) = &mut held.window {
            let end = window.end();
            let empty = page.items.is_empty();
            for message in page.items {
                if window.push(message.clone()) {
                    show(&mut self.told, &message, out);
                }
            }
            if window.end() == end && last_seq > end {
                if empty {
                    return false;
                }
                // What lies between may not be read any more.
                self.begin_anew(id, out);
                return true;
            }
        } else {
            let window = Window::of_newest(page.items);
            let window = window.unwrap_or_else(|| Window::ending_at(last_seq));
            for message in held.window.insert(window).messages() {
                show(&mut self.told, message, out);
            }
        }
        self.settle(id, out);
        true
    }
}

impl Held {
    fn told(&self) -> Event {
        Event::Conversation(Box::new(self.conversation.clone()))
    }

    fn own_receipt(&mut self, own: &UserId, seq: i64, read: bool) -> bool {
        let Conversation {
            summary,
            unread_count,
            me,
        } = &mut self.conversation;
        let before = me.read_seq;
        let moved = move_up(&mut me.read_seq, &mut me.delivered_seq, seq, read);
        if me.read_seq == before {
            return moved;
        }
        let window = self.window.as_ref();
        let counted =
            window.and_then(|it| it.count_after(seq, |message| message.sender_id != *own));
        let left = (summary.last_seq - seq).max(0);
        *unread_count = counted.unwrap_or_else(|| (*unread_count).min(left));
        moved
    }

    fn take(&mut self, newer: Conversation, own: Option<&UserId>, newer_user: bool) {
        let Conversation {
            summary,
            unread_count,
            me,
        } = newer;
        take_summary(&mut self.conversation.summary, summary);
        let read_seq = self.conversation.me.read_seq;
        let delivered_seq = self.conversation.me.delivered_seq;
        self.conversation.me = me;
        self.conversation.unread_count = unread_count;
        // A receipt can overtake a page; only with a newer user version may a cursor have gone back.
        if let Some(own) = own.filter(|_| !newer_user) {
            self.own_receipt(own, delivered_seq, false);
            self.own_receipt(own, read_seq, true);
        }
    }
}

/// Tells a message, as applied when it is the first time, and before it of those that are left out.
fn show(told: &mut BTreeMap<ConversationId, i64>, message: &Message, out: &mut Vec<Event>) {
    let id = message.conversation_id;
    let before = told.get(&id).copied();
    let shown = Box::new(message.clone());
    if before.is_some_and(|before| message.seq <= before) {
        return out.push(Event::Updated(shown));
    }
    if before.is_some_and(|before| message.seq > before + 1) {
        out.push(Event::Gap(id));
    }
    told.insert(id, message.seq);
    out.push(Event::Applied(shown));
}

/// Takes a newer summary. Other members' cursors only move up, and a receipt can overtake it.
fn take_summary(held: &mut ConversationSummary, mut newer: ConversationSummary) {
    for member in &mut newer.members {
        let known = held.members.iter().find(|it| it.user.id == member.user.id);
        if let Some(known) = known {
            move_up(
                &mut member.read_seq,
                &mut member.delivered_seq,
                known.read_seq,
                true,
            );
            move_up(
                &mut member.read_seq,
                &mut member.delivered_seq,
                known.delivered_seq,
                false,
            );
        }
    }
    *held = newer;
}

/// What is read is delivered. `false` when neither cursor has moved.
fn move_up(read_seq: &mut i64, delivered_seq: &mut i64, seq: i64, read: bool) -> bool {
    let before = (*read_seq, *delivered_seq);
    *delivered_seq = seq.max(*delivered_seq);
    if read {
        *read_seq = seq.max(*read_seq);
    }
    before != (*read_seq, *delivered_seq)
}

/// The caller's side of a conversation that was just made, as far as its summary says.
fn membership(summary: &ConversationSummary, me: Option<&UserId>) -> Membership {
    let own: Option<&Member> = summary.members.iter().find(|it| Some(&it.user.id) == me);
    Membership {
        role: own.map_or(Role::Member, |own| own.role),
        read_seq: own.map_or(0, |own| own.read_seq),
        delivered_seq: own.map_or(0, |own| own.delivered_seq),
        muted_until: None,
        pinned: false,
        archived: false,
        hidden: false,
    }
}
