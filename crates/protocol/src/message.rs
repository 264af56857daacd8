//! Messages and what is sent to make one.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{ConversationId, MessageId, Timestamp, UserId, UserSummary};

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Written by a person or a bot.
    Text,
    /// Says what happened in the conversation.
    System,
}

/// One emoji on a message and who chose it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// How many people chose it.
    pub count: u32,
    /// The first 20 of them.
    pub user_ids: Vec<UserId>,
}

/// A message. The same bytes for every reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The message.
    pub id: MessageId,
    /// Where it stands.
    pub conversation_id: ConversationId,
    /// Its place in the conversation: 1, 2, 3 … without gaps.
    #[ts(type = "number")]
    pub seq: i64,
    /// The conversation's version at its last change.
    #[ts(type = "number")]
    pub version: i64,
    /// Who sent it.
    pub sender_id: UserId,
    /// The sender as everyone sees them.
    pub sender: UserSummary,
    /// The sender's own id for it, if one was given.
    pub client_id: Option<String>,
    /// What kind of message it is.
    pub kind: MessageKind,
    /// The text.
    pub content: String,
    /// Files; none yet.
    #[schema(value_type = Vec<Object>)]
    pub attachments: Vec<serde_json::Value>,
    /// The message that this one answers.
    pub reply_to: Option<MessageId>,
    /// The thread that it belongs to.
    pub thread_id: Option<MessageId>,
    /// People named in it.
    pub mentions: Vec<UserId>,
    /// Emoji on it.
    pub reactions: Vec<Reaction>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted; its content is then empty.
    pub deleted_at: Option<Timestamp>,
}

/// `POST /conversations/{id}/messages`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(optional_fields)]
pub struct SendMessage {
    /// The text: 1–16,384 characters, at most 48 KiB.
    pub content: String,
    /// The sender's own id for it, 1–128 bytes: the same one again makes no second message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Reserved; must be empty for now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<serde_json::Value>>")]
    #[schema(value_type = Vec<Object>)]
    pub attachments: Vec<serde_json::Value>,
    /// Reserved; must be absent for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// Reserved; must be absent for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<MessageId>,
    /// Reserved; must be empty for now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<UserId>>")]
    pub mentions: Vec<UserId>,
}

/// `PATCH /conversations/{id}/messages/{messageId}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EditMessage {
    /// The new text: 1–16,384 characters, at most 48 KiB.
    pub content: String,
}

/// A window of a conversation's history in ascending `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessagePage {
    /// The messages.
    pub items: Vec<Message>,
    /// Whether there are more beyond this window in the direction asked for.
    pub has_more: bool,
}
