//! What people are doing now: whether they are here, whether they write. Nothing of it is history.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{Timestamp, UserSummary};

/// Whether somebody is here, over all their devices.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PresenceStatus {
    /// No device is connected.
    Offline,
    /// A device is connected, and none is in use.
    Away,
    /// A device is in use.
    Online,
}

/// What a device says of itself. It is offline when it is gone, and cannot say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceStatus {
    /// Connected, and nobody uses it.
    Away,
    /// In use.
    Online,
}

impl From<DeviceStatus> for PresenceStatus {
    fn from(status: DeviceStatus) -> Self {
        match status {
            DeviceStatus::Away => Self::Away,
            DeviceStatus::Online => Self::Online,
        }
    }
}

/// `POST /conversations/{id}/typing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetTyping {
    /// Whether the caller is writing.
    pub typing: bool,
}

/// One person, and whether they are here where the caller may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct Person {
    /// What everyone sees.
    #[serde(flatten)]
    pub summary: UserSummary,
    /// Absent for those who share no conversation with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<PresenceStatus>,
    /// When their last device went; absent while one is here, and where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<Timestamp>,
}
