//! A member's own side: cursors, and what they have put away.

use parlor_protocol::{Membership, ReceiptStatus, Timestamp};

use super::{
    super::{Event, Item, Locked},
    next_user_version, seen, touch,
};
use crate::{Cursors, Refusal};

pub(super) fn receipt(
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
    locked.touched.cursors.insert(key);
    touch(locked, item.conversation_id, None);
    events.push(Event::Cursors {
        conversation_id: item.conversation_id,
        user_id: item.actor.clone(),
        before,
        after,
    });
    Ok(())
}

pub(super) fn unread(
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

fn own_side(item: &Item, me: Membership, locked: &mut Locked, events: &mut Vec<Event>) {
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

pub(super) fn change_own(
    item: &Item,
    muted_until: Option<Option<Timestamp>>,
    pinned: Option<bool>,
    archived: Option<bool>,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
    let (conversation, member) = seen(item, &mut locked.conversations, &mut locked.members)?;
    let before = member.own(conversation.last_seq);
    member.muted_until = muted_until.unwrap_or(member.muted_until);
    member.pinned = pinned.unwrap_or(member.pinned);
    member.archived = archived.unwrap_or(member.archived);
    let me = member.own(conversation.last_seq);
    if me != before {
        own_side(item, me, locked, events);
    }
    Ok(())
}

pub(super) fn hide(
    item: &Item,
    locked: &mut Locked,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
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
