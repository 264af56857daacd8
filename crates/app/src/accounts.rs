//! Registering, signing in, refreshing and signing out.

use std::sync::Arc;

use parlor_auth::{PasswordError, RefreshToken, uuid_v7};
use parlor_core::{Actor, Refusal, validate};
use parlor_protocol::{
    AuthReply, Code, LinkLogin, Login, Page, Refresh, Register, SessionId, SessionInfo, User,
    UserId,
};
use parlor_store::{NewSession, NewUser, RefreshOutcome, Rotation};

use crate::{App, app::refused, detached::detached};

/// Longest description of a device that is kept, in characters.
const DEVICE_CHARS_MAX: usize = 200;

/// Where a request without a credential comes from.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The address, for limits.
    pub address: String,
    /// What the client says of itself.
    pub device: Option<String>,
}

impl App {
    /// Makes an account and signs it in.
    pub async fn register(&self, body: Register, caller: &Caller) -> Result<AuthReply, Refusal> {
        if !self.config.registration_open {
            return Err(Refusal::new(
                Code::Forbidden,
                "registration is closed on this server",
            ));
        }
        let account = validate::registration(&body)?;
        self.limit_address(caller)?;
        let password_hash = self
            .passwords
            .hash(body.password)
            .await
            .map_err(password_refused)?;
        let now = self.now();
        let new = NewUser {
            id: UserId::from(uuid_v7(now.0)),
            handle: account.handle,
            name: account.name,
            email: account.email,
            bio: None,
            password_hash: Some(password_hash),
            created_at: now,
        };
        let (session, token) = self.new_session(&new.id, caller);
        let user = self
            .store
            .create_user(&new, Some(&session))
            .await
            .map_err(refused)?;
        Ok(self.reply(user, &token))
    }

    /// Signs in with handle or e-mail address and password.
    pub async fn login(&self, body: Login, caller: &Caller) -> Result<AuthReply, Refusal> {
        let login = body.login.trim().to_lowercase();
        if login.len() > parlor_protocol::limits::EMAIL_BYTES_MAX
            || body.password.len() > parlor_protocol::limits::PASSWORD_BYTES_MAX
        {
            return Err(wrong_login());
        }
        self.limit_address(caller)?;
        self.account_limiter
            .take(&login, self.ticks_ms())
            .map_err(Refusal::rate_limited)?;
        let account = self.store.account(&login).await.map_err(refused)?;
        let hash = account
            .as_ref()
            .and_then(|account| account.password_hash.clone());
        // Checked also without an account, so that both take the same time.
        let matches = self
            .passwords
            .verify(body.password, hash)
            .await
            .map_err(password_refused)?;
        match account {
            Some(account) if matches => self.open_session(account.user, caller).await,
            _ => Err(wrong_login()),
        }
    }

    /// Signs in with the code of a login link.
    pub async fn login_by_link(
        &self,
        body: LinkLogin,
        caller: &Caller,
    ) -> Result<AuthReply, Refusal> {
        self.limit_address(caller)?;
        let used = || {
            Refusal::new(
                Code::LinkUsed,
                "this link was used or has expired: ask for a new one",
            )
        };
        let user_id = self
            .login_links
            .take(&body.code, self.now())
            .ok_or_else(used)?;
        let user = self
            .store
            .user(&user_id)
            .await
            .map_err(refused)?
            .ok_or_else(used)?;
        self.open_session(user, caller).await
    }

    /// A code that signs in the person with this handle once; only on a demo server.
    pub async fn login_link(&self, handle: &str) -> Result<String, Refusal> {
        // Never on a server that was only told to be a demo: its ada would be somebody's account.
        if !self.config.demo || !self.store.is_demo().await.map_err(refused)? {
            return Err(Refusal::new(
                Code::Forbidden,
                "login links are only made for the demo's people",
            ));
        }
        let account = self.store.account(handle).await.map_err(refused)?;
        let account = account.ok_or_else(|| Refusal::not_found("user"))?;
        self.login_links
            .make(account.user.id, self.now())
            .ok_or_else(|| Refusal::new(Code::Unavailable, "too many login links wait to be used"))
    }

    /// Continues a session: the shown refresh token is replaced, and one shown twice ends it.
    pub async fn refresh(
        self: &Arc<Self>,
        body: &Refresh,
        caller: &Caller,
    ) -> Result<AuthReply, Refusal> {
        self.limit_address(caller)?;
        let shown = RefreshToken::parse(&body.refresh_token).ok_or_else(dead_token)?;
        let app = self.clone();
        detached(async move { app.rotate(&shown).await }).await
    }

    async fn rotate(&self, shown: &RefreshToken) -> Result<AuthReply, Refusal> {
        let next = RefreshToken::new(shown.session_id);
        let now = self.now();
        let outcome = self
            .store
            .rotate_session(&Rotation {
                id: shown.session_id,
                shown_hash: shown.hash(),
                next_hash: next.hash(),
                now,
                expires_at: now.plus(self.config.session_lifetime),
            })
            .await
            .map_err(refused)?;
        match outcome {
            RefreshOutcome::Rotated(user) => Ok(self.reply(user, &next)),
            RefreshOutcome::Reused(user_id) => {
                tracing::warn!(session = %shown.session_id, "a used refresh token was shown: session revoked");
                self.end_session(&user_id, shown.session_id);
                Err(dead_token())
            }
            RefreshOutcome::Unknown => Err(dead_token()),
        }
    }

    /// Ends the actor's own session.
    pub async fn logout(self: &Arc<Self>, actor: &Actor) -> Result<(), Refusal> {
        match actor.session_id {
            Some(id) => self.revoke_session(actor, id).await,
            None => Ok(()),
        }
    }

    /// Ends one of the actor's sessions; its sockets close. Ending it again does no harm.
    pub async fn revoke_session(
        self: &Arc<Self>,
        actor: &Actor,
        id: SessionId,
    ) -> Result<(), Refusal> {
        let (app, user_id) = (self.clone(), actor.user_id.clone());
        detached(async move {
            let revoked = app.store.revoke_session(&user_id, id, app.now()).await;
            // Also when the outcome is not known: to end too much costs a sign-in, too little is a hole.
            if !matches!(revoked, Ok(false)) {
                app.end_session(&user_id, id);
            }
            if revoked.map_err(refused)? {
                Ok(())
            } else {
                Err(Refusal::not_found("session"))
            }
        })
        .await
    }

    /// The actor's open sessions, the newest first.
    pub async fn sessions(&self, actor: &Actor) -> Result<Page<SessionInfo>, Refusal> {
        let mut sessions = self
            .store
            .sessions(&actor.user_id, self.now())
            .await
            .map_err(refused)?;
        for session in &mut sessions {
            session.current = Some(session.id) == actor.session_id;
        }
        Ok(Page {
            items: sessions,
            next_cursor: None,
        })
    }

    fn end_session(&self, user_id: &UserId, id: SessionId) {
        self.revoked
            .add(id, self.now(), self.config.access_token_lifetime);
        self.hub.end_session(user_id, id);
    }

    async fn open_session(&self, user: User, caller: &Caller) -> Result<AuthReply, Refusal> {
        let (session, token) = self.new_session(&user.id, caller);
        self.store.create_session(&session).await.map_err(refused)?;
        Ok(self.reply(user, &token))
    }

    fn new_session(&self, user_id: &UserId, caller: &Caller) -> (NewSession, RefreshToken) {
        let now = self.now();
        let token = RefreshToken::new(SessionId(uuid_v7(now.0)));
        let printable = |text: &String| {
            text.chars()
                .filter(|c| !c.is_control())
                .take(DEVICE_CHARS_MAX)
                .collect()
        };
        let session = NewSession {
            id: token.session_id,
            user_id: user_id.clone(),
            refresh_hash: token.hash(),
            device: caller.device.as_ref().map(printable),
            now,
            expires_at: now.plus(self.config.session_lifetime),
        };
        (session, token)
    }

    fn reply(&self, user: User, refresh: &RefreshToken) -> AuthReply {
        let access_token = self
            .tokens
            .issue(&user.id, refresh.session_id, self.now().0);
        AuthReply {
            user,
            token: access_token.clone(),
            access_token,
            refresh_token: refresh.text(),
            expires_in_ms: self.tokens.lifetime_ms(),
            session_id: refresh.session_id,
        }
    }

    pub(crate) fn limit_address(&self, caller: &Caller) -> Result<(), Refusal> {
        self.address_limiter
            .take(&caller.address, self.ticks_ms())
            .map_err(Refusal::rate_limited)
    }
}

fn dead_token() -> Refusal {
    Refusal::new(
        Code::Unauthorized,
        "this refresh token is not valid: sign in again",
    )
}

fn wrong_login() -> Refusal {
    Refusal::new(Code::InvalidCredentials, "login or password is wrong")
}

fn password_refused(error: PasswordError) -> Refusal {
    match error {
        PasswordError::Busy => Refusal {
            retry_after_ms: Some(1000),
            ..Refusal::new(Code::Unavailable, "too many logins at once")
        },
        PasswordError::Failed(cause) => {
            tracing::error!(%cause, "a password could not be hashed or checked");
            Refusal::new(Code::Internal, "the password could not be checked")
        }
    }
}
