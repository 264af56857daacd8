//! What has changed for a user since a cursor, page by page.
//!
//! Two ways through a user's conversations. Without a cursor: by last activity, the newest first,
//! which is what a list shows. With one: those that have changed since, in the order of their ids,
//! so that nothing slips past the place of a client that pages while people write. A first listing of
//! several pages ends with such a pass over what changed meanwhile.
//!
//! A cursor names a place in the order of commits ([`parlor_store::Position`]), never a time: clocks
//! that jump lose nothing.

use std::sync::atomic::Ordering;

use parlor_core::{Actor, Refusal, planted::planted, validate};
use parlor_protocol::{
    Code, Conversation, ConversationId, SharedMessage, SyncPage, SyncedConversation, SyncedUser,
    Timestamp, User, UserId,
};
use parlor_store::{
    ChangedConversation, Changes, ListFilter, ListKey, Missed, Position, StoreError,
};
use serde::{Deserialize, Serialize};

use crate::{App, app::refused};

/// Text on one page, in bytes: the conversation that passes it is the page's last, and one whose
/// changed messages pass it by themselves is a gap.
const PAGE_CONTENT_BYTES_MAX: usize = 1024 * 1024;

/// What a cursor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    #[serde(rename = "e")]
    epoch: String,
    #[serde(rename = "p")]
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
    /// Everything below this tick is known.
    #[serde(rename = "k")]
    Known(i64),
    /// In the listing by activity, behind a conversation.
    #[serde(rename = "l")]
    Listing {
        #[serde(rename = "b")]
        begun: Begun,
        #[serde(rename = "t")]
        active_at: i64,
        #[serde(rename = "c")]
        after: ConversationId,
    },
    /// In the pass over what has changed since a tick, behind a conversation.
    #[serde(rename = "c")]
    Changes {
        #[serde(rename = "s")]
        since: i64,
        #[serde(rename = "b")]
        begun: Begun,
        #[serde(rename = "c")]
        after: ConversationId,
    },
}

/// Where things stood when the first page of a pass was asked for. What changes while a client pages
/// may lie behind its place, so all its pages say no more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Begun {
    /// The first tick that was not surely over.
    #[serde(rename = "k")]
    tick: i64,
    /// The user's own change counter.
    #[serde(rename = "u")]
    user_version: i64,
}

/// What stands on a page, and where the next one begins.
struct Found {
    begun: Begun,
    conversations: Vec<SyncedConversation>,
    removed: Vec<ConversationId>,
    place: Place,
    has_more: bool,
}

impl App {
    /// A page of what has changed for the actor since the cursor; of everything without one.
    pub async fn sync(
        &self,
        actor: &Actor,
        cursor: Option<&str>,
        limit: Option<i64>,
    ) -> Result<SyncPage, Refusal> {
        let limit = validate::page_size(limit)?;
        let user_id = &actor.user_id;
        let cursor = match cursor {
            Some(text) => Some(self.read_cursor(user_id, text)?),
            None => None,
        };
        let reset = cursor
            .as_ref()
            .is_some_and(|cursor| cursor.epoch != self.epoch());
        let place = cursor.filter(|_| !reset).map(|cursor| cursor.place);
        let _turn = self.syncs.acquire().await;
        let (user, found) = match place {
            Some(Place::Known(since)) => self.catch_up(user_id, since, limit).await?,
            None => {
                let (user, begun, _) = self.stand(user_id).await?;
                (user, self.listing(user_id, begun, None, limit).await?)
            }
            Some(Place::Listing {
                begun,
                active_at,
                after: id,
            }) => {
                let (user, _, position) = self.stand(user_id).await?;
                usable(begun.tick, position)?;
                let active_at = Timestamp(active_at);
                let after = Some(ListKey { active_at, id });
                (user, self.listing(user_id, begun, after, limit).await?)
            }
            Some(Place::Changes {
                since,
                begun,
                after,
            }) => {
                let (user, _, position) = self.stand(user_id).await?;
                usable(begun.tick, position)?;
                let changes = self
                    .store
                    .changes(user_id, since, Some(after), limit + 1)
                    .await
                    .map_err(refused)?;
                (user, self.changed(changes, since, begun, limit).await?)
            }
        };
        let user_version = found.begun.user_version;
        Ok(SyncPage {
            cursor: self.write_cursor(user_id, found.place),
            epoch: self.epoch().to_owned(),
            reset,
            has_more: found.has_more,
            user: SyncedUser { user, user_version },
            conversations: found.conversations,
            removed: found.removed,
        })
    }

    /// The user, and where things stand before anything else is read: what changes after this is
    /// heard of live, or next time.
    async fn stand(&self, user_id: &UserId) -> Result<(User, Begun, Position), Refusal> {
        let position = self.store.position().await.map_err(refused)?;
        let user = self.store.user_with_version(user_id).await;
        let (user, user_version) = user.map_err(refused)?.ok_or_else(account_is_gone)?;
        let begun = Begun {
            tick: position.next,
            user_version,
        };
        Ok((user, begun, position))
    }

    /// What has changed since a position; nothing for most who come back.
    async fn catch_up(
        &self,
        user_id: &UserId,
        since: i64,
        limit: u32,
    ) -> Result<(User, Found), Refusal> {
        let since = if planted("resume-too-late") {
            since + 3
        } else {
            since
        };
        let caught_up = self.store.catch_up(user_id, since, limit + 1).await;
        let (standing, changes) = caught_up.map_err(refused)?.ok_or_else(account_is_gone)?;
        usable(since, standing.position)?;
        let begun = Begun {
            tick: standing.position.next,
            user_version: standing.user_version,
        };
        let found = self.changed(changes, since, begun, limit).await?;
        Ok((standing.user, found))
    }

    /// The cursor of what is announced so far: a socket whose outbox ends here resumes from it.
    pub fn position_cursor(&self, user_id: &UserId) -> String {
        let position = self.position.load(Ordering::Acquire);
        self.write_cursor(user_id, Place::Known(position))
    }

    /// Refuses a cursor that was not given to this user by this server.
    pub(crate) fn check_cursor(&self, user_id: &UserId, text: &str) -> Result<(), Refusal> {
        self.read_cursor(user_id, text).map(drop)
    }

    fn read_cursor(&self, user_id: &UserId, text: &str) -> Result<Cursor, Refusal> {
        self.cursors
            .open(user_id.as_str(), text)
            .and_then(|payload| serde_json::from_slice(&payload).ok())
            .ok_or_else(not_usable)
    }

    fn write_cursor(&self, user_id: &UserId, place: Place) -> String {
        let cursor = Cursor {
            epoch: self.epoch().to_owned(),
            place,
        };
        let payload = serde_json::to_vec(&cursor).expect("plain data");
        self.cursors.seal(user_id.as_str(), &payload)
    }

    /// The next page by last activity.
    async fn listing(
        &self,
        user_id: &UserId,
        begun: Begun,
        after: Option<ListKey>,
        limit: u32,
    ) -> Result<Found, Refusal> {
        let filter = ListFilter {
            archived: None,
            query: None,
            after,
        };
        let mut found = self
            .store
            .conversations(user_id, &filter, limit + 1)
            .await
            .map_err(refused)?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        // The newest messages of many conversations may be long as well.
        let mut bytes = 0;
        let fitting = found.iter().take_while(|found| {
            let fits = bytes <= PAGE_CONTENT_BYTES_MAX;
            bytes += newest(&found.conversation);
            fits
        });
        let fitting = fitting.count();
        let more = more || fitting < found.len();
        found.truncate(fitting);
        let place = match found.last().filter(|_| more) {
            Some(last) => Place::Listing {
                begun,
                active_at: last.key.active_at.0,
                after: last.key.id,
            },
            None => Place::Known(begun.tick),
        };
        let conversations = found.into_iter().map(|found| SyncedConversation {
            gap: found.conversation.summary.last_seq > found.cleared_seq,
            conversation: found.conversation,
            messages: Vec::new(),
        });
        Ok(Found {
            conversations: conversations.collect(),
            removed: Vec::new(),
            place,
            has_more: more || after.is_some(),
            begun,
        })
    }

    /// A page of what has changed, of which one conversation more was read than it may name.
    async fn changed(
        &self,
        changes: Changes,
        since: i64,
        begun: Begun,
        limit: u32,
    ) -> Result<Found, Refusal> {
        let mut conversations = Vec::new();
        let mut bytes = 0;
        let mut more = None;
        for changed in changes.conversations {
            if conversations.len() == limit as usize || bytes > PAGE_CONTENT_BYTES_MAX {
                more = conversations
                    .last()
                    .map(|last: &SyncedConversation| last.conversation.summary.id);
                break;
            }
            let synced = self.with_messages(changed, since).await?;
            bytes += weight(&synced);
            conversations.push(synced);
        }
        Ok(Found {
            conversations,
            removed: changes.removed,
            has_more: more.is_some(),
            place: match more {
                Some(after) => Place::Changes {
                    since,
                    begun,
                    after,
                },
                None => Place::Known(begun.tick),
            },
            begun,
        })
    }

    async fn with_messages(
        &self,
        changed: ChangedConversation,
        since: i64,
    ) -> Result<SyncedConversation, Refusal> {
        let messages = self.missed(&changed, since).await.map_err(refused)?;
        let messages = messages.filter(|messages| {
            let text: usize = messages.iter().map(|message| message.content.len()).sum();
            text <= PAGE_CONTENT_BYTES_MAX
        });
        Ok(SyncedConversation {
            conversation: changed.conversation,
            gap: messages.is_none(),
            messages: messages.unwrap_or_default(),
        })
    }

    /// The messages that a viewer has missed; `None` for too many. Those who come back have mostly
    /// missed the same, so the conversation's tail is asked first.
    async fn missed(
        &self,
        changed: &ChangedConversation,
        since: i64,
    ) -> Result<Option<Vec<SharedMessage>>, StoreError> {
        let summary = &changed.conversation.summary;
        if changed.is_void(since) {
            return Ok(None);
        }
        if summary.last_seq == 0 {
            return Ok(Some(Vec::new()));
        }
        let tail = self.tails.tail(&self.store, summary.id, summary.version);
        match tail.await?.map(|tail| tail.missed(changed, since)) {
            Some(Missed::Messages(messages)) => Ok(Some(messages)),
            Some(Missed::TooMany) => Ok(None),
            Some(Missed::Unknown) | None => {
                let messages = self.store.changed_messages(changed, since).await?;
                Ok(messages.map(|found| found.into_iter().map(Into::into).collect()))
            }
        }
    }
}

/// Refuses a tick to which the store has not come: it was set back, or this is another one.
fn usable(tick: i64, position: Position) -> Result<(), Refusal> {
    (tick <= position.horizon)
        .then_some(())
        .ok_or_else(not_usable)
}

/// What a conversation adds to a page, in bytes of text.
fn weight(synced: &SyncedConversation) -> usize {
    let missed = synced.messages.iter().map(|message| message.content.len());
    missed.sum::<usize>() + newest(&synced.conversation)
}

fn newest(conversation: &Conversation) -> usize {
    let newest = conversation.summary.last_message.as_ref();
    newest.map_or(0, |message| message.content.len())
}

fn account_is_gone() -> Refusal {
    Refusal::new(Code::Unauthorized, "this account is gone")
}

fn not_usable() -> Refusal {
    Refusal::new(
        Code::CursorNotUsable,
        "not a cursor for this user on this server: start over without one",
    )
}
