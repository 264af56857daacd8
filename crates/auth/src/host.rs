//! Host-app tokens: JWTs that the app around Parlor signs for its own users.
//!
//! Algorithm, issuer and audience are pinned by the configuration; the token has no say in how it is
//! checked. What it claims of its user is passed on as it stands: others decide what of it is usable.

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use parlor_protocol::UserId;
use serde::Deserialize;

use crate::token::{TokenError, is_access_token};

/// Shortest shared secret, in bytes: HS256 wants as many as its hash has (RFC 7518, 3.2).
pub const HOST_SECRET_BYTES_MIN: usize = 32;
/// How far the app's clock may be ahead when it says "not before", in milliseconds: apps write the
/// moment of signing there, and the token comes here within that second.
const NOT_BEFORE_LEEWAY_MS: u64 = 30_000;
/// Longest time that a token is taken to be good from now on, in milliseconds: a year. Some apps mean
/// "for ever", and sums of times must not overflow.
const LEFT_MS_MAX: u64 = 365 * 24 * 60 * 60 * 1000;

/// What a host app says of its user.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct HostClaims {
    /// The user, under the host app's own id.
    pub sub: UserId,
    /// The name to show.
    pub name: Option<String>,
    /// The address of a picture.
    pub picture: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the app has seen that the address is theirs.
    pub email_verified: Option<bool>,
    /// When this was said, in milliseconds since 1970: of two tokens the later one counts.
    #[serde(skip)]
    pub issued_ms: Option<u64>,
}

/// The claims and the times around them. `exp`, `nbf` and `iat` are numbers of seconds since 1970, with or
/// without a fraction (RFC 7519, 2).
#[derive(Deserialize)]
struct TimedClaims {
    #[serde(flatten)]
    host: HostClaims,
    exp: f64,
    nbf: Option<f64>,
    /// Nothing depends on it but whose word is newer: where it is no number it is not there.
    iat: Option<serde_json::Value>,
}

/// Checks the tokens of one host app.
#[derive(Clone)]
pub struct HostTokens {
    issuer: String,
    audience: String,
    key: DecodingKey,
    validation: Validation,
}

/// Why a host app's tokens cannot be checked with these settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostTokensError {
    /// Whoever sees one token could find it by trying.
    #[error("the secret has fewer than {HOST_SECRET_BYTES_MIN} bytes")]
    SecretTooShort,
    /// A token for another app of the same house would be taken.
    #[error("issuer and audience must not be empty")]
    NotPinned,
}

impl HostTokens {
    /// Tokens signed by HS256 with a secret that is shared with the host app.
    pub fn hs256(secret: &[u8], issuer: &str, audience: &str) -> Result<Self, HostTokensError> {
        if secret.len() < HOST_SECRET_BYTES_MIN {
            return Err(HostTokensError::SecretTooShort);
        }
        if issuer.is_empty() || audience.is_empty() {
            return Err(HostTokensError::NotPinned);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Times are compared with the clock that the caller passes.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            key: DecodingKey::from_secret(secret),
            validation,
        })
    }

    /// Checks a token; also says for how many milliseconds it is still good.
    pub fn verify(&self, token: &str, now_ms: i64) -> Result<(HostClaims, u64), TokenError> {
        let data = jsonwebtoken::decode::<TimedClaims>(token, &self.key, &self.validation)
            .map_err(|_| TokenError::Invalid)?;
        if !is_usual(&data.header) {
            return Err(TokenError::Invalid);
        }
        let now_ms = u64::try_from(now_ms).unwrap_or(0);
        let TimedClaims {
            host,
            exp,
            nbf,
            iat,
        } = data.claims;
        let issued_ms = iat.and_then(|iat| iat.as_f64()).map(millis);
        if nbf.is_some_and(|nbf| millis(nbf) > now_ms + NOT_BEFORE_LEEWAY_MS) {
            return Err(TokenError::Invalid);
        }
        match millis(exp).saturating_sub(now_ms) {
            0 => Err(TokenError::Expired),
            left_ms => Ok((HostClaims { issued_ms, ..host }, left_ms.min(LEFT_MS_MAX))),
        }
    }
}

impl std::fmt::Debug for HostTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostTokens")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// Parlor's own kind of token is never a host's, and extensions that "must be understood" are not.
fn is_usual(header: &Header) -> bool {
    !is_access_token(header) && header.crit.is_none()
}

/// Seconds as milliseconds; what lies outside counts as the nearest end.
fn millis(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::EncodingKey;
    use parlor_protocol::SessionId;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::{Keys, Tokens};

    const SECRET: &[u8] = b"a secret of the host app, 32 bytes and more";
    /// 1,000 s after 1970.
    const NOW_MS: i64 = 1_000_000;

    fn host() -> HostTokens {
        HostTokens::hs256(SECRET, "https://app.example", "parlor").expect("fits")
    }

    fn claims() -> Value {
        json!({"iss": "https://app.example", "aud": "parlor", "sub": "auth0|5f7", "exp": 1060})
    }

    fn with(changes: Value) -> Value {
        let mut claims = claims();
        let fields = claims.as_object_mut().expect("an object");
        for (name, value) in changes.as_object().expect("an object") {
            fields.insert(name.clone(), value.clone());
        }
        claims
    }

    fn sign(header: &Header, claims: &Value, secret: &[u8]) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret)).expect("signs")
    }

    fn verify(claims: &Value) -> Result<(HostClaims, u64), TokenError> {
        host().verify(
            &sign(&Header::new(Algorithm::HS256), claims, SECRET),
            NOW_MS,
        )
    }

    #[test]
    fn a_token_says_who_it_is_and_for_how_long() {
        let (bare, left_ms) = verify(&claims()).expect("good");
        assert_eq!((bare.sub.as_str(), left_ms), ("auth0|5f7", 60_000));
        assert_eq!((bare.name, bare.email_verified), (None, None));
        let (full, _) = verify(&with(json!({
            "name": "Ada", "picture": "https://app.example/ada.png", "email": "ada@app.example",
            "email_verified": true, "iat": 990, "roles": ["pilot"], "aud": ["other", "parlor"],
        })))
        .expect("good");
        assert_eq!(full.name.as_deref(), Some("Ada"));
        assert_eq!(full.picture.as_deref(), Some("https://app.example/ada.png"));
        assert_eq!(full.email.as_deref(), Some("ada@app.example"));
        assert_eq!(full.email_verified, Some(true));
    }

    #[test]
    fn a_token_has_its_time() {
        let left = |changes| verify(&with(changes)).map(|(_, left_ms)| left_ms);
        assert_eq!(left(json!({"exp": 1000.5})), Ok(500));
        assert_eq!(left(json!({"exp": 1000})), Err(TokenError::Expired));
        assert_eq!(left(json!({"exp": 0})), Err(TokenError::Expired));
        assert_eq!(left(json!({"exp": 9e15})), Ok(LEFT_MS_MAX));
        assert_eq!(left(json!({"nbf": 1000})), Ok(60_000));
        assert_eq!(left(json!({"nbf": 1030})), Ok(60_000));
        for bad in [
            json!({"nbf": 1031}),
            json!({"nbf": "soon"}),
            json!({"exp": "late"}),
            json!({"exp": null}),
            json!({"exp": -5}),
            json!({"exp": 1e300}),
        ] {
            assert_eq!(left(bad.clone()), Err(TokenError::Invalid), "{bad}");
        }
    }

    #[test]
    fn issuer_audience_user_and_end_are_required_and_pinned() {
        for bad in [
            json!({"iss": "https://evil.example"}),
            json!({"iss": ["https://evil.example"]}),
            json!({"aud": "another"}),
            json!({"aud": []}),
            json!({"sub": ""}),
            json!({"sub": "a b"}),
            json!({"sub": "x".repeat(65)}),
            json!({"sub": 7}),
        ] {
            assert_eq!(
                verify(&with(bad.clone())),
                Err(TokenError::Invalid),
                "{bad}"
            );
        }
        for name in ["iss", "aud", "sub", "exp"] {
            let mut without = claims();
            without.as_object_mut().expect("an object").remove(name);
            assert_eq!(verify(&without), Err(TokenError::Invalid), "without {name}");
        }
    }

    #[test]
    fn tricks_with_the_header_are_refused() {
        let token = sign(&Header::new(Algorithm::HS256), &claims(), SECRET);
        let (header, rest) = token.split_once('.').expect("three parts");
        let (payload, signature) = rest.split_once('.').expect("three parts");
        let with_header = |json: &str, signature: &str| {
            format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(json))
        };
        for forged in [
            with_header(r#"{"alg":"none","typ":"JWT"}"#, ""),
            with_header(r#"{"alg":"none"}"#, signature),
            with_header(r#"{"alg":"RS256","typ":"JWT"}"#, signature),
            with_header(r#"{"alg":"HS512","typ":"JWT"}"#, signature),
            format!("{header}.{payload}."),
            format!("{header}.{payload}"),
            String::new(),
            "a.b.c".into(),
        ] {
            assert_eq!(
                host().verify(&forged, NOW_MS),
                Err(TokenError::Invalid),
                "{forged}"
            );
        }
        // Rightly signed, but by another algorithm, under another key, or with an unknown extension.
        for (header, secret) in [
            (Header::new(Algorithm::HS384), SECRET),
            (Header::new(Algorithm::HS512), SECRET),
            (
                Header::new(Algorithm::HS256),
                &b"another secret of at least 32 bytes"[..],
            ),
            (
                Header {
                    crit: Some(vec!["b64".into()]),
                    ..Header::new(Algorithm::HS256)
                },
                SECRET,
            ),
        ] {
            let forged = sign(&header, &claims(), secret);
            assert_eq!(
                host().verify(&forged, NOW_MS),
                Err(TokenError::Invalid),
                "{forged}"
            );
        }
    }

    /// Even where secret, issuer and audience were the same, the type keeps the two apart.
    #[test]
    fn neither_kind_of_token_is_taken_for_the_other() {
        let keys = Keys { token: [7; 32] };
        let own = Tokens::new(&keys, 60);
        let host = HostTokens::hs256(&keys.token, "parlor", "parlor").expect("fits");
        let ada: UserId = "ada".parse().expect("a valid id");
        let session = SessionId(Uuid::from_u128(1));
        let access = own.issue(&ada, session, NOW_MS);
        assert!(own.verify(&access, NOW_MS).is_ok());
        assert_eq!(host.verify(&access, NOW_MS), Err(TokenError::Invalid));
        let claims = json!({"iss": "parlor", "aud": "parlor", "sub": "ada", "sid": session, "iat": 1, "exp": 1060});
        let token = sign(&Header::new(Algorithm::HS256), &claims, &keys.token);
        assert!(host.verify(&token, NOW_MS).is_ok());
        assert_eq!(own.verify(&token, NOW_MS), Err(TokenError::Invalid));
    }

    #[test]
    fn settings_that_pin_nothing_are_refused_and_the_secret_is_never_shown() {
        let refused = |secret: &[u8], issuer, audience| {
            HostTokens::hs256(secret, issuer, audience).expect_err("refused")
        };
        assert_eq!(
            refused(&[b'x'; 31], "a", "b"),
            HostTokensError::SecretTooShort
        );
        assert_eq!(refused(SECRET, "", "b"), HostTokensError::NotPinned);
        assert_eq!(refused(SECRET, "a", ""), HostTokensError::NotPinned);
        let shown = format!("{:?}", host());
        assert!(
            shown.contains("https://app.example") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
