//! Access tokens: short-lived JWTs that are checked without asking the store.
//!
//! Algorithm, issuer, audience and type are pinned: a token says nothing about how it is checked.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use parlor_protocol::{SessionId, UserId};
use serde::{Deserialize, Serialize};

use crate::Keys;

/// Who makes these tokens and whom they are for.
const ISSUER: &str = "parlor";
/// The header's `typ` (RFC 9068): no other kind of JWT is ever taken for an access token.
const TYPE: &str = "at+jwt";

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Issuer.
    iss: String,
    /// Audience.
    aud: String,
    /// The user.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// Issued at, in seconds since 1970.
    pub iat: u64,
    /// Good until, in seconds since 1970.
    pub exp: u64,
}

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was good once.
    #[error("expired")]
    Expired,
    /// It never was.
    #[error("invalid")]
    Invalid,
}

/// Makes and checks access tokens.
#[derive(Clone)]
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    lifetime_s: u64,
}

impl Tokens {
    /// Tokens under the server's key that live for `lifetime_s` seconds.
    pub fn new(keys: &Keys, lifetime_s: u64) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Expiry is compared with the clock that the caller passes.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(&keys.token),
            decoding: DecodingKey::from_secret(&keys.token),
            validation,
            lifetime_s,
        }
    }

    /// How long a new token lives, in milliseconds.
    pub fn lifetime_ms(&self) -> u64 {
        self.lifetime_s * 1000
    }

    /// A new token.
    pub fn issue(&self, user_id: &UserId, session_id: SessionId, now_ms: i64) -> String {
        let iat = seconds(now_ms);
        let claims = AccessClaims {
            iss: ISSUER.into(),
            aud: ISSUER.into(),
            sub: user_id.clone(),
            sid: session_id,
            iat,
            exp: iat + self.lifetime_s,
        };
        let header = Header {
            typ: Some(TYPE.into()),
            ..Header::new(Algorithm::HS256)
        };
        jsonwebtoken::encode(&header, &claims, &self.encoding)
            .expect("an HMAC key signs any claims")
    }

    /// Checks a token; also says for how many milliseconds it is still good.
    pub fn verify(&self, token: &str, now_ms: i64) -> Result<(AccessClaims, u64), TokenError> {
        let data = jsonwebtoken::decode::<AccessClaims>(token, &self.decoding, &self.validation)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => TokenError::Expired,
                _ => TokenError::Invalid,
            })?;
        if !is_access_token(&data.header) {
            return Err(TokenError::Invalid);
        }
        let left_ms = (data.claims.exp * 1000).saturating_sub(u64::try_from(now_ms).unwrap_or(0));
        if left_ms == 0 {
            Err(TokenError::Expired)
        } else {
            Ok((data.claims, left_ms))
        }
    }
}

/// Whether a token, before anything of it is checked, claims to be one of Parlor's own. It decides which
/// check it must pass, so a false claim gains nothing.
pub fn claims_to_be_own(token: &str) -> bool {
    jsonwebtoken::decode_header(token).is_ok_and(|header| is_access_token(&header))
}

/// Whether the header is that of an access token, in the one spelling that is issued.
pub(crate) fn is_access_token(header: &Header) -> bool {
    header.typ.as_deref() == Some(TYPE)
}

fn seconds(now_ms: i64) -> u64 {
    u64::try_from(now_ms / 1000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use uuid::Uuid;

    use super::*;

    fn tokens(key: u8) -> Tokens {
        Tokens::new(&Keys { token: [key; 32] }, 60)
    }

    fn issue() -> String {
        tokens(1).issue(
            &"ada".parse().expect("a valid id"),
            SessionId(Uuid::from_u128(1)),
            1_000_000,
        )
    }

    #[test]
    fn a_token_is_good_for_its_time_and_its_key() {
        let (claims, left_ms) = tokens(1).verify(&issue(), 1_010_000).expect("good");
        assert_eq!((claims.sub.as_str(), left_ms), ("ada", 50_000));
        assert_eq!(
            tokens(1).verify(&issue(), 1_060_000),
            Err(TokenError::Expired)
        );
        assert_eq!(
            tokens(2).verify(&issue(), 1_010_000),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn tricks_with_the_header_are_refused() {
        let token = issue();
        let (header, rest) = token.split_once('.').expect("three parts");
        let (claims, signature) = rest.split_once('.').expect("three parts");
        let with_header = |json: &str, signature: &str| {
            format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(json))
        };
        for forged in [
            with_header(r#"{"alg":"none","typ":"at+jwt"}"#, ""),
            with_header(r#"{"alg":"HS512","typ":"at+jwt"}"#, signature),
            with_header(r#"{"alg":"RS256","typ":"at+jwt"}"#, signature),
            with_header(
                r#"{"alg":"HS256","typ":"at+jwt","kid":"../../x"}"#,
                signature,
            ),
            format!("{header}.{claims}."),
            format!("{header}.{claims}"),
            String::new(),
            "a.b.c".into(),
        ] {
            assert_eq!(
                tokens(1).verify(&forged, 1_010_000),
                Err(TokenError::Invalid),
                "{forged}"
            );
        }
    }

    #[test]
    fn another_kind_of_token_under_the_same_key_is_refused() {
        let tokens = tokens(1);
        let (claims, _) = tokens.verify(&issue(), 1_010_000).expect("good");
        let plain = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &tokens.encoding)
            .expect("signs");
        assert_eq!(tokens.verify(&plain, 1_010_000), Err(TokenError::Invalid));
    }
}
