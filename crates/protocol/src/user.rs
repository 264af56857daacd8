//! People, as others see them and as they see themselves.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{Timestamp, UserId};

/// A user as everyone sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserSummary {
    /// The user.
    pub id: UserId,
    /// The unique handle, 2–32 of `a-z0-9_.-`.
    pub handle: String,
    /// The name to show.
    pub name: String,
    /// A picture, if there is one.
    pub avatar_url: Option<String>,
}

/// A user as they see themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user.
    pub id: UserId,
    /// The unique handle, 2–32 of `a-z0-9_.-`.
    pub handle: String,
    /// The name to show.
    pub name: String,
    /// A picture, if there is one.
    pub avatar_url: Option<String>,
    /// The e-mail address, if one was given.
    pub email: Option<String>,
    /// A line about oneself.
    pub bio: Option<String>,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// `PATCH /users/me`. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(optional_fields)]
pub struct ChangeUser {
    /// 1–64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 2–32 of `a-z0-9_.-`; nobody else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// At most 280 characters; null takes it away.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::present"
    )]
    #[ts(type = "string | null")]
    #[schema(value_type = Option<String>)]
    pub bio: Option<Option<String>>,
}

impl User {
    /// What everyone sees of this user.
    pub fn summary(&self) -> UserSummary {
        UserSummary {
            id: self.id.clone(),
            handle: self.handle.clone(),
            name: self.name.clone(),
            avatar_url: self.avatar_url.clone(),
        }
    }
}
