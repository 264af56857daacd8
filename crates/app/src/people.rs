//! Finding people.

use parlor_core::{Actor, Refusal, validate};
use parlor_protocol::{Page, User, UserSummary};

use crate::{App, app::refused, page_token};

impl App {
    /// The actor as they see themselves.
    pub async fn me(&self, actor: &Actor) -> Result<User, Refusal> {
        let found = self.store.user(&actor.user_id).await.map_err(refused)?;
        found.ok_or_else(|| Refusal::not_found("user"))
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
