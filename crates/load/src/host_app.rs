//! The app whose users a benchmark's people are: it signs a token for whomever it likes. Signing in
//! with a password would be measured for its hash, and a thousand people would take half a minute.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

const ISSUER: &str = "https://bench.example";
const AUDIENCE: &str = "parlor";
/// Longer than any run: a socket ends with its token.
const LIFETIME: Duration = Duration::from_hours(12);

/// A host app with a secret of its own.
#[derive(Debug, Clone)]
pub(crate) struct HostApp {
    secret: String,
}

impl HostApp {
    pub(crate) fn new() -> Self {
        // Two ids have 148 random bits between them; nobody but the server that is started gets them.
        let secret = [(); 2].map(|()| uuid::Uuid::new_v4().simple().to_string());
        Self {
            secret: secret.concat(),
        }
    }

    /// What a server must be told to trust it.
    pub(crate) fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("PARLOR_JWT_SECRET", self.secret.clone()),
            ("PARLOR_JWT_ISSUER", ISSUER.to_owned()),
            ("PARLOR_JWT_AUDIENCE", AUDIENCE.to_owned()),
            ("PARLOR_JWT_ALGORITHMS", "HS256".to_owned()),
        ]
    }

    /// A token for the user with this id.
    pub(crate) fn token(&self, user_id: &str) -> anyhow::Result<String> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("a clock before 1970")?;
        let claims = json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "name": user_id,
            "iat": now.as_secs(),
            "exp": (now + LIFETIME).as_secs(),
        });
        let key = EncodingKey::from_secret(self.secret.as_bytes());
        Ok(jsonwebtoken::encode(&Header::default(), &claims, &key)?)
    }
}
