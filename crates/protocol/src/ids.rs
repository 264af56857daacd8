//! Identifiers. On the wire each is a string; inside, conversations, messages and sessions are
//! UUIDs (version 7, so that they sort by creation) and a user id is Parlor's own UUID or the host
//! app's `sub` verbatim.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ts_rs::TS;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::limits::USER_ID_BYTES_MAX;

/// A text that is not an identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id")]
pub struct InvalidId {
    /// What was expected: `conversation`, `message`, `session` or `user`.
    pub kind: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, TS, ToSchema)]
        #[ts(type = "string")]
        #[schema(value_type = String, format = "uuid")]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // Only the canonical hyphenated spelling: one id has one text.
                (text.len() == 36)
                    .then(|| Uuid::try_parse(text).ok())
                    .flatten()
                    .map(Self)
                    .ok_or(InvalidId { kind: $kind })
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

uuid_id!(
    /// A conversation.
    ConversationId,
    "conversation"
);
uuid_id!(
    /// A message.
    MessageId,
    "message"
);
uuid_id!(
    /// A join link.
    LinkId,
    "link"
);
uuid_id!(
    /// One signed-in device of a user.
    SessionId,
    "session"
);

/// A user: Parlor's own UUID, or the `sub` of the host app's token verbatim.
/// 1–64 characters of `A-Za-z0-9._:@|-`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, TS, ToSchema)]
#[ts(type = "string")]
#[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._:@|-]{1,64}$")]
pub struct UserId(std::sync::Arc<str>);

impl UserId {
    /// The id as its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Uuid> for UserId {
    fn from(id: Uuid) -> Self {
        Self(id.hyphenated().to_string().into())
    }
}

impl FromStr for UserId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:@|-".contains(&b);
        if text.is_empty() || text.len() > USER_ID_BYTES_MAX || !text.bytes().all(allowed) {
            return Err(InvalidId { kind: "user" });
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserId({})", self.0)
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_ids_take_a_host_apps_sub_and_nothing_else() {
        for good in [
            "u_1",
            "auth0|5f7",
            "ada@example.org",
            "0190b2c8-aaaa",
            &"a".repeat(64),
        ] {
            assert_eq!(
                good.parse::<UserId>().map(|id| id.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in ["", " ", "a b", "ä", "a/b", "a\0", &"a".repeat(65)] {
            assert!(bad.parse::<UserId>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn uuids_have_one_spelling() {
        let text = "0190b2c8-0000-7000-8000-000000000001";
        assert_eq!(
            text.parse::<MessageId>().map(|id| id.to_string()),
            Ok(text.to_owned())
        );
        for bad in [
            "0190b2c8000070008000000000000001",
            "{0190b2c8-0000-7000-8000-000000000001}",
            "x",
        ] {
            assert!(bad.parse::<MessageId>().is_err(), "{bad:?} was taken");
        }
    }
}
