//! What both engines' statements share: the rows that decide, and what of a plan is written.

use std::collections::{BTreeMap, BTreeSet};

use parlor_core::{
    Cursors,
    append::{
        Change, Earlier, Item, Locked, LockedConversation, LockedLink, LockedMember, MemberKey,
        ReactionKey, Settings, TouchedConversation, body_hash,
    },
    planted::planted_every,
};
use parlor_protocol::{
    ConversationId, Message, Reaction, Timestamp, UserId, UserSummary, limits::REACTION_USERS_MAX,
};
use uuid::Uuid;

use crate::{
    StoreError,
    rows::{kind, role, row, user_id},
};

row! {
    pub(super) struct ConversationRow {
        id: Uuid,
        kind: String,
        last_seq: i64,
        version: i64,
        member_count: i64,
    }
}

row! {
    pub(super) struct SettingsRow {
        title: Option<String>,
        label: Option<String>,
        metadata: String,
        avatar_url: Option<String>,
    }
}

impl SettingsRow {
    pub(super) fn into_settings(self) -> Settings {
        Settings {
            title: self.title,
            label: self.label,
            metadata: self.metadata,
            avatar_url: self.avatar_url,
        }
    }
}

row! {
    pub(super) struct LockedLinkRow {
        conversation_id: Uuid,
        expires_at: Option<i64>,
        max_uses: Option<i64>,
        uses: i64,
        is_revoked: bool,
    }
}

impl LockedLinkRow {
    pub(super) fn into_link(self) -> LockedLink {
        LockedLink {
            conversation_id: ConversationId(self.conversation_id),
            expires_at: self.expires_at.map(Timestamp),
            max_uses: self.max_uses,
            uses: self.uses,
            is_revoked: self.is_revoked,
        }
    }
}

row! {
    pub(super) struct LockedMemberRow {
        conversation_id: Uuid,
        user_id: String,
        role: String,
        joined_at: i64,
        read_seq: i64,
        delivered_seq: i64,
        left_at: Option<i64>,
        cleared_seq: i64,
        cleared_tick: i64,
        hidden: bool,
        muted_until: Option<i64>,
        pinned: bool,
        archived: bool,
        version: i64,
        handle: String,
        name: String,
        avatar_url: Option<String>,
    }
}

impl ConversationRow {
    pub(super) fn into_conversation(
        self,
    ) -> Result<(ConversationId, LockedConversation), StoreError> {
        let conversation = LockedConversation {
            kind: kind(&self.kind)?,
            last_seq: self.last_seq,
            version: self.version,
            member_count: self.member_count,
            owner_count: 0,
        };
        Ok((ConversationId(self.id), conversation))
    }
}

impl LockedMemberRow {
    pub(super) fn into_member(self) -> Result<(MemberKey, LockedMember), StoreError> {
        let id = user_id(&self.user_id)?;
        let member = LockedMember {
            user: UserSummary {
                id: id.clone(),
                handle: self.handle,
                name: self.name,
                avatar_url: self.avatar_url,
            },
            role: role(&self.role)?,
            cursors: Cursors {
                delivered_seq: self.delivered_seq,
                read_seq: self.read_seq,
            },
            joined_at: Timestamp(self.joined_at),
            left_at: self.left_at.map(Timestamp),
            cleared_seq: self.cleared_seq,
            cleared_tick: self.cleared_tick,
            hidden: self.hidden,
            muted_until: self.muted_until.map(Timestamp),
            pinned: self.pinned,
            archived: self.archived,
            version: self.version,
        };
        Ok(((ConversationId(self.conversation_id), id), member))
    }
}

/// A message that was stored before under a `clientId` of the batch.
pub(super) fn add_earlier(locked: &mut Locked, message: Message, hash: Option<i64>) {
    let Some(client_id) = message.client_id.clone() else {
        return;
    };
    let earlier = Earlier {
        message_id: message.id,
        // Stored by a version that could not edit: its text is its first one.
        hash: hash.unwrap_or_else(|| body_hash(&message.content)),
    };
    let sender = message.sender_id.clone();
    locked
        .earlier
        .insert((message.conversation_id, sender, client_id), earlier);
    locked.messages.insert(message.id, message.into());
}

/// People whose own stream may be touched, or who may become members.
pub(super) fn named_users(batch: &[Item]) -> BTreeSet<&str> {
    let mut ids = BTreeSet::new();
    for item in batch {
        match &item.change {
            Change::Create(new) => {
                ids.extend(new.members.iter().map(|(id, _)| id.as_str()));
            }
            Change::AddMembers { .. } | Change::RemoveMember { .. } => {
                ids.extend(item.change.targets().iter().map(UserId::as_str));
            }
            Change::Hide | Change::Unread { .. } | Change::Own { .. } | Change::Join { .. } => {
                ids.insert(item.actor.as_str());
            }
            _ => {}
        }
    }
    ids
}

/// Of several decisions on one emoji the last is what stands.
pub(super) fn last_decisions(locked: &Locked) -> BTreeMap<&ReactionKey, (Timestamp, bool)> {
    let decisions = locked.touched.reactions.iter();
    decisions.map(|(key, at, on)| (key, (*at, *on))).collect()
}

/// Whether one of the people named with a reaction went, and another one who was only counted may
/// take their place.
pub(super) fn is_short(reaction: &Reaction) -> bool {
    reaction.user_ids.len() < REACTION_USERS_MAX.min(reaction.count as usize)
}

/// The conversations to update. One that is new and has nothing in it yet was inserted as it is.
pub(super) fn updated_conversations(
    locked: &Locked,
) -> Vec<(&ConversationId, &TouchedConversation)> {
    let created = locked.touched.created.iter().map(|(id, ..)| *id);
    let created: BTreeSet<ConversationId> = created.collect();
    let touched = locked.touched.conversations.iter();
    touched
        .filter(|(id, _)| !created.contains(*id) || locked.conversations[*id].version > 1)
        .collect()
}

pub(super) fn stored_client_id(message: &Message) -> Option<&str> {
    let client_id = message.client_id.as_deref();
    client_id.filter(|_| !planted_every("client-id-forgotten", 9))
}

pub(super) fn stored_content(message: &Message) -> &str {
    if planted_every("body-swapped", 23) {
        "another text"
    } else {
        &message.content
    }
}

pub(super) fn stored_reactions(message: &Message) -> Option<String> {
    (!message.reactions.is_empty())
        .then(|| serde_json::to_string(&message.reactions).expect("plain data"))
}

/// What must never be: a change of a message that is not written.
pub(super) fn is_lost(message: &Message) -> bool {
    if message.deleted_at.is_some() {
        planted_every("delete-lost", 2)
    } else if message.edited_at.is_some() {
        planted_every("edit-lost", 2)
    } else {
        planted_every("reaction-lost", 2)
    }
}
