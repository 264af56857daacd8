//! Signing in: requests and the one reply that all of them share.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{SessionId, Timestamp, User};

/// `POST /auth/register`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(optional_fields)]
pub struct Register {
    /// 2–32 of `a-z0-9_.-`, unique.
    pub handle: String,
    /// At least 8 characters, at most 1024 bytes.
    pub password: String,
    /// The name to show; the handle if absent.
    pub name: Option<String>,
    /// An e-mail address to sign in with.
    pub email: Option<String>,
}

/// `POST /auth/login`. `handle` or `email` are accepted for `login`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    /// Handle or e-mail address.
    #[serde(alias = "handle", alias = "email")]
    pub login: String,
    /// The password.
    pub password: String,
}

/// `POST /auth/link`: sign in with the code of a login link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkLogin {
    /// The code after `#code=`. Works once.
    pub code: String,
}

/// `POST /auth/refresh`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refresh {
    /// The newest refresh token. A token that was used before revokes the session.
    pub refresh_token: String,
}

/// The reply to register, login, link and refresh.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthReply {
    /// Who signed in.
    pub user: User,
    /// Bearer token for REST and sockets.
    pub access_token: String,
    /// Exchanged for the next pair of tokens; works once.
    pub refresh_token: String,
    /// The same as `accessToken`, under the name that older apps read.
    pub token: String,
    /// How long the access token lives, in milliseconds.
    #[ts(type = "number")]
    pub expires_in_ms: u64,
    /// The session that was opened or continued.
    pub session_id: SessionId,
}

/// An open session of the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// The session.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// The client's own description of itself (`User-Agent`), cut to 200 characters.
    pub device: Option<String>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
}
