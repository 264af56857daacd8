//! Refusals as a client sees them: a stable code, a status and a sentence (RFC 9457).

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

/// The stable word for a refusal, the same on every transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is not well-formed or breaks a limit; `errors` names the fields.
    InvalidRequest,
    /// The body or frame is larger than allowed.
    PayloadTooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// No credential, or one that is not valid.
    Unauthorized,
    /// The access token has expired: refresh it.
    TokenExpired,
    /// The session was ended: sign in again.
    SessionRevoked,
    /// The request did not arrive in time.
    RequestTimeout,
    /// Handle or password is wrong.
    InvalidCredentials,
    /// A login link was used before or has expired.
    LinkUsed,
    /// The caller may see it but not do this.
    Forbidden,
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// The path exists but not with this method.
    MethodNotAllowed,
    /// Somebody else has this handle.
    HandleTaken,
    /// Somebody else has this e-mail address.
    EmailTaken,
    /// The same `clientId` was sent before with another body.
    ClientIdReused,
    /// The message was deleted: it cannot be changed any more.
    MessageDeleted,
    /// The conversation would be left without an owner.
    LastOwner,
    /// The sync cursor is forged, another user's, or from the future: start over without one.
    CursorNotUsable,
    /// Too many requests: wait for `Retry-After`.
    RateLimited,
    /// A part of the contract that this server does not have yet.
    NotSupported,
    /// A store or a queue cannot take it now; nothing was done.
    Unavailable,
    /// It may or may not have been done: send the same `clientId` again to find out.
    UnknownOutcome,
    /// The disk is full; reads go on.
    StorageFull,
    /// A fault of the server. The request id finds it in the log.
    Internal,
}

impl Code {
    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        self.row().1
    }

    /// The short sentence that goes with it.
    pub fn title(self) -> &'static str {
        self.row().2
    }

    /// The word itself.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::InvalidRequest => ("invalid_request", 400, "The request is not valid"),
            Self::PayloadTooLarge => ("payload_too_large", 413, "The request is too large"),
            Self::UnsupportedMediaType => ("unsupported_media_type", 415, "The body must be JSON"),
            Self::Unauthorized => ("unauthorized", 401, "Sign in first"),
            Self::TokenExpired => ("token_expired", 401, "The access token has expired"),
            Self::SessionRevoked => ("session_revoked", 401, "This session was ended"),
            Self::RequestTimeout => ("request_timeout", 408, "The request did not arrive in time"),
            Self::InvalidCredentials => ("invalid_credentials", 401, "Login or password is wrong"),
            Self::LinkUsed => ("link_used", 401, "This link was used or has expired"),
            Self::Forbidden => ("forbidden", 403, "You may not do this"),
            Self::NotFound => ("not_found", 404, "Not found"),
            Self::MethodNotAllowed => ("method_not_allowed", 405, "Not with this method"),
            Self::HandleTaken => ("handle_taken", 409, "This handle is taken"),
            Self::EmailTaken => ("email_taken", 409, "This e-mail address is taken"),
            Self::ClientIdReused => (
                "client_id_reused",
                409,
                "This clientId was used for another message",
            ),
            Self::MessageDeleted => ("message_deleted", 409, "This message was deleted"),
            Self::LastOwner => ("last_owner", 409, "Somebody must stay the owner"),
            Self::CursorNotUsable => ("cursor_not_usable", 400, "Start over without a cursor"),
            Self::RateLimited => ("rate_limited", 429, "Too many requests"),
            Self::NotSupported => ("not_supported", 400, "Not supported yet"),
            Self::Unavailable => ("unavailable", 503, "Not available at the moment"),
            Self::UnknownOutcome => ("unknown_outcome", 503, "The outcome is not known"),
            Self::StorageFull => ("storage_full", 507, "The disk is full"),
            Self::Internal => ("internal", 500, "Something went wrong here"),
        }
    }
}

/// A field that made a request invalid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// The field's name as it stands in the request.
    pub field: String,
    /// What would be right.
    pub message: String,
}

/// The body of every refusal over HTTP: `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `urn:parlor:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short sentence for the code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable word to program against.
    pub code: Code,
    /// What happened this time.
    pub detail: String,
    /// Finds this request in the server's log.
    pub request_id: String,
    /// The fields at fault, if any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<FieldError>>")]
    pub errors: Vec<FieldError>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_the_serialised_word() {
        for code in [
            Code::InvalidRequest,
            Code::ClientIdReused,
            Code::UnknownOutcome,
            Code::StorageFull,
            Code::LinkUsed,
        ] {
            assert_eq!(
                serde_json::to_value(code).expect("serialises"),
                code.as_str()
            );
        }
    }
}
