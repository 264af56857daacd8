//! Making, listing and reading conversations.

use parlor_auth::uuid_v7;
use parlor_core::{Actor, Refusal, append::Change, conversation::decide_create, validate};
use parlor_protocol::{
    Code, Conversation, ConversationId, CreateConversation, Member, Page, Timestamp, UserId,
};
use parlor_store::{Appended, ListFilter, ListKey, MemberKey};

use crate::{App, app::refused, page_token};

/// A conversation, and whether this request made it.
#[derive(Debug, Clone)]
pub struct CreatedConversation {
    /// As the maker sees it.
    pub conversation: Conversation,
    /// `false` for a direct one that was there already.
    pub is_new: bool,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ListConversations {
    /// Only those that match this text.
    pub query: Option<String>,
    /// Archived ones instead of the others.
    pub archived: bool,
    /// Where the page begins.
    pub cursor: Option<String>,
    /// How many at most.
    pub limit: Option<i64>,
}

impl App {
    /// Makes a conversation and tells its members, or finds the direct one that exists.
    pub async fn create_conversation(
        &self,
        actor: &Actor,
        body: CreateConversation,
    ) -> Result<CreatedConversation, Refusal> {
        let new = decide_create(&actor.user_id, body)?;
        let id = ConversationId(uuid_v7(self.now().0));
        let pending = self.append(actor, id, Change::Create(new))?;
        match pending.committed().await? {
            Appended::Conversation { id, is_new } => {
                let made = self.conversation(actor, id).await;
                // It is on disk: an answer that says that nothing was done would be a lie.
                let conversation = made.map_err(|refusal| {
                    Refusal::new(
                        Code::UnknownOutcome,
                        format!("it was made and could not be read: {}", refusal.detail),
                    )
                })?;
                Ok(CreatedConversation {
                    conversation,
                    is_new,
                })
            }
            Appended::Message { .. } | Appended::Done => {
                unreachable!("a creation makes or finds a conversation")
            }
        }
    }

    /// One conversation as the actor sees it.
    pub async fn conversation(
        &self,
        actor: &Actor,
        id: ConversationId,
    ) -> Result<Conversation, Refusal> {
        let found = self
            .store
            .conversation(&actor.user_id, id)
            .await
            .map_err(refused)?;
        found.ok_or_else(|| Refusal::not_found("conversation"))
    }

    /// The actor's conversations by last activity.
    pub async fn conversations(
        &self,
        actor: &Actor,
        list: ListConversations,
    ) -> Result<Page<Conversation>, Refusal> {
        let limit = validate::page_size(list.limit)?;
        let after = page_token::decode::<(i64, ConversationId)>(list.cursor.as_deref())?;
        let filter = ListFilter {
            archived: Some(list.archived),
            query: validate::query(list.query)?,
            after: after.map(|(active_at, id)| ListKey {
                active_at: Timestamp(active_at),
                id,
            }),
        };
        let mut found = self
            .store
            .conversations(&actor.user_id, &filter, limit + 1)
            .await
            .map_err(refused)?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next_cursor = found
            .last()
            .filter(|_| more)
            .map(|last| page_token::encode(&(last.key.active_at.0, last.key.id)));
        Ok(Page {
            items: found.into_iter().map(|found| found.conversation).collect(),
            next_cursor,
        })
    }

    /// The members of a conversation in the order they joined.
    pub async fn members(
        &self,
        actor: &Actor,
        id: ConversationId,
        cursor: Option<&str>,
        limit: Option<i64>,
    ) -> Result<Page<Member>, Refusal> {
        let limit = validate::page_size(limit)?;
        let after = member_key(cursor)?;
        self.history_begins(actor, id).await?;
        let items = self
            .store
            .members(id, after.as_ref(), limit + 1)
            .await
            .map_err(refused)?;
        Ok(member_page(items, limit))
    }

    /// Where the actor's own history begins; refused as if it did not exist when they are not in it.
    pub(crate) async fn history_begins(
        &self,
        actor: &Actor,
        id: ConversationId,
    ) -> Result<i64, Refusal> {
        let begins = self
            .store
            .history_begins(&actor.user_id, id)
            .await
            .map_err(refused)?;
        begins.ok_or_else(|| Refusal::not_found("conversation"))
    }
}

/// Where a page of members begins.
pub(crate) fn member_key(cursor: Option<&str>) -> Result<Option<MemberKey>, Refusal> {
    let decoded = page_token::decode::<(i64, UserId)>(cursor)?;
    Ok(decoded.map(|(joined_at, user_id)| MemberKey {
        joined_at: Timestamp(joined_at),
        user_id,
    }))
}

/// A page of members, of which one more was read than it may name.
pub(crate) fn member_page(mut items: Vec<Member>, limit: u32) -> Page<Member> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let last = items.last().filter(|_| more);
    Page {
        next_cursor: last.map(|last| page_token::encode(&(last.joined_at.0, &last.user.id))),
        items,
    }
}
