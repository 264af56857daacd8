//! The opaque `cursor` of lists: where the next page begins, as base64 of JSON.
//!
//! It holds nothing secret and grants nothing: every query behind it asks again whose list it is.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use parlor_core::Refusal;
use parlor_protocol::inspect;
use serde::{Serialize, de::DeserializeOwned};

/// Longest cursor that is read, in bytes.
const CURSOR_BYTES_MAX: usize = 512;

pub(crate) fn encode<T: Serialize>(key: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).expect("keys are plain data"))
}

pub(crate) fn decode<T: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<T>, Refusal> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    (cursor.len() <= CURSOR_BYTES_MAX)
        .then(|| URL_SAFE_NO_PAD.decode(cursor).ok())
        .flatten()
        .filter(|bytes| inspect(bytes).is_ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .map(Some)
        .ok_or_else(|| Refusal::field("cursor", "not a cursor of this list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_handed_out_is_refused() {
        assert_eq!(
            decode::<(i64, String)>(Some(&encode(&(1, "a")))),
            Ok(Some((1, "a".to_owned())))
        );
        assert_eq!(decode::<String>(None), Ok(None));
        for bad in [
            "",
            "%%%",
            "bm90IGpzb24",
            &encode(&(1, "a\0b")),
            &encode(&"other"),
            &"A".repeat(600),
        ] {
            assert!(
                decode::<(i64, String)>(Some(bad)).is_err(),
                "{bad:?} was taken"
            );
        }
    }
}
