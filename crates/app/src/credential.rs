//! What a token is worth: Parlor's own ones and the host app's, checked without asking the store.

use parlor_auth::{HostTokens, TokenError, claims_to_be_own};
use parlor_core::{Actor, Identity, Refusal};
use parlor_protocol::Code;

use crate::{App, FirstSight, app::Coming};

/// What a valid token is worth.
#[derive(Debug)]
pub enum Credential {
    /// It speaks for somebody who is known here.
    Known(Identity),
    /// It speaks for a user of the host app who must be admitted before anything is done for them.
    FirstSight(Box<FirstSight>),
}

impl Credential {
    /// Whom it speaks for.
    pub fn actor(&self) -> &Actor {
        match self {
            Self::Known(identity) => &identity.actor,
            Self::FirstSight(first) => first.actor(),
        }
    }
}

impl App {
    /// Checks a token, Parlor's own or the host app's. No store is asked.
    pub fn authenticate(&self, token: &str) -> Result<Credential, Refusal> {
        match &self.config.host_tokens {
            Some(host) if !claims_to_be_own(token) => self.authenticate_host(host, token),
            _ => self.authenticate_own(token).map(Credential::Known),
        }
    }

    fn authenticate_own(&self, token: &str) -> Result<Identity, Refusal> {
        let (claims, expires_in_ms) =
            self.tokens
                .verify(token, self.now().0)
                .map_err(|error| match error {
                    TokenError::Expired => Refusal::new(
                        Code::TokenExpired,
                        "the access token has expired: refresh it",
                    ),
                    TokenError::Invalid => {
                        Refusal::new(Code::Unauthorized, "the access token is not valid")
                    }
                })?;
        if self.revoked.contains(claims.sid) {
            return Err(Refusal::new(
                Code::SessionRevoked,
                "this session was ended: sign in again",
            ));
        }
        Ok(Identity {
            actor: Actor {
                user_id: claims.sub,
                session_id: Some(claims.sid),
            },
            expires_in_ms,
        })
    }

    fn authenticate_host(&self, host: &HostTokens, token: &str) -> Result<Credential, Refusal> {
        let (claims, expires_in_ms) =
            host.verify(token, self.now().0)
                .map_err(|error| match error {
                    TokenError::Expired => Refusal::new(
                        Code::TokenExpired,
                        "the app's token has expired: get a new one",
                    ),
                    TokenError::Invalid => {
                        Refusal::new(Code::Unauthorized, "the token is not valid")
                    }
                })?;
        let identity = Identity {
            actor: Actor {
                user_id: claims.sub.clone(),
                session_id: None,
            },
            expires_in_ms,
        };
        Ok(match self.admission.first_sight(claims, identity) {
            Ok(identity) => Credential::Known(identity),
            Err(first) => Credential::FirstSight(first),
        })
    }

    /// Lets a user of the host app in: they are stored when this answers. It is finished whoever
    /// waits for it.
    pub async fn admit(&self, first: FirstSight) -> Result<Identity, Refusal> {
        let _coming = Coming::new(&self.attaching);
        let began_ms = self.ticks_ms();
        let mut identity = self.admission.admit(first).await?;
        // The token ends when it says, however long this took.
        let waited_ms = self.ticks_ms() - began_ms;
        identity.expires_in_ms = identity.expires_in_ms.saturating_sub(waited_ms);
        Ok(identity)
    }
}
