//! Join links: whoever has one may become a member.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{ConversationId, ConversationKind, LinkId, Timestamp, UserId};

/// `POST /conversations/{id}/links`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(optional_fields)]
pub struct CreateLink {
    /// How long it works, in milliseconds: a minute to a year. For ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(type = "number")]
    pub expires_in_ms: Option<u64>,
    /// How many people may join by it: 1–100,000. Any number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u32>,
}

/// A join link as the admins of its conversation see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The link.
    pub id: LinkId,
    /// Who made it.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// How many people may join by it; any number when null.
    #[ts(type = "number | null")]
    pub max_uses: Option<i64>,
    /// How many have.
    #[ts(type = "number")]
    pub uses: i64,
}

/// A link that was just made. Its token is shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedLink {
    /// The link.
    #[serde(flatten)]
    #[schema(inline)]
    pub link: Link,
    /// Whoever has it may join.
    pub token: String,
    /// The page on which they do.
    pub url: String,
}

/// What a link leads to, for whoever has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkPreview {
    /// The conversation.
    pub conversation: LinkedConversation,
}

/// A conversation as whoever has a link to it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkedConversation {
    /// The conversation.
    pub id: ConversationId,
    /// What kind it is.
    pub kind: ConversationKind,
    /// Its name.
    pub title: Option<String>,
    /// A short tag beside the name.
    pub label: Option<String>,
    /// How many members it has.
    #[ts(type = "number")]
    pub member_count: i64,
}
