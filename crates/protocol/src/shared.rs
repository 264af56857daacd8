//! A message that stands in many answers.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};
use serde_json::value::{RawValue, to_raw_value};

use crate::Message;

/// A message that many people missed: cheap to clone, and encoded once for all of them. On the wire it
/// is a [`Message`].
#[derive(Debug, Clone)]
pub struct SharedMessage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    message: Message,
    json: OnceLock<Box<RawValue>>,
}

impl From<Message> for SharedMessage {
    fn from(message: Message) -> Self {
        Self(Arc::new(Inner {
            message,
            json: OnceLock::new(),
        }))
    }
}

impl SharedMessage {
    /// The message by itself.
    pub fn into_message(self) -> Message {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => inner.message,
            Err(shared) => shared.message.clone(),
        }
    }
}

impl Deref for SharedMessage {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.0.message
    }
}

impl PartialEq for SharedMessage {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SharedMessage {}

impl Serialize for SharedMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = if let Some(json) = self.0.json.get() {
            json
        } else {
            let json = to_raw_value(&self.0.message).map_err(S::Error::custom)?;
            self.0.json.get_or_init(|| json)
        };
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SharedMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Message::deserialize(deserializer).map(Self::from)
    }
}
