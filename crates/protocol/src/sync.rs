//! What has changed for a user since a cursor.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{Conversation, ConversationId, Message, SharedMessage, User};

/// One page of what has changed. State, not a log: each thing stands here as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncPage {
    /// Where the client stands once it has applied this page. Opaque, and good for this user only.
    pub cursor: String,
    /// Names the store's history.
    pub epoch: String,
    /// The client drops what it holds first: its cursor was of another history.
    pub reset: bool,
    /// More follows at `cursor`.
    pub has_more: bool,
    /// The caller.
    pub user: SyncedUser,
    /// Conversations that have changed: by last activity when there was no cursor, in no order else.
    pub conversations: Vec<SyncedConversation>,
    /// Conversations that the caller is no longer in, or has hidden.
    pub removed: Vec<ConversationId>,
}

/// The caller, and their own change counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncedUser {
    /// The caller.
    #[serde(flatten)]
    #[schema(inline)]
    pub user: User,
    /// Counts the changes that concern the caller everywhere.
    #[ts(type = "number")]
    pub user_version: i64,
}

/// One conversation that has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncedConversation {
    /// As it is now.
    pub conversation: Conversation,
    /// Messages that are new or have changed, in ascending `seq`, each as it is now.
    #[ts(as = "Vec<Message>")]
    #[schema(value_type = Vec<Message>)]
    pub messages: Vec<SharedMessage>,
    /// More than 100 messages have changed: the client drops its window and reads the newest page.
    pub gap: bool,
}
