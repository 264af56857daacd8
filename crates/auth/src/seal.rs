//! Opaque texts that this server hands out and later believes: signed, and bound to whom they were
//! given to. What they say is not secret.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::Keys;

/// Bytes of the signature that are kept: 128 bits cannot be guessed, and the text stays short.
const TAG_BYTES: usize = 16;
/// Longest text that is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// Signs and opens texts of one kind.
pub struct Seal(hmac::Key);

impl Seal {
    /// The seal for one kind of text; another kind's is never taken for it.
    pub fn new(keys: &Keys, kind: &str) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, &keys.token);
        let derived = hmac::sign(&master, kind.as_bytes());
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// A text that says `payload` to `owner` and nobody else.
    pub fn seal(&self, owner: &str, payload: &[u8]) -> String {
        let mut bytes = payload.to_vec();
        bytes.extend_from_slice(&self.tag(owner, payload).as_ref()[..TAG_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a text says; `None` when it is not this server's, or not this owner's.
    pub fn open(&self, owner: &str, text: &str) -> Option<Vec<u8>> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let payload_bytes = bytes.len().checked_sub(TAG_BYTES)?;
        let (payload, tag) = bytes.split_at(payload_bytes);
        let expected = self.tag(owner, payload);
        aws_lc_rs::constant_time::verify_slices_are_equal(tag, &expected.as_ref()[..TAG_BYTES])
            .ok()?;
        bytes.truncate(payload_bytes);
        Some(bytes)
    }

    fn tag(&self, owner: &str, payload: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        // The length keeps owner and payload apart.
        context.update(&(owner.len() as u64).to_be_bytes());
        context.update(owner.as_bytes());
        context.update(payload);
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(key: u8, kind: &str) -> Seal {
        Seal::new(&Keys { token: [key; 32] }, kind)
    }

    #[test]
    fn only_its_own_text_for_its_owner_is_opened() {
        let text = seal(1, "cursor").seal("ada", b"42");
        assert_eq!(seal(1, "cursor").open("ada", &text), Some(b"42".to_vec()));
        assert_eq!(seal(1, "cursor").open("grace", &text), None);
        assert_eq!(seal(1, "other").open("ada", &text), None);
        assert_eq!(seal(2, "cursor").open("ada", &text), None);
        for at in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("ASCII");
            assert_eq!(seal(1, "cursor").open("ada", &forged), None, "{forged}");
        }
        for bad in ["", "x", "%%%", &text[1..], &"A".repeat(10_000)] {
            assert_eq!(seal(1, "cursor").open("ada", bad), None);
        }
    }
}
