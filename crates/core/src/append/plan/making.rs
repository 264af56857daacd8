//! Making conversations.

use parlor_protocol::{ConversationId, Role, UserId};

use super::{
    super::{Event, Item, Locked, LockedConversation, LockedMember},
    Outcome, next_user_version, touch,
};
use crate::{Refusal, conversation::NewConversation};

pub(super) fn create(
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
