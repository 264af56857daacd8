//! Refresh tokens: the session's id and 256 random bits. Only a hash of those is stored.
//!
//! Because the token names its session, a used one still finds its family and revokes it.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use parlor_protocol::SessionId;
use uuid::Uuid;

/// Bytes of the secret part.
const SECRET_BYTES: usize = 32;

/// A refresh token, new or shown by a client.
pub struct RefreshToken {
    /// The session that it continues.
    pub session_id: SessionId,
    secret: [u8; SECRET_BYTES],
}

impl RefreshToken {
    /// A new token for a session.
    pub fn new(session_id: SessionId) -> Self {
        let mut secret = [0; SECRET_BYTES];
        crate::random::fill(&mut secret);
        Self { session_id, secret }
    }

    /// Reads the text that a client shows; `None` when it never was a token.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, secret) = bytes.split_first_chunk::<16>()?;
        Some(Self {
            session_id: SessionId(Uuid::from_bytes(*id)),
            secret: secret.try_into().ok()?,
        })
    }

    /// What is stored instead of the secret.
    pub fn hash(&self) -> [u8; 32] {
        let digest = digest::digest(&digest::SHA256, &self.secret);
        digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// The text for the client.
    pub fn text(&self) -> String {
        let mut bytes = self.session_id.0.as_bytes().to_vec();
        bytes.extend_from_slice(&self.secret);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_finds_its_session_again() {
        let token = RefreshToken::new(SessionId(Uuid::from_u128(7)));
        let shown = RefreshToken::parse(&token.text()).expect("parses");
        assert_eq!(shown.session_id, token.session_id);
        assert_eq!(shown.hash(), token.hash());
        for bad in [
            "",
            "x",
            "AAAA",
            &token.text()[1..],
            &format!("{}AAAA", token.text()),
        ] {
            assert!(RefreshToken::parse(bad).is_none(), "{bad:?} was taken");
        }
    }
}
