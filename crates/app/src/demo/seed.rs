//! Puts the demo's content into an empty store, by the same doors that people use.

use std::collections::HashMap;

use parlor_auth::uuid_v7;
use parlor_core::{
    Refusal,
    append::{Change, Item},
    conversation::decide_create,
};
use parlor_protocol::{
    ConversationId, ConversationKind, CreateConversation, MessageId, ReceiptStatus, Timestamp,
    UserId,
};
use parlor_store::NewUser;

use super::content::{Content, Conversation, offset_ms, today};
use crate::{App, app::refused};

/// People join a little before their first message.
const HEAD_START_MS: i64 = 60 * 1000;

/// What became of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demo {
    /// The store was empty and now holds it.
    Filled,
    /// It was filled at an earlier start.
    Kept,
    /// Other people live in this store.
    Occupied,
}

impl App {
    /// Fills an empty store with the demo. Where somebody lives already, nothing is touched.
    pub async fn seed_demo(&self) -> Result<Demo, Refusal> {
        if self.store.is_demo().await.map_err(refused)? {
            return Ok(Demo::Kept);
        }
        if self.store.user_count().await.map_err(refused)? > 0 {
            return Ok(Demo::Occupied);
        }
        let content = Content::load();
        let today_ms = today(self.now(), content.newest());
        let oldest = content
            .conversations
            .iter()
            .filter_map(|c| first_ms(c, today_ms))
            .min()
            .unwrap_or(today_ms);
        let mut ids: HashMap<String, UserId> = HashMap::new();
        for person in content.people {
            let id = UserId::from(uuid_v7(oldest));
            self.store
                .create_user(
                    &NewUser {
                        id: id.clone(),
                        handle: person.handle.clone(),
                        name: person.name,
                        email: None,
                        bio: Some(person.bio),
                        // Nobody can guess what is not there: the demo's people come in by link.
                        password_hash: None,
                        created_at: Timestamp(oldest - HEAD_START_MS),
                    },
                    None,
                )
                .await
                .map_err(refused)?;
            ids.insert(person.handle, id);
        }
        for conversation in content.conversations {
            self.seed_conversation(conversation, today_ms, &ids).await?;
        }
        self.store.mark_demo().await.map_err(refused)?;
        Ok(Demo::Filled)
    }

    async fn seed_conversation(
        &self,
        conversation: Conversation,
        today_ms: i64,
        ids: &HashMap<String, UserId>,
    ) -> Result<(), Refusal> {
        let start_ms = first_ms(&conversation, today_ms).unwrap_or(today_ms) - HEAD_START_MS;
        let id = ConversationId(uuid_v7(start_ms));
        let members: Vec<UserId> = conversation
            .members
            .iter()
            .map(|handle| ids[handle].clone())
            .collect();
        let direct = conversation.kind == ConversationKind::Direct;
        let new = decide_create(
            &members[0],
            CreateConversation {
                kind: Some(conversation.kind),
                member_ids: members[1..].to_vec(),
                title: conversation.title.filter(|_| !direct),
                label: conversation.label,
                metadata: None,
            },
        )?;
        let item = |actor: &UserId, at_ms, change| Item {
            conversation_id: id,
            actor: actor.clone(),
            now: Timestamp(at_ms),
            change,
        };
        let made = item(&members[0], start_ms, Change::Create(new));
        self.appender.enqueue(made)?.committed().await?;
        let count = conversation.messages.len();
        let mut pending = Vec::with_capacity(count);
        for line in conversation.messages {
            let at_ms = today_ms + offset_ms(&line.at).unwrap_or(0);
            let change = Change::Send {
                id: MessageId(uuid_v7(at_ms)),
                client_id: None,
                content: line.text,
            };
            pending.push(
                self.appender
                    .enqueue(item(&ids[&line.from], at_ms, change))?,
            );
        }
        for handle in &conversation.members {
            let unread = conversation.read.get(handle).copied().unwrap_or(0);
            let read_seq = (count - unread.min(count)) as i64;
            for (status, seq) in [
                (ReceiptStatus::Delivered, count as i64),
                (ReceiptStatus::Read, read_seq),
            ] {
                let change = Change::Receipt { status, seq };
                pending.push(
                    self.appender
                        .enqueue(item(&ids[handle], today_ms, change))?,
                );
            }
        }
        for change in pending {
            change.committed().await?;
        }
        Ok(())
    }
}

fn first_ms(conversation: &Conversation, today_ms: i64) -> Option<i64> {
    conversation
        .messages
        .first()
        .and_then(|line| offset_ms(&line.at))
        .map(|offset| today_ms + offset)
}
