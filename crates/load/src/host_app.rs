//! The app whose users a benchmark's people are: it signs a token for whomever it likes. Signing in
//! with a password would be measured for its hash, and a thousand people would take half a minute.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

const ISSUER: &str = "https://bench.example";
const AUDIENCE: &str = "parlor";
/// Length of the secret, in bytes; a server wants 32 characters at least.
const SECRET_BYTES: usize = 32;
/// Longer than any run: a socket ends with its token.
const LIFETIME: Duration = Duration::from_hours(12);

/// What a server must be told of the app, by the names of its settings.
const SECRET_NAME: &str = "PARLOR_JWT_SECRET";
const ISSUER_NAME: &str = "PARLOR_JWT_ISSUER";
const AUDIENCE_NAME: &str = "PARLOR_JWT_AUDIENCE";

/// A host app.
#[derive(Debug, Clone)]
pub(crate) struct HostApp {
    secret: String,
    issuer: String,
    audience: String,
}

impl HostApp {
    /// An app with a secret that only the servers get that are started.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut secret = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut secret).context("no randomness")?;
        Ok(Self {
            secret: secret.map(|byte| format!("{byte:02x}")).concat(),
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
        })
    }

    /// What a server must be told to trust it.
    pub(crate) fn environment(&self) -> [(&'static str, String); 4] {
        [
            (SECRET_NAME, self.secret.clone()),
            (ISSUER_NAME, self.issuer.clone()),
            (AUDIENCE_NAME, self.audience.clone()),
            ("PARLOR_JWT_ALGORITHMS", "HS256".to_owned()),
        ]
    }

    /// A token for the user with this id.
    pub(crate) fn token(&self, user_id: &str) -> anyhow::Result<String> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("a clock before 1970")?;
        let claims = json!({
            "iss": self.issuer,
            "aud": self.audience,
            "sub": user_id,
            "name": user_id,
            "iat": now.as_secs(),
            "exp": (now + LIFETIME).as_secs(),
        });
        let key = EncodingKey::from_secret(self.secret.as_bytes());
        Ok(jsonwebtoken::encode(&Header::default(), &claims, &key)?)
    }
}
