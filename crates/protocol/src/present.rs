//! A field that may be there and be null: absent, null and a value are three things.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[expect(
    clippy::option_option,
    reason = "absent, null and a value are three things"
)]
#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
pub(crate) fn serialize<T: Serialize, S: Serializer>(
    value: &Option<Option<T>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value
        .as_ref()
        .and_then(Option::as_ref)
        .serialize(serializer)
}

#[expect(
    clippy::option_option,
    reason = "absent, null and a value are three things"
)]
pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
