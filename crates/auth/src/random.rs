//! Random numbers from the operating system, in the few shapes that are needed.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

/// Fills a buffer. A system without randomness cannot keep a secret, so there is no way to go on.
pub(crate) fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has randomness");
}

/// A code of 128 random bits that can stand in a URL.
pub fn code() -> String {
    let mut bytes = [0; 16];
    fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is stored in place of a [`code`]. It has 128 random bits, so nothing slow is needed.
pub fn code_hash(code: &str) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, code.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// A version 7 UUID for a moment in milliseconds since 1970.
pub fn uuid_v7(now_ms: i64) -> Uuid {
    let mut bytes = [0; 10];
    fill(&mut bytes);
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(now_ms).unwrap_or(0), &bytes)
        .into_uuid()
}
