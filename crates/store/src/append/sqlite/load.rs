//! Loading what decides a batch.

use parlor_core::append::{Change, Item, Locked};
use parlor_protocol::{ConversationId, LinkId, MessageId, UserId, UserSummary};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::shared::{
    ConversationRow, LockedLinkRow, LockedMemberRow, SettingsRow, add_earlier, named_users,
};
use crate::{
    StoreError,
    rows::{MessageRow, message_columns, user_id},
};

/// How many columns [`message_columns`] names.
const MESSAGE_COLUMNS: usize = 15;

/// Loads what decides; the transaction has locked everything already.
pub(super) fn load(tx: &Connection, batch: &[Item]) -> Result<Locked, StoreError> {
    let mut locked = Locked {
        tick: tx
            .prepare_cached("SELECT tick + 1 FROM ticks")?
            .query_row((), |row| row.get(0))?,
        ..Locked::default()
    };
    for item in batch {
        let id = match &item.change {
            Change::Create(new) => {
                let Some(key) = &new.direct_key else { continue };
                let Some(id) = direct(tx, key)? else { continue };
                locked.directs.insert(key.clone(), id);
                id
            }
            _ => item.conversation_id,
        };
        load_conversation(tx, id, &mut locked)?;
        load_member(tx, id, &item.actor, &mut locked)?;
        for user_id in item.change.targets() {
            load_member(tx, id, user_id, &mut locked)?;
        }
        load_messages(tx, item, &mut locked)?;
        if let Change::Settings(_) = &item.change {
            load_settings(tx, id, &mut locked)?;
        }
        if let Change::Join { link_id } = &item.change {
            load_link(tx, *link_id, &mut locked)?;
        }
        if item.change.counts_owners()
            && let Some(conversation) = locked.conversations.get_mut(&id)
        {
            conversation.owner_count = tx
                .prepare_cached("SELECT COUNT(*) FROM members WHERE conversation_id = ?1 AND role = 'owner' AND left_at IS NULL")?
                .query_row([id.0], |row| row.get(0))?;
        }
    }
    load_users(tx, batch, &mut locked)?;
    Ok(locked)
}

fn direct(tx: &Connection, key: &str) -> Result<Option<ConversationId>, StoreError> {
    let id = tx
        .prepare_cached("SELECT id FROM conversations WHERE direct_key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    Ok(id.map(ConversationId))
}

fn load_conversation(
    tx: &Connection,
    id: ConversationId,
    locked: &mut Locked,
) -> Result<(), StoreError> {
    if locked.conversations.contains_key(&id) {
        return Ok(());
    }
    let row = tx
        .prepare_cached(
            "SELECT id, kind, last_seq, version, member_count FROM conversations WHERE id = ?1",
        )?
        .query_row([id.0], ConversationRow::from_sqlite)
        .optional()?;
    if let Some(row) = row {
        let (id, conversation) = row.into_conversation()?;
        locked.conversations.insert(id, conversation);
    }
    Ok(())
}

fn load_settings(
    tx: &Connection,
    id: ConversationId,
    locked: &mut Locked,
) -> Result<(), StoreError> {
    let settings = tx
        .prepare_cached(
            "SELECT title, label, metadata, avatar_url FROM conversations WHERE id = ?1",
        )?
        .query_row([id.0], SettingsRow::from_sqlite)
        .optional()?;
    if let Some(settings) = settings {
        locked.settings.insert(id, settings.into_settings());
    }
    Ok(())
}

fn load_link(tx: &Connection, id: LinkId, locked: &mut Locked) -> Result<(), StoreError> {
    if locked.links.contains_key(&id) {
        return Ok(());
    }
    let link = tx
        .prepare_cached(
            "SELECT conversation_id, expires_at, max_uses, uses, revoked_at IS NOT NULL FROM links WHERE id = ?1",
        )?
        .query_row([id.0], LockedLinkRow::from_sqlite)
        .optional()?;
    if let Some(link) = link {
        locked.links.insert(id, link.into_link());
    }
    Ok(())
}

fn load_member(
    tx: &Connection,
    id: ConversationId,
    user_id: &UserId,
    locked: &mut Locked,
) -> Result<(), StoreError> {
    if locked.members.contains_key(&(id, user_id.clone())) {
        return Ok(());
    }
    let row = tx
        .prepare_cached(
            "SELECT m.conversation_id, m.user_id, m.role, m.joined_at, m.read_seq, m.delivered_seq, m.left_at, m.cleared_seq, m.cleared_tick,
                    m.hidden, m.muted_until, m.pinned, m.archived, m.version, u.handle, u.name, u.avatar_url
             FROM members m JOIN users u ON u.id = m.user_id WHERE m.conversation_id = ?1 AND m.user_id = ?2",
        )?
        .query_row(params![id.0, user_id.as_str()], LockedMemberRow::from_sqlite)
        .optional()?;
    if let Some(row) = row {
        let (key, member) = row.into_member()?;
        locked.members.insert(key, member);
    }
    Ok(())
}

/// What an item names: a message stored before under its `clientId`, one to change, an emoji.
fn load_messages(tx: &Connection, item: &Item, locked: &mut Locked) -> Result<(), StoreError> {
    match &item.change {
        Change::Send {
            client_id: Some(client_id),
            ..
        } => load_earlier(tx, item, client_id, locked),
        Change::React {
            message_id, emoji, ..
        } => {
            load_message(tx, *message_id, locked)?;
            let is_there = tx
                .prepare_cached(
                    "SELECT 1 FROM reactions WHERE message_id = ?1 AND user_id = ?2 AND emoji = ?3",
                )?
                .exists(params![message_id.0, item.actor.as_str(), emoji])?;
            if is_there {
                let key = (*message_id, item.actor.clone(), emoji.clone());
                locked.reactions.insert(key);
            }
            Ok(())
        }
        change => match change.message_id() {
            Some(id) => load_message(tx, id, locked),
            None => Ok(()),
        },
    }
}

fn load_earlier(
    tx: &Connection,
    item: &Item,
    client_id: &str,
    locked: &mut Locked,
) -> Result<(), StoreError> {
    let found = tx
        .prepare_cached(concat!(
            "SELECT ",
            message_columns!(),
            ", m.body_hash FROM messages m JOIN users u ON u.id = m.sender_id
             WHERE m.conversation_id = ?1 AND m.sender_id = ?2 AND m.client_id = ?3 AND m.client_id IS NOT NULL"
        ))?
        .query_row(
            params![item.conversation_id.0, item.actor.as_str(), client_id],
            |row| Ok((MessageRow::from_sqlite(row)?, row.get(MESSAGE_COLUMNS)?)),
        )
        .optional()?;
    if let Some((row, hash)) = found {
        add_earlier(locked, row.into_message()?, hash);
    }
    Ok(())
}

/// One that belongs elsewhere is loaded too: the plan answers as if it did not exist.
fn load_message(tx: &Connection, id: MessageId, locked: &mut Locked) -> Result<(), StoreError> {
    if locked.messages.contains_key(&id) {
        return Ok(());
    }
    let row = tx
        .prepare_cached(concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m JOIN users u ON u.id = m.sender_id WHERE m.id = ?1"
        ))?
        .query_row([id.0], MessageRow::from_sqlite)
        .optional()?;
    if let Some(row) = row {
        locked.messages.insert(id, row.into_message()?.into());
    }
    Ok(())
}

fn load_users(tx: &Connection, batch: &[Item], locked: &mut Locked) -> Result<(), StoreError> {
    let ids = named_users(batch);
    if ids.is_empty() {
        return Ok(());
    }
    let mut select =
        tx.prepare_cached("SELECT id, handle, name, avatar_url, version FROM users WHERE id = ?1")?;
    for id in ids {
        let found = select
            .query_row([id], |row| {
                let id: String = row.get(0)?;
                Ok((id, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })
            .optional()?;
        if let Some((id, handle, name, avatar_url, version)) = found {
            let id = user_id(&id)?;
            let summary = UserSummary {
                id: id.clone(),
                handle,
                name,
                avatar_url,
            };
            locked.users.insert(id, (summary, version));
        }
    }
    Ok(())
}
