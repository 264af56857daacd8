//! Conversations and their members.
//!
//! Two shapes on purpose: [`ConversationSummary`] is the same for every member and travels in
//! events; [`Conversation`] adds what only the caller has (`me`, `unreadCount`) and travels in
//! replies.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{ConversationId, Message, Timestamp, UserId, UserSummary};

/// What kind of conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// Two people, never twice.
    Direct,
    /// Several people, everyone writes.
    Group,
    /// Several people, owner and admins write.
    Channel,
}

/// What a member may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads, and writes where everyone may.
    Member,
    /// Also manages members and settings.
    Admin,
    /// Also hands the conversation over.
    Owner,
}

/// A member as every member sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Who it is.
    pub user: UserSummary,
    /// What they may do.
    pub role: Role,
    /// Up to which `seq` they have read.
    #[ts(type = "number")]
    pub read_seq: i64,
    /// Up to which `seq` a device of theirs has received.
    #[ts(type = "number")]
    pub delivered_seq: i64,
    /// When they joined.
    pub joined_at: Timestamp,
}

/// The caller's own side of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// What the caller may do.
    pub role: Role,
    /// Up to which `seq` the caller has read.
    #[ts(type = "number")]
    pub read_seq: i64,
    /// Up to which `seq` a device of the caller has received.
    #[ts(type = "number")]
    pub delivered_seq: i64,
    /// No notifications before this moment.
    pub muted_until: Option<Timestamp>,
    /// Kept at the top of the list.
    pub pinned: bool,
    /// Put away until looked for.
    pub archived: bool,
    /// Not listed until the next message.
    pub hidden: bool,
}

/// A conversation as every member sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationSummary {
    /// The conversation.
    pub id: ConversationId,
    /// What kind it is.
    pub kind: ConversationKind,
    /// Its name; null for direct ones, which show the other member.
    pub title: Option<String>,
    /// A short tag beside the name.
    pub label: Option<String>,
    /// The app's own fields.
    #[schema(value_type = Object)]
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// A picture, if there is one.
    pub avatar_url: Option<String>,
    /// Whether messages are end-to-end encrypted.
    pub encrypted: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// `seq` of the newest message; 0 when there is none.
    #[ts(type = "number")]
    pub last_seq: i64,
    /// The change counter.
    #[ts(type = "number")]
    pub version: i64,
    /// The newest message, if there is one.
    pub last_message: Option<Message>,
    /// How many members it has.
    #[ts(type = "number")]
    pub member_count: i64,
    /// The first 20 members by the time they joined.
    pub members: Vec<Member>,
}

/// A conversation as the caller sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// What every member sees.
    #[serde(flatten)]
    #[schema(inline)]
    pub summary: ConversationSummary,
    /// Messages of others after the caller's `readSeq`.
    #[ts(type = "number")]
    pub unread_count: i64,
    /// The caller's own side.
    pub me: Membership,
}

/// `POST /conversations`. `participantIds` is accepted for `memberIds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(optional_fields)]
pub struct CreateConversation {
    /// `direct` when there is one other member and no kind is given, else `group`.
    pub kind: Option<ConversationKind>,
    /// The other members; the caller is always one. At most 500.
    #[serde(alias = "participantIds")]
    pub member_ids: Vec<UserId>,
    /// At most 128 characters; not for direct ones.
    pub title: Option<String>,
    /// At most 64 characters.
    pub label: Option<String>,
    /// At most 8 KiB of JSON.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// `PATCH /conversations/{id}`. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(optional_fields)]
pub struct ChangeConversation {
    /// 1–128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// At most 64 characters; null takes it away.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::present"
    )]
    #[ts(type = "string | null")]
    #[schema(value_type = Option<String>)]
    pub label: Option<Option<String>>,
    /// At most 8 KiB of JSON, in place of what was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// `PATCH /conversations/{id}/me`. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(optional_fields)]
pub struct ChangeMembership {
    /// No notifications before this moment; null ends it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::present"
    )]
    #[ts(type = "Timestamp | null")]
    #[schema(value_type = Option<Timestamp>)]
    pub muted_until: Option<Option<Timestamp>>,
    /// Kept at the top of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Put away until looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
}

/// `PATCH /conversations/{id}/members/{userId}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeMember {
    /// What they may do.
    pub role: Role,
}

/// What of a conversation its admins change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationSettings {
    /// The name.
    pub title: Option<String>,
    /// A short tag beside the name.
    pub label: Option<String>,
    /// The app's own fields.
    #[schema(value_type = Object)]
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// The picture.
    pub avatar_url: Option<String>,
    /// When it was changed.
    pub updated_at: Timestamp,
}

/// `POST /conversations/{id}/members`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(optional_fields)]
pub struct AddMembers {
    /// Who becomes a member. At most 500.
    pub user_ids: Vec<UserId>,
    /// What they may do; `member` when absent.
    pub role: Option<Role>,
}
