//! Who is a member.

use parlor_protocol::{Code, ConversationKind, LinkId, Role, UserId};

use super::{
    super::{Event, Item, Locked, LockedMember},
    next_user_version, next_version, seen,
};
use crate::{
    Refusal,
    conversation::{may_manage, may_remove, may_set_role},
};

pub(super) fn add_members(
    item: &Item,
    user_ids: &[UserId],
    role: Role,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
    let (conversation, member) = seen(item, &mut locked.conversations, &mut locked.members)?;
    may_manage(conversation.kind, member.role, role)?;
    if let Some(missing) = user_ids.iter().find(|id| !locked.users.contains_key(*id)) {
        return Err(Refusal::field(
            "userIds",
            format!("there is no user {missing}"),
        ));
    }
    let present = |id: &UserId| {
        let key = (item.conversation_id, id.clone());
        let known = locked.members.get(&key);
        known.is_some_and(|member| member.left_at.is_none())
    };
    let joining: Vec<UserId> = user_ids.iter().filter(|id| !present(id)).cloned().collect();
    if !joining.is_empty() {
        become_members(item, joining, role, locked, events);
    }
    Ok(())
}

/// Whoever has a link that is good becomes a member. The first in an empty room owns it.
pub(super) fn join(
    item: &Item,
    link_id: LinkId,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
    let no_link = || Refusal::not_found("link");
    let link = locked.links.get(&link_id).ok_or_else(no_link)?;
    let conversation = locked.conversations.get(&item.conversation_id);
    let conversation = conversation.ok_or_else(no_link)?;
    let key = (item.conversation_id, item.actor.clone());
    let known = locked.members.get(&key);
    if known.is_some_and(|member| member.left_at.is_none()) {
        return Ok(());
    }
    if !link.is_good(item.now) || link.conversation_id != item.conversation_id {
        return Err(no_link());
    }
    if !locked.users.contains_key(&item.actor) {
        return Err(Refusal::new(Code::Unauthorized, "this account is gone"));
    }
    let role = match conversation.member_count {
        0 => Role::Owner,
        _ => Role::Member,
    };
    if let Some(link) = locked.links.get_mut(&link_id) {
        link.uses += 1;
        locked.touched.links.insert(link_id);
    }
    become_members(item, vec![item.actor.clone()], role, locked, events);
    Ok(())
}

/// Makes people members who are none.
fn become_members(
    item: &Item,
    joined: Vec<UserId>,
    role: Role,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) {
    let last_seq = locked.conversations[&item.conversation_id].last_seq;
    for user_id in &joined {
        let key = (item.conversation_id, user_id.clone());
        let known = locked.members.get(&key);
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
}

pub(super) fn remove_member(
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
            return Err(last_owner());
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

pub(super) fn set_role(
    item: &Item,
    user_id: &UserId,
    role: Role,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
    let (conversation, member) = seen(item, &mut locked.conversations, &mut locked.members)?;
    let (kind, actor_role, owner_count) =
        (conversation.kind, member.role, conversation.owner_count);
    let key = (item.conversation_id, user_id.clone());
    let Some(member) = locked
        .members
        .get_mut(&key)
        .filter(|member| member.left_at.is_none())
    else {
        return Err(Refusal::not_found("member"));
    };
    let before = member.role;
    may_set_role(kind, actor_role, before, role, *user_id == item.actor)?;
    if before == role {
        return Ok(());
    }
    if before == Role::Owner && owner_count <= 1 {
        return Err(last_owner());
    }
    member.role = role;
    locked.touched.members.insert(key.clone());
    let version = next_version(locked, item);
    locked.members.get_mut(&key).expect("found above").version = version;
    let conversation = locked
        .conversations
        .get_mut(&item.conversation_id)
        .expect("seen before");
    conversation.owner_count += i64::from(role == Role::Owner) - i64::from(before == Role::Owner);
    events.push(Event::MemberUpdated {
        conversation_id: item.conversation_id,
        version,
        user_id: user_id.clone(),
        role,
    });
    Ok(())
}

fn last_owner() -> Refusal {
    Refusal::new(
        Code::LastOwner,
        "the last owner hands the conversation over first",
    )
}
