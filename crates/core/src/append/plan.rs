//! The decisions, one after the other in the order of arrival.

use std::sync::Arc;

use parlor_protocol::{
    Code, ConversationId, ConversationKind, Message, MessageId, MessageKind, Reaction,
    ReceiptStatus, Role, Timestamp, UserId,
    limits::{EMOJI_PER_MESSAGE_MAX, REACTION_USERS_MAX},
};

use super::{Change, Earlier, Event, Item, Locked, LockedConversation, LockedMember, body_hash};
use crate::{
    Cursors, Refusal,
    conversation::{NewConversation, may_delete, may_manage, may_remove, may_write},
    planted::{planted, planted_every},
};

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
        Change::Hide => hide(item, locked, events)?,
    }
    Ok(Outcome::Done)
}

/// The conversation and the actor's membership; whoever is in neither learns nothing.
fn seen<'l>(
    item: &Item,
    conversations: &'l mut std::collections::HashMap<ConversationId, LockedConversation>,
    members: &'l mut std::collections::HashMap<super::locked::MemberKey, LockedMember>,
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

fn create(
    item: &Item,
    new: &NewConversation,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<Outcome, Refusal> {
    if let Some((missing, _)) = new
        .members
        .iter()
        .find(|(id, _)| !locked.users.contains_key(id))
    {
        return Err(Refusal::field(
            "memberIds",
            format!("there is no user {missing}"),
        ));
    }
    if let Some(&id) = new
        .direct_key
        .as_ref()
        .and_then(|key| locked.directs.get(key))
    {
        unhide(id, &item.actor, locked, events);
        return Ok(Outcome::Created { id, is_new: false });
    }
    let id = item.conversation_id;
    if let Some(key) = &new.direct_key {
        locked.directs.insert(key.clone(), id);
    }
    let owners = new.members.iter().filter(|(_, role)| *role == Role::Owner);
    let conversation = LockedConversation {
        kind: new.kind,
        last_seq: 0,
        version: 1,
        member_count: new.members.len() as i64,
        owner_count: owners.count() as i64,
    };
    locked.conversations.insert(id, conversation);
    touch(locked, id, Some(item.now));
    locked.touched.created.push((id, new.clone(), item.now));
    for (user_id, role) in &new.members {
        let user = locked.users[user_id].0.clone();
        let key = (id, user_id.clone());
        let member = LockedMember::joining(user, *role, item.now, 0);
        locked.members.insert(key.clone(), member);
        locked.touched.joined.insert(key);
        let user_version = next_user_version(locked, user_id);
        events.push(Event::Added {
            conversation_id: id,
            user_id: user_id.clone(),
            user_version,
        });
    }
    Ok(Outcome::Created { id, is_new: true })
}

/// Whoever opens a conversation that they had put away has it back.
fn unhide(id: ConversationId, user_id: &UserId, locked: &mut Locked, events: &mut Vec<Event>) {
    let key = (id, user_id.clone());
    let Some(member) = locked.members.get_mut(&key) else {
        return;
    };
    if member.left_at.is_some() || !member.hidden {
        return;
    }
    member.hidden = false;
    locked.touched.members.insert(key);
    touch(locked, id, None);
    let user_version = next_user_version(locked, user_id);
    events.push(Event::Added {
        conversation_id: id,
        user_id: user_id.clone(),
        user_version,
    });
}

fn send(
    item: &Item,
    id: MessageId,
    client_id: Option<&str>,
    content: &str,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<Outcome, Refusal> {
    let hash = client_id.map(|_| body_hash(content));
    let key = client_id.map(|client_id| {
        let client_id = client_id.to_owned();
        (item.conversation_id, item.actor.clone(), client_id)
    });
    // For ever, whatever has become of the sender since: they ask what came of their own message.
    if let Some(earlier) = key.as_ref().and_then(|key| locked.earlier.get(key)) {
        return if Some(earlier.hash) == hash {
            Ok(Outcome::Repeated(earlier.message_id))
        } else {
            Err(Refusal::new(
                Code::ClientIdReused,
                "this clientId was sent with another body",
            ))
        };
    }
    let (conversation, member) = seen(item, &mut locked.conversations, &mut locked.members)?;
    may_write(conversation.kind, member.role)?;
    if let (Some(key), Some(hash)) = (key, hash) {
        let earlier = Earlier {
            message_id: id,
            hash,
        };
        locked.earlier.insert(key, earlier);
    }
    conversation.last_seq += if planted_every("seq-skipped", 17) {
        2
    } else {
        1
    };
    conversation.version += 1;
    let message = Arc::new(Message {
        id,
        conversation_id: item.conversation_id,
        seq: conversation.last_seq,
        version: conversation.version,
        sender_id: item.actor.clone(),
        sender: member.user.clone(),
        client_id: client_id.map(str::to_owned),
        kind: MessageKind::Text,
        content: content.to_owned(),
        attachments: Vec::new(),
        reply_to: None,
        thread_id: None,
        mentions: Vec::new(),
        reactions: Vec::new(),
        created_at: item.now,
        edited_at: None,
        deleted_at: None,
    });
    let times = locked
        .touched
        .conversations
        .entry(item.conversation_id)
        .or_default();
    times.active_at = times.active_at.max(Some(item.now));
    times.updated_at = times.updated_at.max(Some(item.now));
    if client_id.is_some() {
        locked.messages.insert(id, message.clone());
    }
    locked.touched.new_messages.push((message.clone(), hash));
    events.push(Event::MessageNew(message.clone()));
    Ok(Outcome::New(message))
}

/// The message that is to be changed, where the actor may see it.
fn visible(item: &Item, id: MessageId, locked: &mut Locked) -> Result<Message, Refusal> {
    let (_, member) = seen(item, &mut locked.conversations, &mut locked.members)?;
    let cleared_seq = member.cleared_seq;
    let message = locked.messages.get(&id);
    message
        .filter(|message| {
            message.conversation_id == item.conversation_id && message.seq > cleared_seq
        })
        .map(|message| Message::clone(message))
        .ok_or_else(|| Refusal::not_found("message"))
}

fn not_deleted(message: &Message) -> Result<(), Refusal> {
    match message.deleted_at {
        None => Ok(()),
        Some(_) => Err(Refusal::new(
            Code::MessageDeleted,
            "this message was deleted",
        )),
    }
}

/// Writes the changed message down, with the version of its change.
fn change(item: &Item, mut message: Message, locked: &mut Locked) -> Arc<Message> {
    message.version = next_version(locked, item);
    let message = Arc::new(message);
    locked.touched.messages.insert(message.id);
    locked.messages.insert(message.id, message.clone());
    message
}

fn edit(
    item: &Item,
    id: MessageId,
    content: &str,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<Outcome, Refusal> {
    let mut message = visible(item, id, locked)?;
    if message.sender_id != item.actor || message.kind != MessageKind::Text {
        return Err(Refusal::new(
            Code::Forbidden,
            "only its sender edits a message",
        ));
    }
    not_deleted(&message)?;
    if message.content == content {
        return Ok(Outcome::Edited(Arc::new(message)));
    }
    content.clone_into(&mut message.content);
    message.edited_at = Some(item.now);
    let message = change(item, message, locked);
    events.push(Event::MessageUpdated {
        version: message.version,
        message: message.clone(),
    });
    Ok(Outcome::Edited(message))
}

fn delete(
    item: &Item,
    id: MessageId,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
    let mut message = visible(item, id, locked)?;
    let (conversation, member) = seen(item, &mut locked.conversations, &mut locked.members)?;
    may_delete(
        conversation.kind,
        member.role,
        message.sender_id == item.actor,
    )?;
    if message.deleted_at.is_some() {
        return Ok(());
    }
    message.deleted_at = Some(item.now);
    message.content.clear();
    message.reactions.clear();
    let message = change(item, message, locked);
    events.push(Event::MessageDeleted {
        conversation_id: item.conversation_id,
        version: message.version,
        message_id: id,
        seq: message.seq,
        deleted_at: item.now,
    });
    Ok(())
}

fn react(
    item: &Item,
    id: MessageId,
    emoji: &str,
    on: bool,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
    let mut message = visible(item, id, locked)?;
    not_deleted(&message)?;
    let key = (id, item.actor.clone(), emoji.to_owned());
    if locked.reactions.contains(&key) == on {
        return Ok(());
    }
    let at = message
        .reactions
        .iter()
        .position(|reaction| reaction.emoji == emoji);
    match (at, on) {
        (Some(at), true) => {
            let reaction = &mut message.reactions[at];
            reaction.count += 1;
            if reaction.user_ids.len() < REACTION_USERS_MAX {
                reaction.user_ids.push(item.actor.clone());
            }
        }
        (None, true) => {
            if message.reactions.len() >= EMOJI_PER_MESSAGE_MAX {
                return Err(Refusal::field(
                    "emoji",
                    format!("at most {EMOJI_PER_MESSAGE_MAX} different ones on a message"),
                ));
            }
            message.reactions.push(Reaction {
                emoji: emoji.to_owned(),
                count: 1,
                user_ids: vec![item.actor.clone()],
            });
        }
        (Some(at), false) => {
            let reaction = &mut message.reactions[at];
            reaction.count = reaction.count.saturating_sub(1);
            reaction.user_ids.retain(|user_id| *user_id != item.actor);
            if reaction.count == 0 {
                message.reactions.remove(at);
            }
        }
        (None, false) => {}
    }
    if on {
        locked.reactions.insert(key.clone());
    } else {
        locked.reactions.remove(&key);
    }
    locked.touched.reactions.push((key, item.now, on));
    let message = change(item, message, locked);
    events.push(Event::Reaction {
        conversation_id: item.conversation_id,
        version: message.version,
        message_id: id,
        seq: message.seq,
        emoji: emoji.to_owned(),
        user_id: item.actor.clone(),
        on,
    });
    Ok(())
}

fn receipt(
    item: &Item,
    status: ReceiptStatus,
    seq: i64,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
    let (conversation, member) = seen(item, &mut locked.conversations, &mut locked.members)?;
    let before = member.cursors;
    let Some(after) = before.moved(status, seq, conversation.last_seq) else {
        return Ok(());
    };
    member.cursors = after;
    let key = (item.conversation_id, item.actor.clone());
    locked.touched.members.insert(key);
    touch(locked, item.conversation_id, None);
    events.push(Event::Cursors {
        conversation_id: item.conversation_id,
        user_id: item.actor.clone(),
        before,
        after,
    });
    Ok(())
}

fn unread(
    item: &Item,
    seq: i64,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
    let (conversation, member) = seen(item, &mut locked.conversations, &mut locked.members)?;
    let last_seq = conversation.last_seq;
    let read_seq = (seq - 1).clamp(member.cleared_seq, last_seq);
    if read_seq >= member.cursors.read_seq {
        // Nothing becomes unread by it.
        return Ok(());
    }
    member.cursors = Cursors {
        read_seq,
        ..member.cursors
    };
    let me = member.own(last_seq);
    own_side(item, me, locked, events);
    Ok(())
}

fn own_side(
    item: &Item,
    me: parlor_protocol::Membership,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) {
    let key = (item.conversation_id, item.actor.clone());
    locked.touched.members.insert(key);
    touch(locked, item.conversation_id, None);
    let user_version = next_user_version(locked, &item.actor);
    events.push(Event::Membership {
        conversation_id: item.conversation_id,
        user_id: item.actor.clone(),
        user_version,
        me,
    });
}

fn hide(item: &Item, locked: &mut Locked, events: &mut Vec<Event>) -> Result<(), Refusal> {
    let (conversation, member) = seen(item, &mut locked.conversations, &mut locked.members)?;
    let last_seq = conversation.last_seq;
    if member.hidden && member.cleared_seq == last_seq {
        return Ok(());
    }
    member.hidden = true;
    member.cleared_seq = last_seq;
    member.cleared_tick = locked.tick;
    let before = member.cursors;
    let after = Cursors {
        delivered_seq: last_seq,
        read_seq: last_seq,
    };
    member.cursors = after;
    if after != before {
        events.push(Event::Cursors {
            conversation_id: item.conversation_id,
            user_id: item.actor.clone(),
            before,
            after,
        });
    }
    let key = (item.conversation_id, item.actor.clone());
    locked.touched.members.insert(key);
    touch(locked, item.conversation_id, None);
    let user_version = next_user_version(locked, &item.actor);
    events.push(Event::Removed {
        conversation_id: item.conversation_id,
        user_id: item.actor.clone(),
        user_version,
        hidden: true,
    });
    Ok(())
}

fn add_members(
    item: &Item,
    user_ids: &[UserId],
    role: Role,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
    let (conversation, member) = seen(item, &mut locked.conversations, &mut locked.members)?;
    may_manage(conversation.kind, member.role, role)?;
    let last_seq = conversation.last_seq;
    if let Some(missing) = user_ids.iter().find(|id| !locked.users.contains_key(*id)) {
        return Err(Refusal::field(
            "userIds",
            format!("there is no user {missing}"),
        ));
    }
    let mut joined = Vec::new();
    for user_id in user_ids {
        let key = (item.conversation_id, user_id.clone());
        let known = locked.members.get(&key);
        if known.is_some_and(|member| member.left_at.is_none()) {
            continue;
        }
        let cleared_seq = known.map_or(0, |member| member.cleared_seq);
        if known.is_some() {
            locked.touched.members.insert(key.clone());
        } else {
            locked.touched.joined.insert(key.clone());
        }
        let user = locked.users[user_id].0.clone();
        let member = LockedMember {
            // What their devices may hold from an earlier stay has holes.
            cleared_tick: locked.tick,
            cleared_seq,
            ..LockedMember::joining(user, role, item.now, last_seq)
        };
        locked.members.insert(key, member);
        joined.push(user_id.clone());
    }
    if joined.is_empty() {
        return Ok(());
    }
    let version = next_version(locked, item);
    let conversation = locked
        .conversations
        .get_mut(&item.conversation_id)
        .expect("seen before");
    conversation.member_count += joined.len() as i64;
    if role == Role::Owner {
        conversation.owner_count += joined.len() as i64;
    }
    let member_count = conversation.member_count;
    let mut members = Vec::with_capacity(joined.len());
    for user_id in &joined {
        let key = (item.conversation_id, user_id.clone());
        let member = locked.members.get_mut(&key).expect("just put there");
        member.version = version;
        members.push(member.shown());
    }
    // The old members hear it first: whoever joins hears what comes after it.
    events.push(Event::MembersJoined {
        conversation_id: item.conversation_id,
        version,
        members,
        member_count,
    });
    for user_id in joined {
        let user_version = next_user_version(locked, &user_id);
        events.push(Event::Added {
            conversation_id: item.conversation_id,
            user_id,
            user_version,
        });
    }
    Ok(())
}

fn remove_member(
    item: &Item,
    user_id: &UserId,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
    let (conversation, member) = seen(item, &mut locked.conversations, &mut locked.members)?;
    let (kind, actor_role) = (conversation.kind, member.role);
    let (member_count, owner_count) = (conversation.member_count, conversation.owner_count);
    if kind == ConversationKind::Direct {
        return Err(Refusal::new(
            Code::Forbidden,
            "a direct conversation keeps its two people; hide it instead",
        ));
    }
    let key = (item.conversation_id, user_id.clone());
    let Some(leaving) = locked
        .members
        .get_mut(&key)
        .filter(|member| member.left_at.is_none())
    else {
        return Err(Refusal::not_found("member"));
    };
    let role = leaving.role;
    if *user_id == item.actor {
        if role == Role::Owner && owner_count <= 1 && member_count > 1 {
            return Err(Refusal::new(
                Code::LastOwner,
                "the last owner hands the conversation over before leaving",
            ));
        }
    } else {
        may_remove(actor_role, role)?;
    }
    leaving.left_at = Some(item.now);
    locked.touched.members.insert(key.clone());
    let version = next_version(locked, item);
    locked.members.get_mut(&key).expect("found above").version = version;
    let conversation = locked
        .conversations
        .get_mut(&item.conversation_id)
        .expect("seen before");
    conversation.member_count -= 1;
    if role == Role::Owner {
        conversation.owner_count -= 1;
    }
    let member_count = conversation.member_count;
    let user_version = next_user_version(locked, user_id);
    // Who leaves hears of it and then nothing more.
    events.push(Event::Removed {
        conversation_id: item.conversation_id,
        user_id: user_id.clone(),
        user_version,
        hidden: false,
    });
    events.push(Event::MemberLeft {
        conversation_id: item.conversation_id,
        version,
        user_id: user_id.clone(),
        member_count,
    });
    Ok(())
}
