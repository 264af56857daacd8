//! What is announced after a commit, in the order of the decisions.

use std::sync::Arc;

use parlor_protocol::{
    ConversationId, Member, Membership, Message, MessageId, Role, Timestamp, UserId,
};

use super::Settings;
use crate::Cursors;

/// One thing that has changed. Those with a `version` are durable changes of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A message was stored.
    MessageNew(Arc<Message>),
    /// A message's text was edited.
    MessageUpdated {
        /// The conversation's version with it.
        version: i64,
        /// As it is now.
        message: Arc<Message>,
    },
    /// A message was deleted.
    MessageDeleted {
        /// Where.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        version: i64,
        /// Which.
        message_id: MessageId,
        /// Its place.
        seq: i64,
        /// When.
        deleted_at: Timestamp,
    },
    /// An emoji was put on a message or taken off.
    Reaction {
        /// Where.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        version: i64,
        /// Which message.
        message_id: MessageId,
        /// Its place.
        seq: i64,
        /// Which emoji.
        emoji: String,
        /// Whose.
        user_id: UserId,
        /// Whether it was put on.
        on: bool,
    },
    /// A member's cursors moved up.
    Cursors {
        /// Where.
        conversation_id: ConversationId,
        /// Whose.
        user_id: UserId,
        /// Where they stood.
        before: Cursors,
        /// Where they stand.
        after: Cursors,
    },
    /// People became members. Their own devices are told by [`Event::Added`].
    MembersJoined {
        /// Where.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        version: i64,
        /// Who.
        members: Vec<Member>,
        /// How many there are now.
        member_count: i64,
    },
    /// A member left or was removed.
    MemberLeft {
        /// Where.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        version: i64,
        /// Who.
        user_id: UserId,
        /// How many there are now.
        member_count: i64,
    },
    /// What a member may do has changed.
    MemberUpdated {
        /// Where.
        conversation_id: ConversationId,
        /// The conversation's version with it.
        version: i64,
        /// Whose.
        user_id: UserId,
        /// What they may do now.
        role: Role,
    },
    /// A conversation's settings have changed.
    Settings {
        /// Which.
        conversation_id: ConversationId,
        /// Its version with it.
        version: i64,
        /// As they are now.
        settings: Settings,
        /// When.
        updated_at: Timestamp,
    },
    /// A conversation is (again) among a user's own.
    Added {
        /// Which.
        conversation_id: ConversationId,
        /// Whose.
        user_id: UserId,
        /// Their change counter with it.
        user_version: i64,
    },
    /// A conversation is no longer among a user's own.
    Removed {
        /// Which.
        conversation_id: ConversationId,
        /// Whose.
        user_id: UserId,
        /// Their change counter with it.
        user_version: i64,
        /// They have only put it away: they are still a member and hear it.
        hidden: bool,
    },
    /// A user's own side of a conversation has changed.
    Membership {
        /// Where.
        conversation_id: ConversationId,
        /// Whose.
        user_id: UserId,
        /// Their change counter with it.
        user_version: i64,
        /// As it is now.
        me: Membership,
    },
}
