//! Cursors that a member moves: up to which `seq` messages were delivered and read.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::MessageId;

/// Which cursor is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptStatus {
    /// A device has received it.
    Delivered,
    /// The user has read it (and so received it).
    Read,
}

/// `POST /conversations/{id}/read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MoveCursor {
    /// Up to which message.
    #[ts(type = "number")]
    pub seq: i64,
}

/// `POST /conversations/{id}/messages/status`: `seq` or `messageId`, not both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(optional_fields)]
pub struct SetStatus {
    /// Which cursor.
    pub status: ReceiptStatus,
    /// Up to which message, by place.
    #[ts(optional, as = "Option<i32>")]
    pub seq: Option<i64>,
    /// Up to which message, by id.
    pub message_id: Option<MessageId>,
}
