//! Messages: sent, edited, deleted, reacted to.

use std::sync::Arc;

use parlor_protocol::{
    Code, Message, MessageId, MessageKind, Reaction,
    limits::{EMOJI_PER_MESSAGE_MAX, REACTION_USERS_MAX},
};

use super::{
    super::{Earlier, Event, Item, Locked, body_hash},
    Outcome, next_version, seen,
};
use crate::{
    Refusal,
    conversation::{may_delete, may_write},
    planted::planted_every,
};

pub(super) fn send(
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

pub(super) fn edit(
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

pub(super) fn delete(
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

pub(super) fn react(
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
