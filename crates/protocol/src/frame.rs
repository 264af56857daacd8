//! Frames of the WebSocket, both ways, and how a client frame is read.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{
    Code, ConversationId, ConversationSettings, ConversationSummary, DeviceStatus, Malformed,
    Member, Membership, Message, MessageId, PresenceStatus, Role, SendMessage, SessionId, SyncPage,
    Timestamp, User, UserId, UserSummary, inspect, limits::REF_BYTES_MAX,
};

/// The client's own name for a command; echoed in its answer. A string of at most 64 bytes or a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(untagged)]
pub enum Ref {
    /// A number.
    Number(#[ts(type = "number")] u64),
    /// A text.
    Text(String),
}

/// A frame from the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(tag = "type", rename_all_fields = "camelCase", deny_unknown_fields)]
#[ts(optional_fields)]
pub enum ClientFrame {
    /// The credential: the first frame where none came with the handshake, or a newer one later.
    #[serde(rename = "auth")]
    Auth {
        /// Echoed in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// The access token.
        token: String,
        /// Where to resume.
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// Sends a message.
    #[serde(rename = "message.send")]
    MessageSend {
        /// Echoed in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// Where to.
        conversation_id: ConversationId,
        /// The text.
        content: String,
        /// The sender's own id for it.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        /// Reserved; must be empty for now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<serde_json::Value>>")]
        #[schema(value_type = Vec<Object>)]
        attachments: Vec<serde_json::Value>,
        /// Reserved; must be absent for now.
        #[serde(skip_serializing_if = "Option::is_none")]
        reply_to: Option<MessageId>,
        /// Reserved; must be absent for now.
        #[serde(skip_serializing_if = "Option::is_none")]
        thread_id: Option<MessageId>,
        /// Reserved; must be empty for now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<UserId>>")]
        mentions: Vec<UserId>,
    },
    /// Changes the text of one's own message.
    #[serde(rename = "message.edit")]
    MessageEdit {
        /// Echoed in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// Where.
        conversation_id: ConversationId,
        /// Which message.
        message_id: MessageId,
        /// The new text.
        content: String,
    },
    /// Deletes a message for everyone; its place stays.
    #[serde(rename = "message.delete")]
    MessageDelete {
        /// Echoed in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// Where.
        conversation_id: ConversationId,
        /// Which message.
        message_id: MessageId,
    },
    /// Puts an emoji on a message.
    #[serde(rename = "reaction.add")]
    ReactionAdd {
        /// Echoed in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// Where.
        conversation_id: ConversationId,
        /// Which message.
        message_id: MessageId,
        /// The emoji.
        emoji: String,
    },
    /// Takes one's own emoji off a message.
    #[serde(rename = "reaction.remove")]
    ReactionRemove {
        /// Echoed in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// Where.
        conversation_id: ConversationId,
        /// Which message.
        message_id: MessageId,
        /// The emoji.
        emoji: String,
    },
    /// Moves the caller's delivered cursor.
    #[serde(rename = "receipt.delivered")]
    ReceiptDelivered {
        /// Echoed in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// Where.
        conversation_id: ConversationId,
        /// Up to which message.
        #[ts(type = "number")]
        seq: i64,
    },
    /// Moves the caller's read cursor.
    #[serde(rename = "receipt.read")]
    ReceiptRead {
        /// Echoed in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// Where.
        conversation_id: ConversationId,
        /// Up to which message.
        #[ts(type = "number")]
        seq: i64,
    },
    /// The caller begins to write, or still does.
    #[serde(rename = "typing.start")]
    TypingStart {
        /// Echoed in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// Where.
        conversation_id: ConversationId,
    },
    /// The caller writes no more.
    #[serde(rename = "typing.stop")]
    TypingStop {
        /// Echoed in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// Where.
        conversation_id: ConversationId,
    },
    /// Says whether this device is in use; a new socket is `online`.
    #[serde(rename = "presence.set")]
    PresenceSet {
        /// Echoed in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// What the device says of itself.
        status: DeviceStatus,
    },
    /// Asks for the presence of these people, now and when it changes, in place of those asked for before. Who shares no
    /// conversation with the caller is passed over.
    #[serde(rename = "presence.watch")]
    PresenceWatch {
        /// Echoed in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// Whose; at most 200.
        user_ids: Vec<UserId>,
    },
    /// Asks for what has changed since a cursor; the ack holds one page.
    #[serde(rename = "sync")]
    Sync {
        /// Echoed in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// Where the client stands; absent to begin from nothing.
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// Asks for a `pong`.
    #[serde(rename = "ping")]
    Ping {
        /// Echoed in the `pong`.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
    },
}

/// What a frame that cannot be read calls for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameError {
    /// Not JSON, not an object with a `type`, too deep: the socket is closed with 4001.
    Bad(String),
    /// A command that is understood as one but not valid: answered with an error frame.
    Invalid {
        /// The command's `ref`, if it had one.
        reference: Option<Ref>,
        /// What is wrong.
        detail: String,
    },
}

impl From<Malformed> for FrameError {
    fn from(malformed: Malformed) -> Self {
        Self::Bad(malformed.to_string())
    }
}

/// [`ClientFrame::MessageSend`] by itself. A tag may stand anywhere in its object, so serde reads a
/// tagged one into a tree first; what comes most often is spared that where the tag stands in front.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Send {
    #[serde(rename = "type")]
    _type: serde::de::IgnoredAny,
    #[serde(rename = "ref")]
    reference: Option<Ref>,
    conversation_id: ConversationId,
    content: String,
    client_id: Option<String>,
    #[serde(default)]
    attachments: Vec<serde_json::Value>,
    reply_to: Option<MessageId>,
    thread_id: Option<MessageId>,
    #[serde(default)]
    mentions: Vec<UserId>,
}

impl Send {
    /// Nothing where the text is another command or not good: then the way for all of them says so.
    fn read(text: &str) -> Option<ClientFrame> {
        if !text.starts_with(r#"{"type":"message.send","#) {
            return None;
        }
        let send: Self = serde_json::from_str(text).ok()?;
        Some(ClientFrame::MessageSend {
            reference: send.reference,
            conversation_id: send.conversation_id,
            content: send.content,
            client_id: send.client_id,
            attachments: send.attachments,
            reply_to: send.reply_to,
            thread_id: send.thread_id,
            mentions: send.mentions,
        })
    }
}

impl ClientFrame {
    /// Reads one text frame. Parsed once when it is good; the envelope is looked at only to answer
    /// a command that is not.
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        #[derive(Deserialize)]
        struct Envelope {
            #[serde(rename = "type")]
            _type: String,
            #[serde(rename = "ref")]
            reference: Option<Ref>,
        }

        inspect(text.as_bytes())?;
        let frame = match Send::read(text).map_or_else(|| serde_json::from_str(text), Ok) {
            Ok(frame) => frame,
            Err(error) => {
                return Err(match serde_json::from_str::<Envelope>(text) {
                    Ok(Envelope { reference, .. }) if ref_fits(reference.as_ref()) => {
                        FrameError::Invalid {
                            reference,
                            detail: error.to_string(),
                        }
                    }
                    _ => FrameError::Bad(error.to_string()),
                });
            }
        };
        if ref_fits(frame.reference()) {
            Ok(frame)
        } else {
            Err(FrameError::Bad(format!(
                "ref is longer than {REF_BYTES_MAX} bytes"
            )))
        }
    }

    /// The command's `ref`.
    pub fn reference(&self) -> Option<&Ref> {
        match self {
            Self::Auth { reference, .. }
            | Self::MessageSend { reference, .. }
            | Self::MessageEdit { reference, .. }
            | Self::MessageDelete { reference, .. }
            | Self::ReactionAdd { reference, .. }
            | Self::ReactionRemove { reference, .. }
            | Self::ReceiptDelivered { reference, .. }
            | Self::ReceiptRead { reference, .. }
            | Self::TypingStart { reference, .. }
            | Self::TypingStop { reference, .. }
            | Self::PresenceSet { reference, .. }
            | Self::PresenceWatch { reference, .. }
            | Self::Sync { reference, .. }
            | Self::Ping { reference } => reference.as_ref(),
        }
    }

    /// A `message.send` with the same body as the REST request.
    pub fn message_send(
        reference: Option<Ref>,
        conversation_id: ConversationId,
        body: SendMessage,
    ) -> Self {
        let SendMessage {
            content,
            client_id,
            attachments,
            reply_to,
            thread_id,
            mentions,
        } = body;
        Self::MessageSend {
            reference,
            conversation_id,
            content,
            client_id,
            attachments,
            reply_to,
            thread_id,
            mentions,
        }
    }
}

fn ref_fits(reference: Option<&Ref>) -> bool {
    !matches!(reference, Some(Ref::Text(text)) if text.len() > REF_BYTES_MAX)
}

/// What an ack says of a message that is now stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AckedMessage {
    /// The message.
    pub id: MessageId,
    /// Its place in the conversation.
    #[ts(type = "number")]
    pub seq: i64,
    /// The conversation's version with it.
    #[ts(type = "number")]
    pub version: i64,
    /// When it was stored.
    pub created_at: Timestamp,
}

impl From<&Message> for AckedMessage {
    fn from(message: &Message) -> Self {
        Self {
            id: message.id,
            seq: message.seq,
            version: message.version,
            created_at: message.created_at,
        }
    }
}

/// A frame from the server. Events are the same bytes for every recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
#[ts(optional_fields)]
pub enum ServerFrame {
    /// The first frame: the socket is authorised and live.
    #[serde(rename = "connected")]
    Connected {
        /// Who is connected.
        user_id: UserId,
        /// The session; null for a host app's token, which has none.
        #[ts(optional = nullable)]
        session_id: Option<SessionId>,
        /// Names the store's history; another one means: start over.
        epoch: String,
        /// Where this connection starts. Opaque.
        cursor: String,
        /// Send something at least this often, in milliseconds.
        #[ts(type = "number")]
        heartbeat_ms: u64,
        /// Whether what was missed since the given cursor follows, as `sync` frames, before anything live.
        resumed: bool,
    },
    /// A command was done; whatever it changed is on disk.
    #[serde(rename = "ack")]
    Ack {
        /// The command's `ref`.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// The stored message, for `message.send`.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<AckedMessage>,
        /// What has changed, for `sync`.
        #[serde(skip_serializing_if = "Option::is_none")]
        page: Option<Box<SyncPage>>,
    },
    /// A command was refused.
    #[serde(rename = "error")]
    Error {
        /// The command's `ref`.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// The stable word.
        code: Code,
        /// What happened this time.
        detail: String,
        /// Wait this long before the next try, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional, as = "Option<u32>")]
        retry_after_ms: Option<u64>,
    },
    /// The answer to `ping`.
    #[serde(rename = "pong")]
    Pong {
        /// The ping's `ref`.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
        /// Everything before this cursor was sent on this socket: whoever has applied all frames up
        /// to here may resume from it.
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// A part of what was missed, when resuming.
    #[serde(rename = "sync")]
    Sync {
        /// The part.
        page: Box<SyncPage>,
    },
    /// A new message.
    #[serde(rename = "message.new")]
    MessageNew {
        /// Where.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        #[ts(type = "number")]
        version: i64,
        /// The message.
        message: Box<Message>,
    },
    /// A message has changed: its text was edited.
    #[serde(rename = "message.updated")]
    MessageUpdated {
        /// Where.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        #[ts(type = "number")]
        version: i64,
        /// The message as it is now.
        message: Box<Message>,
    },
    /// A message was deleted: its text, reactions and files are gone, its place stays.
    #[serde(rename = "message.deleted")]
    MessageDeleted {
        /// Where.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        #[ts(type = "number")]
        version: i64,
        /// Which message.
        message_id: MessageId,
        /// Its place.
        #[ts(type = "number")]
        seq: i64,
        /// When.
        deleted_at: Timestamp,
    },
    /// Somebody put an emoji on a message.
    #[serde(rename = "reaction.added")]
    ReactionAdded {
        /// Where.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        #[ts(type = "number")]
        version: i64,
        /// Which message.
        message_id: MessageId,
        /// Its place.
        #[ts(type = "number")]
        seq: i64,
        /// The emoji.
        emoji: String,
        /// Who.
        user_id: UserId,
    },
    /// Somebody took their emoji off a message.
    #[serde(rename = "reaction.removed")]
    ReactionRemoved {
        /// Where.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        #[ts(type = "number")]
        version: i64,
        /// Which message.
        message_id: MessageId,
        /// Its place.
        #[ts(type = "number")]
        seq: i64,
        /// The emoji.
        emoji: String,
        /// Who.
        user_id: UserId,
    },
    /// A member's devices have received everything up to `seq`.
    #[serde(rename = "message.delivered")]
    MessageDelivered {
        /// Where.
        conversation_id: ConversationId,
        /// Whose cursor.
        user_id: UserId,
        /// Up to which message.
        #[ts(type = "number")]
        seq: i64,
    },
    /// A member has read everything up to `seq`.
    #[serde(rename = "message.read")]
    MessageRead {
        /// Where.
        conversation_id: ConversationId,
        /// Whose cursor.
        user_id: UserId,
        /// Up to which message.
        #[ts(type = "number")]
        seq: i64,
    },
    /// Somebody writes. It is over after six seconds without another such word, with `typing.stop`, or with a message
    /// of theirs. May be left out for a socket that does not keep up.
    #[serde(rename = "typing.start")]
    TypingStart {
        /// Where.
        conversation_id: ConversationId,
        /// Who.
        user_id: UserId,
    },
    /// Somebody writes no more.
    #[serde(rename = "typing.stop")]
    TypingStop {
        /// Where.
        conversation_id: ConversationId,
        /// Who.
        user_id: UserId,
    },
    /// Somebody came, went, or put their devices aside. May be left out for a socket that does not keep up.
    #[serde(rename = "presence.update")]
    PresenceUpdate {
        /// Who.
        user_id: UserId,
        /// Over all their devices.
        status: PresenceStatus,
        /// When their last device went; null while one is here, and where nobody knows.
        #[ts(optional = nullable)]
        last_seen_at: Option<Timestamp>,
    },
    /// The recipient is now a member of this conversation.
    #[serde(rename = "conversation.added")]
    ConversationAdded {
        /// Which.
        conversation_id: ConversationId,
        /// Its version.
        #[ts(type = "number")]
        version: i64,
        /// The recipient's own change counter with it.
        #[ts(type = "number")]
        user_version: i64,
        /// What every member sees of it.
        conversation: Box<ConversationSummary>,
    },
    /// The conversation's settings have changed.
    #[serde(rename = "conversation.updated")]
    ConversationUpdated {
        /// Which.
        conversation_id: ConversationId,
        /// Its version.
        #[ts(type = "number")]
        version: i64,
        /// As they are now.
        conversation: Box<ConversationSettings>,
    },
    /// The recipient is no longer in this conversation, or has hidden it on another device. A hidden
    /// one comes back with its next message.
    #[serde(rename = "conversation.removed")]
    ConversationRemoved {
        /// Which.
        conversation_id: ConversationId,
        /// The recipient's own change counter with it.
        #[ts(type = "number")]
        user_version: i64,
    },
    /// People have become members.
    #[serde(rename = "member.joined")]
    MemberJoined {
        /// Where.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        #[ts(type = "number")]
        version: i64,
        /// Who; at most as many as one request adds.
        members: Vec<Member>,
        /// How many members there are now.
        #[ts(type = "number")]
        member_count: i64,
    },
    /// A member has left or was removed.
    #[serde(rename = "member.left")]
    MemberLeft {
        /// Where.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        #[ts(type = "number")]
        version: i64,
        /// Who.
        user_id: UserId,
        /// How many members there are now.
        #[ts(type = "number")]
        member_count: i64,
    },
    /// A member's role has changed.
    #[serde(rename = "member.updated")]
    MemberUpdated {
        /// Where.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        #[ts(type = "number")]
        version: i64,
        /// Whose.
        user_id: UserId,
        /// What they may do now.
        role: Role,
    },
    /// The recipient's own side of a conversation has changed, perhaps on another device.
    #[serde(rename = "membership.updated")]
    MembershipUpdated {
        /// Which.
        conversation_id: ConversationId,
        /// The recipient's own change counter with it.
        #[ts(type = "number")]
        user_version: i64,
        /// Their side as it is now; the read cursor may have gone back.
        me: Membership,
        /// Messages of others after it.
        #[ts(type = "number")]
        unread_count: i64,
    },
    /// Somebody with whom the recipient shares a conversation, or the recipient, looks different now.
    #[serde(rename = "user.updated")]
    UserUpdated {
        /// As everyone sees them.
        user: UserSummary,
    },
    /// The recipient's own account has changed, perhaps on another device.
    #[serde(rename = "account.updated")]
    AccountUpdated {
        /// The recipient's own change counter with it.
        #[ts(type = "number")]
        user_version: i64,
        /// As they see themselves.
        user: User,
    },
    /// The server is about to close this socket: come back after the wait.
    #[serde(rename = "reconnect")]
    Reconnect {
        /// How long to wait, in milliseconds; different for each socket.
        #[ts(type = "number")]
        after_ms: u64,
    },
}

impl ServerFrame {
    /// An ack that says nothing more than that it is done.
    pub fn done(reference: Option<Ref>) -> Self {
        Self::Ack {
            reference,
            message: None,
            page: None,
        }
    }

    /// The frame as JSON text.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("frames hold nothing that JSON cannot say")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_frame_is_read_once_and_whole() {
        let frame = ClientFrame::parse(
            r#"{"type":"message.send","ref":"1","conversationId":"0190b2c8-0000-7000-8000-000000000001","content":"hi","clientId":"c"}"#,
        );
        assert!(matches!(frame, Ok(ClientFrame::MessageSend { content, .. }) if content == "hi"));
        assert_eq!(
            ClientFrame::parse(r#"{"type":"ping","ref":7}"#),
            Ok(ClientFrame::Ping {
                reference: Some(Ref::Number(7))
            })
        );
    }

    #[test]
    fn a_command_that_is_not_valid_is_answered_with_its_ref() {
        for text in [
            r#"{"type":"message.send","ref":"r","content":"hi"}"#,
            r#"{"type":"message.send","ref":"r","conversationId":"x","content":"hi"}"#,
            r#"{"type":"ping","ref":"r","role":"owner"}"#,
            r#"{"type":"no.such","ref":"r"}"#,
        ] {
            let answer = ClientFrame::parse(text);
            assert!(
                matches!(&answer, Err(FrameError::Invalid { reference: Some(Ref::Text(r)), .. }) if r == "r"),
                "{text} gave {answer:?}"
            );
        }
    }

    #[test]
    fn what_is_no_command_is_a_bad_frame() {
        let deep = format!(r#"{{"type":"ping","x":{}}}"#, "[".repeat(10_000));
        let long = format!(r#"{{"type":"ping","ref":"{}"}}"#, "r".repeat(65));
        for text in [
            "",
            "hi",
            "1",
            "[]",
            "{}",
            r#"{"type":1}"#,
            r#"{"ref":"r"}"#,
            &deep,
            &long,
            r#"{"type":"ping","ref":{}}"#,
        ] {
            let answer = ClientFrame::parse(text);
            assert!(
                matches!(answer, Err(FrameError::Bad(_))),
                "{text:.40} gave {answer:?}"
            );
        }
    }
}
