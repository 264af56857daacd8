//! Writing what a plan has changed.

use parlor_core::append::{Locked, LockedMember, MemberKey};
use parlor_protocol::{MessageId, limits::REACTION_USERS_MAX};
use rusqlite::{Connection, named_params, params};

use super::super::shared::{
    is_lost, is_short, last_decisions, stored_client_id, stored_content, stored_reactions,
    updated_conversations,
};
use crate::{
    StoreError,
    conversations::search_lower,
    counts::{COUNT, Counted, UNCOUNT},
    rows::{kind_text, role_text, user_id},
};

/// Writes what the plan has changed.
pub(super) fn save(tx: &Connection, locked: &mut Locked) -> Result<(), StoreError> {
    if locked.touched.is_empty() {
        return Ok(());
    }
    create_conversations(tx, locked)?;
    save_members(tx, locked)?;
    insert_messages(tx, locked)?;
    save_reactions(tx, locked)?;
    update_messages(tx, locked)?;
    count_messages(tx, locked)?;
    update_conversations(tx, locked)?;
    update_settings(tx, locked)?;
    update_links(tx, locked)?;
    update_users(tx, locked)?;
    tx.prepare_cached("UPDATE ticks SET tick = tick + 1")?
        .execute(())?;
    Ok(())
}

fn create_conversations(tx: &Connection, locked: &Locked) -> Result<(), StoreError> {
    for (id, new, now) in &locked.touched.created {
        tx.prepare_cached(
            "INSERT INTO conversations (id, kind, direct_key, title, label, search_lower, metadata, created_at, updated_at,
                                        active_at, last_seq, version, member_count, tick)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?8, 0, 1, ?9, ?10)",
        )?
        .execute(params![
            id.0,
            kind_text(new.kind),
            new.direct_key,
            new.title,
            new.label,
            search_lower(new.title.as_deref(), new.label.as_deref()),
            new.metadata,
            now.0,
            new.members.len() as i64,
            locked.tick,
        ])?;
    }
    Ok(())
}

fn save_members(tx: &Connection, locked: &Locked) -> Result<(), StoreError> {
    const INSERT: &str =
        "INSERT INTO members (conversation_id, user_id, role, joined_at, read_seq, delivered_seq, left_at, cleared_seq,
                              cleared_tick, hidden, version, tick, muted_until, pinned, archived)
         VALUES (:conversation, :user, :role, :joined_at, :read_seq, :delivered_seq, :left_at, :cleared_seq,
                 :cleared_tick, :hidden, :version, :tick, :muted_until, :pinned, :archived)";
    const UPDATE: &str =
        "UPDATE members SET role = :role, joined_at = :joined_at, read_seq = :read_seq, delivered_seq = :delivered_seq,
            left_at = :left_at, cleared_seq = :cleared_seq, cleared_tick = :cleared_tick, hidden = :hidden,
            version = :version, tick = :tick, muted_until = :muted_until, pinned = :pinned, archived = :archived
         WHERE conversation_id = :conversation AND user_id = :user";
    let joined = &locked.touched.joined;
    for key in joined {
        save_member(tx, INSERT, key, &locked.members[key], locked.tick)?;
    }
    for key in locked.touched.members.difference(joined) {
        save_member(tx, UPDATE, key, &locked.members[key], locked.tick)?;
    }
    // By itself: a statement that names a column writes the indexes that hold it, changed or not.
    let whole = |key: &&MemberKey| joined.contains(key) || locked.touched.members.contains(key);
    for key in locked.touched.cursors.iter().filter(|key| !whole(key)) {
        let (conversation_id, user_id) = key;
        let cursors = locked.members[key].cursors;
        tx.prepare_cached(
            "UPDATE members SET read_seq = ?3, delivered_seq = ?4, tick = ?5 WHERE conversation_id = ?1 AND user_id = ?2",
        )?
        .execute(params![
            conversation_id.0,
            user_id.as_str(),
            cursors.read_seq,
            cursors.delivered_seq,
            locked.tick,
        ])?;
    }
    Ok(())
}

fn save_member(
    tx: &Connection,
    statement: &str,
    (conversation_id, user_id): &MemberKey,
    member: &LockedMember,
    tick: i64,
) -> Result<(), StoreError> {
    tx.prepare_cached(statement)?.execute(named_params! {
        ":conversation": conversation_id.0,
        ":user": user_id.as_str(),
        ":role": role_text(member.role),
        ":joined_at": member.joined_at.0,
        ":read_seq": member.cursors.read_seq,
        ":delivered_seq": member.cursors.delivered_seq,
        ":left_at": member.left_at.map(|at| at.0),
        ":cleared_seq": member.cleared_seq,
        ":cleared_tick": member.cleared_tick,
        ":hidden": member.hidden,
        ":version": member.version,
        ":tick": tick,
        ":muted_until": member.muted_until.map(|at| at.0),
        ":pinned": member.pinned,
        ":archived": member.archived,
    })?;
    Ok(())
}

fn insert_messages(tx: &Connection, locked: &Locked) -> Result<(), StoreError> {
    if locked.touched.new_messages.is_empty() {
        return Ok(());
    }
    let mut insert = tx.prepare_cached(
        "INSERT INTO messages (conversation_id, seq, id, version, sender_id, client_id, kind, content, created_at, tick, body_hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'text', ?7, ?8, ?9, ?10)",
    )?;
    for (message, hash) in &locked.touched.new_messages {
        insert.execute(params![
            message.conversation_id.0,
            message.seq,
            message.id.0,
            message.version,
            message.sender_id.as_str(),
            stored_client_id(message),
            stored_content(message),
            message.created_at.0,
            locked.tick,
            hash,
        ])?;
    }
    Ok(())
}

fn save_reactions(tx: &Connection, locked: &mut Locked) -> Result<(), StoreError> {
    for ((message_id, user_id, emoji), (at, on)) in last_decisions(locked) {
        if on {
            tx.prepare_cached(
                "INSERT INTO reactions (message_id, user_id, emoji, created_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute(params![message_id.0, user_id.as_str(), emoji, at.0])?;
        } else {
            tx.prepare_cached(
                "DELETE FROM reactions WHERE message_id = ?1 AND user_id = ?2 AND emoji = ?3",
            )?
            .execute(params![message_id.0, user_id.as_str(), emoji])?;
        }
    }
    let changed: Vec<MessageId> = locked.touched.messages.iter().copied().collect();
    for id in changed {
        let message = &locked.messages[&id];
        if message.deleted_at.is_some() {
            tx.prepare_cached("DELETE FROM reactions WHERE message_id = ?1")?
                .execute([id.0])?;
        }
        if !message.reactions.iter().any(is_short) {
            continue;
        }
        let mut filled = parlor_protocol::Message::clone(message);
        for reaction in filled.reactions.iter_mut().filter(|one| is_short(one)) {
            let mut select = tx.prepare_cached(
                "SELECT user_id FROM reactions WHERE message_id = ?1 AND emoji = ?2 ORDER BY created_at, user_id LIMIT ?3",
            )?;
            let named = select.query_map(
                params![id.0, reaction.emoji, REACTION_USERS_MAX as i64],
                |row| row.get::<_, String>(0),
            )?;
            reaction.user_ids = named
                .map(|id| user_id(&id?))
                .collect::<Result<_, StoreError>>()?;
        }
        locked.messages.insert(id, filled.into());
    }
    Ok(())
}

fn update_messages(tx: &Connection, locked: &Locked) -> Result<(), StoreError> {
    for id in &locked.touched.messages {
        let message = &locked.messages[id];
        if is_lost(message) {
            continue;
        }
        tx.prepare_cached(
            "UPDATE messages SET content = ?2, edited_at = ?3, deleted_at = ?4, version = ?5, reactions = ?6, revised_tick = ?7
             WHERE id = ?1",
        )?
        .execute(params![
            id.0,
            message.content,
            message.edited_at.map(|at| at.0),
            message.deleted_at.map(|at| at.0),
            message.version,
            stored_reactions(message),
            locked.tick,
        ])?;
    }
    Ok(())
}

fn count_messages(tx: &Connection, locked: &Locked) -> Result<(), StoreError> {
    let counted = Counted::by(locked);
    for (id, block, sender) in counted.deleted {
        tx.prepare_cached(&UNCOUNT.quick)?
            .execute(params![id.0, block, sender.as_str()])?;
    }
    for (id, block) in counted.full {
        tx.prepare_cached(&COUNT.quick)?
            .execute(params![id.0, block])?;
    }
    Ok(())
}

fn update_conversations(tx: &Connection, locked: &Locked) -> Result<(), StoreError> {
    for (id, times) in updated_conversations(locked) {
        let state = &locked.conversations[id];
        tx.prepare_cached(
            "UPDATE conversations SET last_seq = ?2, version = ?3, member_count = ?4, tick = ?5,
                updated_at = MAX(updated_at, ?6), active_at = MAX(active_at, ?7) WHERE id = ?1",
        )?
        .execute(params![
            id.0,
            state.last_seq,
            state.version,
            state.member_count,
            locked.tick,
            times.updated_at.map_or(0, |at| at.0),
            times.active_at.map_or(0, |at| at.0),
        ])?;
    }
    Ok(())
}

fn update_settings(tx: &Connection, locked: &Locked) -> Result<(), StoreError> {
    for id in &locked.touched.settings {
        let settings = &locked.settings[id];
        tx.prepare_cached(
            "UPDATE conversations SET title = ?2, label = ?3, metadata = ?4, search_lower = ?5 WHERE id = ?1",
        )?
        .execute(params![
            id.0,
            settings.title,
            settings.label,
            settings.metadata,
            search_lower(settings.title.as_deref(), settings.label.as_deref()),
        ])?;
    }
    Ok(())
}

fn update_links(tx: &Connection, locked: &Locked) -> Result<(), StoreError> {
    for id in &locked.touched.links {
        tx.prepare_cached("UPDATE links SET uses = ?2 WHERE id = ?1")?
            .execute(params![id.0, locked.links[id].uses])?;
    }
    Ok(())
}

fn update_users(tx: &Connection, locked: &Locked) -> Result<(), StoreError> {
    for id in &locked.touched.users {
        tx.prepare_cached("UPDATE users SET version = ?2 WHERE id = ?1")?
            .execute(params![id.as_str(), locked.users[id].1])?;
    }
    Ok(())
}
