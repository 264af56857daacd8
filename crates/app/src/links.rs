//! Join links: made by admins, used by whoever has one.

use std::time::Duration;

use parlor_auth::{code, code_hash, uuid_v7};
use parlor_core::{Actor, Refusal, append::Change};
use parlor_protocol::{
    Conversation, ConversationId, CreateLink, Link, LinkId, LinkPreview,
    limits::{LINK_EXPIRES_IN_MS, LINK_USES_MAX},
};
use parlor_store::NewLink;

use crate::{App, Caller, app::refused};

impl App {
    /// Makes a link; its token is not to be had again.
    pub async fn make_link(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        body: CreateLink,
    ) -> Result<(Link, String), Refusal> {
        let CreateLink {
            expires_in_ms,
            max_uses,
        } = body;
        if expires_in_ms.is_some_and(|ms| !LINK_EXPIRES_IN_MS.contains(&ms)) {
            let (least, most) = (LINK_EXPIRES_IN_MS.start(), LINK_EXPIRES_IN_MS.end());
            return Err(Refusal::field("expiresInMs", format!("{least}–{most}")));
        }
        if max_uses.is_some_and(|uses| !(1..=LINK_USES_MAX).contains(&uses)) {
            return Err(Refusal::field("maxUses", format!("1–{LINK_USES_MAX}")));
        }
        let now = self.now();
        let token = code();
        let new = NewLink {
            id: LinkId(uuid_v7(now.0)),
            conversation_id,
            token_hash: code_hash(&token),
            created_by: actor.user_id.clone(),
            created_at: now,
            expires_at: expires_in_ms.map(|ms| now.plus(Duration::from_millis(ms))),
            max_uses: max_uses.map(i64::from),
        };
        self.store.make_link(&new).await.map_err(refused)?;
        let link = Link {
            id: new.id,
            created_by: new.created_by,
            created_at: now,
            expires_at: new.expires_at,
            max_uses: new.max_uses,
            uses: 0,
        };
        Ok((link, token))
    }

    /// The links of a conversation that are good.
    pub async fn links(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
    ) -> Result<Vec<Link>, Refusal> {
        let links = self
            .store
            .links(&actor.user_id, conversation_id, self.now());
        links.await.map_err(refused)
    }

    /// Takes a link back: nobody joins by it any more.
    pub async fn revoke_link(
        &self,
        actor: &Actor,
        conversation_id: ConversationId,
        id: LinkId,
    ) -> Result<(), Refusal> {
        let revoked = self
            .store
            .revoke_link(&actor.user_id, conversation_id, id, self.now());
        revoked.await.map_err(refused)
    }

    /// Where a link leads, for whoever has it. Wrong, ended, used up and revoked are all the same.
    pub async fn link(&self, caller: &Caller, token: &str) -> Result<LinkPreview, Refusal> {
        self.limit_address(caller)?;
        let found = self.store.link(&code_hash(token)).await.map_err(refused)?;
        let found = found.filter(|(_, link, _)| link.is_good(self.now()));
        let (.., conversation) = found.ok_or_else(|| Refusal::not_found("link"))?;
        Ok(LinkPreview { conversation })
    }

    /// Makes the actor a member; who is one already stays as they are.
    pub async fn join(&self, actor: &Actor, token: &str) -> Result<Conversation, Refusal> {
        let found = self.store.link(&code_hash(token)).await.map_err(refused)?;
        let (link_id, link, _) = found.ok_or_else(|| Refusal::not_found("link"))?;
        let id = link.conversation_id;
        let pending = self.change(actor, id, Change::Join { link_id })?;
        pending.committed().await?;
        self.conversation(actor, id).await
    }
}
