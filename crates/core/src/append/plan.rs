//! The decisions, one after the other in the order of arrival.

mod making;
mod members;
mod messages;
mod own;
mod settings;

use std::{collections::HashMap, sync::Arc};

use parlor_protocol::{ConversationId, Message, MessageId, Timestamp, UserId};

use self::{
    making::create,
    members::{add_members, join, remove_member, set_role},
    messages::{delete, edit, react, send},
    own::{change_own, hide, receipt, unread},
    settings::change_settings,
};
use super::{Change, Event, Item, Locked, LockedConversation, LockedMember, MemberKey};
use crate::{Refusal, planted::planted};

/// What becomes of one item.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is a new message.
    New(Arc<Message>),
    /// It was stored before under the same `clientId`.
    Repeated(MessageId),
    /// A message was edited, now or before: this is what stands.
    Edited(Arc<Message>),
    /// It is done, now or before.
    Done,
    /// A conversation was made, or the direct one was there already.
    Created {
        /// Which.
        id: ConversationId,
        /// Whether it is new.
        is_new: bool,
    },
    /// It is not done.
    Refused(Refusal),
}

/// Decides every item of a batch. `locked` ends as the state to write; the events are in the order
/// in which they must be announced.
pub fn plan(batch: &[Item], locked: &mut Locked) -> (Vec<Outcome>, Vec<Event>) {
    let mut events = Vec::with_capacity(batch.len());
    let outcomes = batch
        .iter()
        .map(|item| decide(item, locked, &mut events).unwrap_or_else(Outcome::Refused))
        .collect();
    (outcomes, events)
}

fn decide(item: &Item, locked: &mut Locked, events: &mut Vec<Event>) -> Result<Outcome, Refusal> {
    match &item.change {
        Change::Create(new) => return create(item, new, locked, events),
        Change::Send {
            id,
            client_id,
            content,
        } => return send(item, *id, client_id.as_deref(), content, locked, events),
        Change::Edit {
            message_id,
            content,
        } => return edit(item, *message_id, content, locked, events),
        Change::Delete { message_id } => delete(item, *message_id, locked, events)?,
        Change::React {
            message_id,
            emoji,
            on,
        } => react(item, *message_id, emoji, *on, locked, events)?,
        Change::Receipt { status, seq } => receipt(item, *status, *seq, locked, events)?,
        Change::Unread { seq } => unread(item, *seq, locked, events)?,
        Change::AddMembers { user_ids, role } => {
            add_members(item, user_ids, *role, locked, events)?;
        }
        Change::RemoveMember { user_id } => remove_member(item, user_id, locked, events)?,
        Change::Join { link_id } => join(item, *link_id, locked, events)?,
        Change::SetRole { user_id, role } => set_role(item, user_id, *role, locked, events)?,
        Change::Settings(change) => change_settings(item, change, locked, events)?,
        Change::Own {
            muted_until,
            pinned,
            archived,
        } => change_own(item, *muted_until, *pinned, *archived, locked, events)?,
        Change::Hide => hide(item, locked, events)?,
    }
    Ok(Outcome::Done)
}

/// The conversation and the actor's membership; whoever is in neither learns nothing.
fn seen<'l>(
    item: &Item,
    conversations: &'l mut HashMap<ConversationId, LockedConversation>,
    members: &'l mut HashMap<MemberKey, LockedMember>,
) -> Result<(&'l mut LockedConversation, &'l mut LockedMember), Refusal> {
    let key = (item.conversation_id, item.actor.clone());
    match (
        conversations.get_mut(&item.conversation_id),
        members
            .get_mut(&key)
            .filter(|member| member.left_at.is_none() || planted("membership-skipped")),
    ) {
        (Some(conversation), Some(member)) => Ok((conversation, member)),
        _ => Err(Refusal::not_found("conversation")),
    }
}

fn touch(locked: &mut Locked, id: ConversationId, changed: Option<Timestamp>) {
    let times = locked.touched.conversations.entry(id).or_default();
    times.updated_at = times.updated_at.max(changed);
}

/// One more change of the conversation; its new version.
fn next_version(locked: &mut Locked, item: &Item) -> i64 {
    touch(locked, item.conversation_id, Some(item.now));
    let conversation = locked
        .conversations
        .get_mut(&item.conversation_id)
        .expect("seen before");
    conversation.version += 1;
    conversation.version
}

/// One more change of a user's own stream; its new version.
fn next_user_version(locked: &mut Locked, user_id: &UserId) -> i64 {
    locked.touched.users.insert(user_id.clone());
    let (_, version) = locked
        .users
        .get_mut(user_id)
        .expect("loaded with the batch");
    *version += 1;
    *version
}
