//! A small server for the model: it keeps the state, says what a server says, and does so one step at
//! a time, so that a test can put anything in between.

use std::collections::{BTreeMap, VecDeque};

use parlor_protocol::{
    AckedMessage, ClientFrame, Code, Conversation, ConversationId, Message, MessagePage, Reaction,
    Ref, ServerFrame, SharedMessage, SyncPage, SyncedConversation, UserId,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fill::Defaults;

/// Conversations on a page: few, so that there are several pages.
const PAGE_CONVERSATIONS: usize = 2;
/// Changed messages of a conversation on a page; more are a gap.
const PAGE_MESSAGES: usize = 6;
/// People who react.
const REACTING: usize = 3;
/// Messages on a page of history.
const HISTORY_MESSAGES: usize = 4;

pub(crate) struct Room {
    pub(crate) conversation: Conversation,
    pub(crate) messages: Vec<Message>,
    /// When each message was last changed.
    changed: Vec<i64>,
    /// When anything of it was.
    changed_at: i64,
    pub(crate) joined: bool,
}

/// Pages that are still to be sent to a socket that resumes.
struct Resume {
    cursor: String,
    /// Live frames that come after the pages.
    later: Vec<ServerFrame>,
}

pub(crate) struct Server {
    defaults: Defaults,
    pub(crate) epoch: u64,
    now: i64,
    user_version: i64,
    pub(crate) rooms: BTreeMap<ConversationId, Room>,
    /// Frames on their way to the client.
    pub(crate) outgoing: VecDeque<ServerFrame>,
    authorised: bool,
    resume: Option<Resume>,
}

pub(crate) fn person(name: &str) -> UserId {
    name.parse().expect("a user id")
}

impl Server {
    pub(crate) fn new(defaults: Defaults) -> Self {
        Self {
            defaults,
            epoch: 1,
            now: 0,
            user_version: 1,
            rooms: BTreeMap::new(),
            outgoing: VecDeque::new(),
            authorised: false,
            resume: None,
        }
    }

    fn frame(&self, mut value: Value) -> ServerFrame {
        self.defaults.frame(&mut value);
        serde_json::from_value(value).expect("a frame")
    }

    fn say(&mut self, frame: ServerFrame) {
        match &mut self.resume {
            Some(resume) => resume.later.push(frame),
            None if self.authorised => self.outgoing.push_back(frame),
            None => {}
        }
    }

    /// The socket has ended.
    pub(crate) fn hang_up(&mut self) {
        self.outgoing.clear();
        self.authorised = false;
        self.resume = None;
    }

    /// Goes back to an earlier state, as a restored backup does.
    pub(crate) fn restore(&mut self) {
        self.epoch += 1;
        self.now += 1;
        for room in self.rooms.values_mut() {
            let kept = room.messages.len() / 2;
            room.messages.truncate(kept);
            room.changed.truncate(kept);
            let summary = &mut room.conversation.summary;
            summary.last_seq = kept as i64;
            summary.version = (summary.version / 2).max(1);
            for message in &mut room.messages {
                message.version = message.version.min(summary.version);
            }
        }
        self.hang_up();
    }

    /// The `n`-th conversation that the client is in.
    pub(crate) fn room(&self, n: usize) -> Option<ConversationId> {
        let joined: Vec<_> = self.rooms.iter().filter(|(_, it)| it.joined).collect();
        (!joined.is_empty()).then(|| *joined[n % joined.len()].0)
    }

    /// One durable change of a conversation, and the event that says so.
    fn change(
        &mut self,
        id: ConversationId,
        event: impl FnOnce(&mut Room, i64, i64) -> Option<Value>,
    ) {
        self.now += 1;
        let now = self.now;
        let room = self.rooms.get_mut(&id).expect("a room");
        let version = room.conversation.summary.version + 1;
        let Some(event) = event(room, version, now) else {
            return;
        };
        room.conversation.summary.version = version;
        room.changed_at = now;
        let joined = room.joined;
        let mut event = event;
        event["conversationId"] = json!(id);
        event["version"] = json!(version);
        if joined {
            let frame = self.frame(event);
            self.say(frame);
        }
    }

    pub(crate) fn writes(
        &mut self,
        id: ConversationId,
        sender: &str,
        client_id: Option<&str>,
        content: &str,
    ) {
        let given = json!({
            "seq": self.rooms[&id].messages.len() + 1,
            "senderId": sender,
            "clientId": client_id,
            "content": content,
            "conversationId": id,
            "version": self.rooms[&id].conversation.summary.version + 1,
        });
        let mut frame = json!({ "type": "message.new", "conversationId": id, "message": given });
        self.defaults.frame(&mut frame);
        let message: Message = serde_json::from_value(frame["message"].clone()).expect("a message");
        self.change(id, |room, _, now| {
            room.conversation.summary.last_seq = message.seq;
            room.messages.push(message.clone());
            room.changed.push(now);
            Some(json!({ "type": "message.new", "message": message }))
        });
    }

    /// Changes the `n`-th message: an edit, a deletion or a reaction.
    pub(crate) fn changes(&mut self, id: ConversationId, n: usize, how: usize) {
        self.change(id, |room, version, now| {
            let at = n % room.messages.len().max(1);
            let message = room
                .messages
                .get_mut(at)
                .filter(|it| it.deleted_at.is_none())?;
            let seq = message.seq;
            let event = match how % 4 {
                0 => {
                    message.content = format!("edited {version}");
                    message.version = version;
                    json!({ "type": "message.updated", "message": message })
                }
                1 => {
                    message.content.clear();
                    message.reactions.clear();
                    let event = json!({
                        "type": "message.deleted", "seq": seq, "messageId": message.id,
                        "deletedAt": "2026-03-01T13:00:00.000Z",
                    });
                    message.deleted_at =
                        serde_json::from_value(event["deletedAt"].clone()).expect("a time");
                    event
                }
                _ => {
                    let who = person(&format!("person-{}", n % REACTING));
                    let at = message
                        .reactions
                        .iter()
                        .position(|it| it.user_ids.contains(&who));
                    let kind = if let Some(at) = at {
                        let reaction = &mut message.reactions[at];
                        reaction.user_ids.retain(|id| *id != who);
                        reaction.count -= 1;
                        message.reactions.retain(|it| it.count > 0);
                        "reaction.removed"
                    } else {
                        let reactions = &mut message.reactions;
                        if reactions.is_empty() {
                            reactions.push(Reaction {
                                emoji: "👍".into(),
                                count: 0,
                                user_ids: Vec::new(),
                            });
                        }
                        reactions[0].user_ids.push(who.clone());
                        reactions[0].count += 1;
                        "reaction.added"
                    };
                    json!({
                        "type": kind, "seq": seq, "messageId": message.id,
                        "emoji": "👍", "userId": who,
                    })
                }
            };
            message.version = version;
            room.changed[at] = now;
            Some(event)
        });
    }

    pub(crate) fn renames(&mut self, id: ConversationId) {
        let title = format!("title {}", self.now);
        self.change(id, |room, _, _| {
            room.conversation.summary.title = Some(title);
            let summary = &room.conversation.summary;
            Some(json!({ "type": "conversation.updated", "conversation": {
                "title": summary.title, "label": summary.label, "metadata": summary.metadata,
                "avatarUrl": summary.avatar_url, "updatedAt": summary.updated_at,
            }}))
        });
    }

    fn of_the_user(&mut self, id: ConversationId, mut event: Value) {
        self.now += 1;
        self.user_version += 1;
        self.rooms.get_mut(&id).expect("a room").changed_at = self.now;
        event["conversationId"] = json!(id);
        event["userVersion"] = json!(self.user_version);
        let frame = self.frame(event);
        self.say(frame);
    }

    pub(crate) fn makes_a_room(&mut self) {
        let n = self.rooms.len() as u128 + 1;
        let id = ConversationId(Uuid::from_u128(
            0x0190_b2c8_0000_7000_8000_0000_0000_0000 + (n << 64),
        ));
        let mut frame = json!({ "type": "x", "conversation": { "id": id, "version": 1 } });
        self.defaults.frame(&mut frame);
        let conversation: Conversation =
            serde_json::from_value(frame["conversation"].clone()).expect("a conversation");
        let summary = conversation.summary.clone();
        let room = Room {
            conversation,
            messages: Vec::new(),
            changed: Vec::new(),
            changed_at: 0,
            joined: true,
        };
        self.rooms.insert(id, room);
        let event = json!({ "type": "conversation.added", "version": 1, "conversation": summary });
        self.of_the_user(id, event);
    }

    /// Takes the client out of a conversation, or into it again.
    pub(crate) fn joins_or_leaves(&mut self, n: usize) {
        let Some(id) = self.rooms.keys().nth(n % self.rooms.len().max(1)).copied() else {
            return;
        };
        let room = self.rooms.get_mut(&id).expect("a room");
        room.joined = !room.joined;
        let summary = &mut room.conversation.summary;
        summary.version += 1;
        let event = if room.joined {
            json!({ "type": "conversation.added", "version": summary.version, "conversation": summary })
        } else {
            json!({ "type": "conversation.removed" })
        };
        self.of_the_user(id, event);
    }

    pub(crate) fn pins(&mut self, id: ConversationId) {
        let room = self.rooms.get_mut(&id).expect("a room");
        room.conversation.me.pinned = !room.conversation.me.pinned;
        let me = room.conversation.me.clone();
        self.of_the_user(
            id,
            json!({ "type": "membership.updated", "me": me, "unreadCount": 0 }),
        );
    }

    /// Whether a page waits to be sent by itself.
    pub(crate) fn is_resuming(&self) -> bool {
        self.resume.is_some()
    }

    /// Sends the next page to a socket that resumes.
    pub(crate) fn goes_on(&mut self) {
        let Some(mut resume) = self.resume.take() else {
            return;
        };
        let page = self.page(Some(&resume.cursor));
        resume.cursor.clone_from(&page.cursor);
        let has_more = page.has_more;
        let page = Box::new(page);
        self.outgoing.push_back(ServerFrame::Sync { page });
        if has_more {
            self.resume = Some(resume);
        } else {
            self.outgoing.extend(resume.later);
        }
    }

    /// Answers a command; with `trouble`, as a server does that is in some.
    pub(crate) fn serves(&mut self, frame: ClientFrame, trouble: Option<Code>) {
        let reference = frame.reference().cloned();
        match frame {
            ClientFrame::Auth { cursor, .. } => {
                self.authorised = true;
                let frame = self.frame(json!({
                    "type": "connected", "epoch": self.epoch.to_string(),
                    "resumed": cursor.is_some(), "cursor": self.cursor(self.now, self.now),
                }));
                self.say(frame);
                self.resume = cursor.map(|cursor| Resume {
                    cursor,
                    later: Vec::new(),
                });
            }
            ClientFrame::Ping { reference } => {
                let cursor = Some(self.cursor(self.now, self.now));
                self.say(ServerFrame::Pong { reference, cursor });
            }
            ClientFrame::Sync { cursor, .. } => {
                if let Some(code) = trouble {
                    return self.refuses(reference, code);
                }
                let page = Some(Box::new(self.page(cursor.as_deref())));
                self.say(ServerFrame::Ack {
                    reference,
                    message: None,
                    page,
                });
            }
            ClientFrame::MessageSend {
                conversation_id,
                content,
                client_id,
                ..
            } => {
                let joined = self.rooms.get(&conversation_id).is_some_and(|it| it.joined);
                if !joined {
                    return self.refuses(reference, Code::NotFound);
                }
                if let Some(code) = trouble
                    && code != Code::UnknownOutcome
                {
                    return self.refuses(reference, code);
                }
                let by_id = |it: &&Message| it.client_id == client_id;
                if !self.rooms[&conversation_id]
                    .messages
                    .iter()
                    .any(|it| by_id(&it))
                {
                    self.writes(conversation_id, "ada", client_id.as_deref(), &content);
                }
                if trouble.is_some() {
                    return self.refuses(reference, Code::UnknownOutcome);
                }
                let stored = self.rooms[&conversation_id].messages.iter().find(by_id);
                let message = stored.map(AckedMessage::from);
                self.say(ServerFrame::Ack {
                    reference,
                    message,
                    page: None,
                });
            }
            other => panic!("not asked for: {other:?}"),
        }
    }

    fn refuses(&mut self, reference: Option<Ref>, code: Code) {
        self.say(ServerFrame::Error {
            reference,
            code,
            detail: String::new(),
            retry_after_ms: None,
        });
    }

    /// What has changed since `since` is listed after `after`.
    fn cursor(&self, since: i64, after: i64) -> String {
        format!("{}:{since}:{after}", self.epoch)
    }

    fn page(&self, cursor: Option<&str>) -> SyncPage {
        let parts: Vec<i64> = cursor
            .into_iter()
            .flat_map(|it| it.split(':'))
            .map(|part| part.parse().expect("a cursor of this server"))
            .collect();
        let (reset, since, after) = match parts[..] {
            [epoch, since, after] if epoch == self.epoch as i64 => (false, since, after),
            [_, _, _] => (true, -1, -1),
            _ => (false, -1, -1),
        };
        let mut rooms: Vec<&Room> = self
            .rooms
            .values()
            .filter(|it| it.changed_at > after)
            .collect();
        rooms.sort_by_key(|room| room.changed_at);
        let has_more = rooms.len() > PAGE_CONVERSATIONS;
        rooms.truncate(PAGE_CONVERSATIONS);
        let cursor = match rooms.last() {
            Some(room) if has_more => self.cursor(since, room.changed_at),
            _ => self.cursor(self.now, self.now),
        };
        let (joined, left): (Vec<&Room>, Vec<&Room>) = rooms.into_iter().partition(|it| it.joined);
        let conversations = joined.into_iter().map(|room| {
            let changed = room.messages.iter().zip(&room.changed);
            let messages: Vec<SharedMessage> = changed
                .filter(|(_, at)| **at > since)
                .map(|(message, _)| message.clone().into())
                .collect();
            let gap = messages.len() > PAGE_MESSAGES || (since < 0 && !messages.is_empty());
            SyncedConversation {
                conversation: room.conversation.clone(),
                messages: if gap { Vec::new() } else { messages },
                gap,
            }
        });
        let mut page = json!({
            "type": "sync",
            "page": { "cursor": cursor, "epoch": self.epoch.to_string(), "reset": reset, "hasMore": has_more },
        });
        self.defaults.frame(&mut page);
        let mut page: SyncPage = serde_json::from_value(page["page"].clone()).expect("a page");
        page.user.user_version = self.user_version;
        page.conversations = conversations.collect();
        page.removed = left
            .iter()
            .map(|room| room.conversation.summary.id)
            .collect();
        page
    }

    /// Answers a read over REST; nothing where the client may not read.
    pub(crate) fn history(&self, id: ConversationId, after: Option<i64>) -> Option<MessagePage> {
        let room = self.rooms.get(&id).filter(|room| room.joined)?;
        let count = room.messages.len();
        let from = after.map_or(count.saturating_sub(HISTORY_MESSAGES), |seq| seq as usize);
        let items: Vec<_> = room
            .messages
            .iter()
            .skip(from)
            .take(HISTORY_MESSAGES)
            .cloned()
            .collect();
        let has_more = after.map_or(from > 0, |_| from + items.len() < count);
        Some(MessagePage { items, has_more })
    }
}
