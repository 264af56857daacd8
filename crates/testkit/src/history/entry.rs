//! One line of a history: who saw it, when, and what it was. JSON of one line each, so that a person can search it.

use std::collections::{BTreeMap, BTreeSet};

use parlor_protocol::{
    AckedMessage, Code, ConversationId, Message, MessageId, ReceiptStatus, ServerFrame, UserId,
};
use serde::{Deserialize, Serialize};

/// One thing that a client saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its place among all lines of all clients.
    pub at: u64,
    /// When, in milliseconds since the history began.
    pub ms: u64,
    /// Whose line it is.
    pub client: String,
    /// What was seen.
    #[serde(flatten)]
    pub entry: Entry,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "entry",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum Entry {
    /// A conversation was made, with these members.
    Founded {
        /// Which.
        conversation_id: ConversationId,
        /// Its members.
        members: BTreeSet<UserId>,
    },
    /// Somebody asks for something; one of the next three answers it, or nothing does.
    Invoked {
        /// Names the attempt.
        operation: u64,
        /// Who asks.
        by: UserId,
        /// For what.
        call: Call,
    },
    /// It is done and on disk.
    Done {
        /// Which attempt.
        operation: u64,
        /// Where the message stands, for a send.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        place: Option<Place>,
    },
    /// It is refused; nothing was done.
    Refused {
        /// Which attempt.
        operation: u64,
        /// Why.
        code: Code,
    },
    /// It may have been done or not, or may yet be.
    Unknown {
        /// Which attempt.
        operation: u64,
    },
    /// A device's socket is live.
    Connected {
        /// Whose device.
        user_id: UserId,
        /// Counts the device's sockets.
        connection: u32,
        /// The store's history.
        epoch: String,
        /// Whether the device gave a cursor.
        asked_to_resume: bool,
        /// Whether the server resumes from it.
        resumed: bool,
    },
    /// A device's socket has ended.
    Closed {
        /// Which.
        connection: u32,
        /// The close code, if there was one.
        code: Option<u16>,
    },
    /// An event with a version came over a socket.
    Heard {
        /// Over which.
        connection: u32,
        /// Where it happened.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        version: i64,
        /// What happened.
        change: Change,
    },
    /// A cursor of a member came over a socket.
    Receipt {
        /// Over which.
        connection: u32,
        /// Where.
        conversation_id: ConversationId,
        /// Whose.
        user_id: UserId,
        /// Which cursor.
        status: ReceiptStatus,
        /// Up to which message.
        seq: i64,
    },
    /// A device has applied an event to what it holds.
    Applied {
        /// Where.
        conversation_id: ConversationId,
        /// The version that it holds now.
        version: i64,
        /// The place of the message, for a new one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        seq: Option<i64>,
    },
    /// A device has replaced a conversation by what a sync page says.
    Synced {
        /// Which.
        conversation_id: ConversationId,
        /// The version that it holds now.
        version: i64,
        /// The place of the newest message.
        last_seq: i64,
        /// Whether the page says that more has changed than stands on it.
        gap: bool,
        /// The places of the messages on the page.
        seqs: Vec<i64>,
    },
    /// A device has read a page of history and holds these messages.
    Window {
        /// Where.
        conversation_id: ConversationId,
        /// The oldest place.
        first_seq: i64,
        /// The newest place.
        last_seq: i64,
    },
    /// A device was told that it is no longer in a conversation.
    Gone {
        /// Over which socket.
        connection: u32,
        /// Which.
        conversation_id: ConversationId,
        /// Whether it was news; the device forgets the conversation then.
        applied: bool,
    },
    /// A device forgets everything and starts over.
    Reset {
        /// Why.
        cause: String,
    },
    /// Something was broken on purpose.
    Fault {
        /// What.
        name: String,
        /// How.
        detail: String,
    },
    /// The server serves again.
    Serving {
        /// What ended it.
        after: String,
        /// From its start until it was ready, in milliseconds.
        took_ms: u64,
    },
    /// A message as it is stored after everything has come to rest.
    Stored {
        /// Who reads it.
        reader: UserId,
        /// Where.
        conversation_id: ConversationId,
        /// The message.
        message: Held,
    },
    /// A conversation as one member is told of it after everything has come to rest.
    Listed {
        /// Who asked.
        user_id: UserId,
        /// Which.
        conversation_id: ConversationId,
        /// Its version.
        version: i64,
        /// The place of its newest message.
        last_seq: i64,
        /// Its members.
        members: BTreeSet<UserId>,
        /// How far the member has read.
        read_seq: i64,
        /// How many messages are unread.
        unread: i64,
    },
    /// What a device holds of a conversation after everything has come to rest.
    Replica {
        /// Whose device.
        user_id: UserId,
        /// Which conversation.
        conversation_id: ConversationId,
        /// The version that it holds.
        version: i64,
        /// The window of messages.
        messages: Vec<Held>,
    },
    /// An application was told of a message, as new.
    Shown {
        /// Where.
        conversation_id: ConversationId,
        /// Its place.
        seq: i64,
    },
    /// An application was told that what it shows of a conversation is out of date, and that some may be left out.
    Left {
        /// Which conversation; all of them when absent.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        conversation_id: Option<ConversationId>,
        /// Why.
        cause: String,
    },
    /// What an application shows of a conversation after everything has come to rest.
    View {
        /// Whose application.
        user_id: UserId,
        /// Which conversation.
        conversation_id: ConversationId,
        /// The messages.
        messages: Vec<Held>,
    },
    /// A device has come to rest; what it holds was written before.
    Rested {
        /// Whose device.
        user_id: UserId,
    },
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "call",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum Call {
    /// A new message. The same `client_id` again is the same message.
    Send {
        /// Where.
        conversation_id: ConversationId,
        /// The sender's id for it.
        client_id: String,
        /// The text.
        content: String,
    },
    /// Another text. No two edits have the same.
    Edit {
        /// Where.
        conversation_id: ConversationId,
        /// Which message.
        message_id: MessageId,
        /// The new text.
        content: String,
    },
    /// Deletes a message.
    Delete {
        /// Where.
        conversation_id: ConversationId,
        /// Which message.
        message_id: MessageId,
    },
    /// Puts an emoji on a message or takes it off.
    React {
        /// Where.
        conversation_id: ConversationId,
        /// Which message.
        message_id: MessageId,
        /// The emoji.
        emoji: String,
        /// Whether it is put on.
        on: bool,
    },
    /// Makes somebody a member, or ends that.
    SetMember {
        /// Where.
        conversation_id: ConversationId,
        /// Whom.
        user_id: UserId,
        /// Whether they are one afterwards.
        member: bool,
    },
    /// Moves the read cursor up.
    Read {
        /// Where.
        conversation_id: ConversationId,
        /// Up to which message.
        seq: i64,
    },
    /// Reads the conversation; nothing changes.
    Look {
        /// Which.
        conversation_id: ConversationId,
    },
}

/// Longest text that stands in a history as it is, in bytes. Of longer ones the beginning, the length and a hash do.
const TEXT_BYTES_MAX: usize = 80;
/// What stands there of a longer one, in characters.
const TEXT_BEGINNING: usize = 40;

/// A text as it stands in a history; the same for the same text.
fn abridged(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(TEXT_BEGINNING).collect();
    format!(
        "{beginning}… {} bytes, {:016x}",
        text.len(),
        crate::random::hash(text)
    )
}

impl Call {
    /// The call as it stands in a history.
    #[must_use]
    pub fn abridged(&self) -> Self {
        let mut call = self.clone();
        if let Self::Send { content, .. } | Self::Edit { content, .. } = &mut call {
            *content = abridged(content);
        }
        call
    }

    /// The conversation that it is about.
    pub fn conversation_id(&self) -> ConversationId {
        match self {
            Self::Send {
                conversation_id, ..
            }
            | Self::Edit {
                conversation_id, ..
            }
            | Self::Delete {
                conversation_id, ..
            }
            | Self::React {
                conversation_id, ..
            }
            | Self::SetMember {
                conversation_id, ..
            }
            | Self::Read {
                conversation_id, ..
            }
            | Self::Look { conversation_id } => *conversation_id,
        }
    }
}

/// Where an acked message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The message.
    pub message_id: MessageId,
    /// Its place.
    pub seq: i64,
}

impl From<&AckedMessage> for Place {
    fn from(message: &AckedMessage) -> Self {
        Self {
            message_id: message.id,
            seq: message.seq,
        }
    }
}

impl From<&Message> for Place {
    fn from(message: &Message) -> Self {
        Self {
            message_id: message.id,
            seq: message.seq,
        }
    }
}

/// A durable change, as an event tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "change",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum Change {
    /// A new message.
    New {
        /// The message.
        message: Held,
    },
    /// Another text.
    Updated {
        /// The message as it is now.
        message: Held,
    },
    /// A message was deleted.
    Deleted {
        /// Which.
        message_id: MessageId,
        /// Its place.
        seq: i64,
    },
    /// An emoji was put on a message or taken off.
    Reacted {
        /// Which message.
        message_id: MessageId,
        /// Its place.
        seq: i64,
        /// The emoji.
        emoji: String,
        /// Whose.
        user_id: UserId,
        /// Whether it was put on.
        on: bool,
    },
    /// People have become members.
    Joined {
        /// Who.
        users: BTreeSet<UserId>,
    },
    /// Somebody is no longer a member.
    Left {
        /// Who.
        user_id: UserId,
    },
    /// The conversation's own settings.
    Settings,
}

impl Change {
    /// What an event with a version says, with its conversation and version; `None` for every other frame.
    pub fn of(frame: &ServerFrame) -> Option<(ConversationId, i64, Self)> {
        let (conversation_id, version, change) = match frame {
            ServerFrame::MessageNew {
                conversation_id,
                version,
                message,
            } => {
                let message = Held::from(&**message);
                (conversation_id, version, Self::New { message })
            }
            ServerFrame::MessageUpdated {
                conversation_id,
                version,
                message,
            } => {
                let message = Held::from(&**message);
                (conversation_id, version, Self::Updated { message })
            }
            ServerFrame::MessageDeleted {
                conversation_id,
                version,
                message_id,
                seq,
                ..
            } => {
                let (message_id, seq) = (*message_id, *seq);
                (conversation_id, version, Self::Deleted { message_id, seq })
            }
            ServerFrame::ReactionAdded {
                conversation_id,
                version,
                message_id,
                seq,
                emoji,
                user_id,
            }
            | ServerFrame::ReactionRemoved {
                conversation_id,
                version,
                message_id,
                seq,
                emoji,
                user_id,
            } => {
                let reacted = Self::Reacted {
                    message_id: *message_id,
                    seq: *seq,
                    emoji: emoji.clone(),
                    user_id: user_id.clone(),
                    on: matches!(frame, ServerFrame::ReactionAdded { .. }),
                };
                (conversation_id, version, reacted)
            }
            ServerFrame::MemberJoined {
                conversation_id,
                version,
                members,
                ..
            } => {
                let users = members.iter().map(|member| member.user.id.clone());
                let users = users.collect();
                (conversation_id, version, Self::Joined { users })
            }
            ServerFrame::MemberLeft {
                conversation_id,
                version,
                user_id,
                ..
            } => {
                let user_id = user_id.clone();
                (conversation_id, version, Self::Left { user_id })
            }
            ServerFrame::ConversationUpdated {
                conversation_id,
                version,
                ..
            }
            | ServerFrame::MemberUpdated {
                conversation_id,
                version,
                ..
            } => (conversation_id, version, Self::Settings),
            _ => return None,
        };
        Some((*conversation_id, *version, change))
    }
}

/// A message by all that can be different of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The message.
    pub id: MessageId,
    /// Its place.
    pub seq: i64,
    /// The conversation's version at its last change.
    pub version: i64,
    /// Who sent it.
    pub sender_id: UserId,
    /// The sender's id for it; empty when there is none.
    pub client_id: String,
    /// The text, abridged; empty when deleted.
    pub content: String,
    /// Whether it was edited.
    pub edited: bool,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Emoji on it, and whose.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub reactions: BTreeMap<String, BTreeSet<UserId>>,
}

impl From<&Message> for Held {
    fn from(message: &Message) -> Self {
        let reactions = message.reactions.iter().map(|reaction| {
            let users = reaction.user_ids.iter().cloned().collect();
            (reaction.emoji.clone(), users)
        });
        Self {
            id: message.id,
            seq: message.seq,
            version: message.version,
            sender_id: message.sender_id.clone(),
            client_id: message.client_id.clone().unwrap_or_default(),
            content: abridged(&message.content),
            edited: message.edited_at.is_some(),
            deleted: message.deleted_at.is_some(),
            reactions: reactions.collect(),
        }
    }
}

impl Held {
    /// Becomes what is left of a deleted message.
    pub fn delete(&mut self, version: i64) {
        self.version = version;
        self.deleted = true;
        self.content.clear();
        self.reactions.clear();
    }

    /// Puts an emoji on it or takes it off.
    pub fn react(&mut self, version: i64, emoji: &str, user_id: &UserId, on: bool) {
        self.version = version;
        if on {
            let users = self.reactions.entry(emoji.to_owned()).or_default();
            users.insert(user_id.clone());
        } else if let Some(users) = self.reactions.get_mut(emoji) {
            users.remove(user_id);
            if users.is_empty() {
                self.reactions.remove(emoji);
            }
        }
    }
}
