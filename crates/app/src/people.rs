//! Finding people.

use parlor_core::{Actor, Refusal, validate};
use parlor_hub::Loaded;
use parlor_protocol::{ChangeUser, Page, ServerFrame, User, UserSummary};

use crate::{App, app::refused, detached::detached, page_token};

impl App {
    /// The actor as they see themselves.
    pub async fn me(&self, actor: &Actor) -> Result<User, Refusal> {
        let found = self.store.user(&actor.user_id).await.map_err(refused)?;
        found.ok_or_else(|| Refusal::not_found("user"))
    }

    /// Changes the actor's own profile and tells those who share a conversation with them.
    pub async fn change_me(&self, actor: &Actor, body: ChangeUser) -> Result<User, Refusal> {
        let change = validate::profile(body)?;
        let (store, hub, tails) = (self.store.clone(), self.hub.clone(), self.tails.clone());
        let id = actor.user_id.clone();
        detached(async move {
            let changed = store.change_user(&id, &change).await;
            // Their name stands on messages, also where the outcome is not known.
            tails.forget();
            let changed = changed.map_err(refused)?;
            let (user, user_version) = changed.ok_or_else(|| Refusal::not_found("user"))?;
            let peers = store.small_conversations(&id).await.map_err(refused);
            let mut loaded = Loaded::default();
            let own = ServerFrame::AccountUpdated {
                user_version,
                user: user.clone(),
            };
            hub.publish_to_user(&id, &own, &mut loaded);
            let seen = ServerFrame::UserUpdated {
                user: user.summary(),
            };
            hub.publish_once(&peers.unwrap_or_default(), &seen, &mut loaded);
            loaded.flush();
            Ok(user)
        })
        .await
    }

    /// People by the beginning of handle or name, in order of handle.
    pub async fn find_users(
        &self,
        actor: &Actor,
        query: Option<String>,
        cursor: Option<&str>,
        limit: Option<i64>,
    ) -> Result<Page<UserSummary>, Refusal> {
        let limit = validate::page_size(limit)?;
        let query = validate::query(query)?;
        let after: Option<String> = page_token::decode(cursor)?;
        let mut items = self
            .store
            .find_users(
                &actor.user_id,
                query.as_deref(),
                after.as_deref(),
                limit + 1,
            )
            .await
            .map_err(refused)?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next_cursor = items
            .last()
            .filter(|_| more)
            .map(|last| page_token::encode(&last.handle));
        Ok(Page { items, next_cursor })
    }
}
