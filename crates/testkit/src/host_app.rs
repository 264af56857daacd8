//! An app with users of its own, which signs tokens for them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header};
use parlor_auth::HostTokens;
use serde_json::{Value, json};

const SECRET: &str = "the secret that the app and the server share";
const ISSUER: &str = "https://app.example";
const AUDIENCE: &str = "parlor";
/// How long its tokens are good for unless it is said otherwise.
const LIFETIME: Duration = Duration::from_hours(1);

/// A host app.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostApp;

impl HostApp {
    /// What a server needs to check its tokens.
    ///
    /// # Panics
    /// Never: its settings fit.
    pub fn tokens(self) -> HostTokens {
        HostTokens::hs256(SECRET.as_bytes(), ISSUER, AUDIENCE).expect("the settings fit")
    }

    /// The same as variables of a server's environment.
    pub fn environment(self) -> [(&'static str, &'static str); 3] {
        [
            ("PARLOR_JWT_SECRET", SECRET),
            ("PARLOR_JWT_ISSUER", ISSUER),
            ("PARLOR_JWT_AUDIENCE", AUDIENCE),
        ]
    }

    /// A token for a user, good from now on.
    pub fn token(self, sub: &str) -> String {
        self.token_with(sub, json!({}))
    }

    /// A token for a user that says more of them, or something else.
    ///
    /// # Panics
    /// When `claims` is no object.
    pub fn token_with(self, sub: &str, claims: Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let exp = (now.expect("after 1970") + LIFETIME).as_secs();
        let mut all = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": sub, "exp": exp});
        let Value::Object(claims) = claims else {
            panic!("claims are an object");
        };
        all.as_object_mut().expect("an object").extend(claims);
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        jsonwebtoken::encode(&Header::default(), &all, &key).expect("signs")
    }
}
