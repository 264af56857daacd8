//! What may be asked of a conversation.

use parlor_protocol::{ConversationId, LinkId, MessageId, ReceiptStatus, Role, Timestamp, UserId};
use sha2::{Digest, Sha256};

use crate::conversation::{NewConversation, SettingsChange};

/// A change that waits for its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Where; for [`Change::Create`] the id that it gets.
    pub conversation_id: ConversationId,
    /// Who asks.
    pub actor: UserId,
    /// When it arrived.
    pub now: Timestamp,
    /// What.
    pub change: Change,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Make a conversation, or find the direct one that exists.
    Create(NewConversation),
    /// Send a message.
    Send {
        /// The id that the message gets if it is new.
        id: MessageId,
        /// The sender's own id for it.
        client_id: Option<String>,
        /// The text.
        content: String,
    },
    /// Change the text of one's own message.
    Edit {
        /// Which.
        message_id: MessageId,
        /// The new text.
        content: String,
    },
    /// Delete a message for everyone.
    Delete {
        /// Which.
        message_id: MessageId,
    },
    /// Put an emoji on a message, or take it off.
    React {
        /// Which message.
        message_id: MessageId,
        /// Which emoji.
        emoji: String,
        /// Whether it is put on.
        on: bool,
    },
    /// Move one's delivered or read cursor up.
    Receipt {
        /// Which cursor.
        status: ReceiptStatus,
        /// Up to which message.
        seq: i64,
    },
    /// Set one's read cursor back.
    Unread {
        /// The first message that is unread again.
        seq: i64,
    },
    /// Make people members.
    AddMembers {
        /// Who.
        user_ids: Vec<UserId>,
        /// What they may do.
        role: Role,
    },
    /// Remove a member; oneself leaves.
    RemoveMember {
        /// Who.
        user_id: UserId,
    },
    /// Become a member by a link.
    Join {
        /// Which.
        link_id: LinkId,
    },
    /// Change what a member may do.
    SetRole {
        /// Whose.
        user_id: UserId,
        /// What they may do.
        role: Role,
    },
    /// Change what the conversation is called, and the app's own fields.
    Settings(SettingsChange),
    /// Change one's own side: what is absent stays.
    Own {
        /// No notifications before this moment.
        muted_until: Option<Option<Timestamp>>,
        /// Kept at the top of the list.
        pinned: Option<bool>,
        /// Put away until looked for.
        archived: Option<bool>,
    },
    /// Put the conversation away and clear one's own history of it.
    Hide,
}

impl Change {
    /// The message that must be loaded for it.
    pub fn message_id(&self) -> Option<MessageId> {
        match self {
            Self::Edit { message_id, .. }
            | Self::Delete { message_id }
            | Self::React { message_id, .. } => Some(*message_id),
            _ => None,
        }
    }

    /// Whether it matters how many owners there are.
    pub fn counts_owners(&self) -> bool {
        matches!(self, Self::RemoveMember { .. } | Self::SetRole { .. })
    }

    /// How many memberships it may make.
    pub fn members(&self) -> usize {
        match self {
            Self::Create(new) => new.members.len(),
            Self::AddMembers { user_ids, .. } => user_ids.len(),
            Self::Join { .. } => 1,
            _ => 0,
        }
    }

    /// The people beside the actor whose membership it concerns.
    pub fn targets(&self) -> &[UserId] {
        match self {
            Self::AddMembers { user_ids, .. } => user_ids,
            Self::RemoveMember { user_id } | Self::SetRole { user_id, .. } => {
                std::slice::from_ref(user_id)
            }
            _ => &[],
        }
    }
}

/// What is kept of a message's first text, to tell a repetition from another message under the same
/// `clientId` even after the message was edited.
pub fn body_hash(content: &str) -> i64 {
    let digest = Sha256::digest(content.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(bytes)
}
