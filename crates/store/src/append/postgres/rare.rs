//! Writing what few batches have: new conversations and members, edits, reactions, users' own streams.

use parlor_core::append::{Change, Item, Locked};
use parlor_protocol::{Message, UserId, limits::REACTION_USERS_MAX};
use sqlx::{PgConnection, postgres::PgBindIterExt as _};

use super::{
    super::shared::{
        LockedLinkRow, SettingsRow, is_lost, is_short, last_decisions, stored_reactions,
    },
    save::bind_members,
};
use crate::{
    StoreError,
    conversations::search_lower,
    counts::{COUNT, Counted, UNCOUNT},
    rows::{kind_text, user_id},
};

pub(super) async fn create_conversations(
    tx: &mut PgConnection,
    locked: &Locked,
) -> Result<(), StoreError> {
    for (id, new, now) in &locked.touched.created {
        // Another node that made the same direct conversation meanwhile wins: the batch is tried again.
        sqlx::query(
            "INSERT INTO conversations (id, kind, direct_key, title, label, search_lower, metadata, created_at, updated_at,
                                        active_at, last_seq, version, member_count, tick)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8, 0, 1, $9, $10)",
        )
        .bind(id.0)
        .bind(kind_text(new.kind))
        .bind(&new.direct_key)
        .bind(&new.title)
        .bind(&new.label)
        .bind(search_lower(new.title.as_deref(), new.label.as_deref()))
        .bind(&new.metadata)
        .bind(now.0)
        .bind(new.members.len() as i64)
        .bind(locked.tick)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

pub(super) async fn add_members(tx: &mut PgConnection, locked: &Locked) -> Result<(), StoreError> {
    if locked.touched.joined.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(
        "INSERT INTO members (tick, conversation_id, user_id, role, joined_at, read_seq, delivered_seq, left_at,
                              cleared_seq, cleared_tick, hidden, version, muted_until, pinned, archived)
         SELECT $1, v.* FROM UNNEST($2::UUID[], $3::TEXT[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[], $8::BIGINT[],
                                    $9::BIGINT[], $10::BIGINT[], $11::BOOLEAN[], $12::BIGINT[], $13::BIGINT[], $14::BOOLEAN[],
                                    $15::BOOLEAN[]) AS v",
    )
    .bind(locked.tick);
    bind_members(query, locked, &locked.touched.joined)
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn write_reactions(
    tx: &mut PgConnection,
    locked: &mut Locked,
) -> Result<(), StoreError> {
    for ((message_id, user_id, emoji), (at, on)) in last_decisions(locked) {
        if on {
            sqlx::query(
                "INSERT INTO reactions (message_id, user_id, emoji, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            )
            .bind(message_id.0)
            .bind(user_id.as_str())
            .bind(emoji)
            .bind(at.0)
            .execute(&mut *tx)
            .await?;
        } else {
            sqlx::query(
                "DELETE FROM reactions WHERE message_id = $1 AND user_id = $2 AND emoji = $3",
            )
            .bind(message_id.0)
            .bind(user_id.as_str())
            .bind(emoji)
            .execute(&mut *tx)
            .await?;
        }
    }
    // Where one of the people named went, somebody who was only counted takes their place.
    for id in &locked.touched.messages {
        let message = &locked.messages[id];
        if message.deleted_at.is_some() {
            sqlx::query("DELETE FROM reactions WHERE message_id = $1")
                .bind(id.0)
                .execute(&mut *tx)
                .await?;
        }
        if !message.reactions.iter().any(is_short) {
            continue;
        }
        let mut filled = Message::clone(message);
        for reaction in filled
            .reactions
            .iter_mut()
            .filter(|reaction| is_short(reaction))
        {
            let named: Vec<String> = sqlx::query_scalar(
                "SELECT user_id FROM reactions WHERE message_id = $1 AND emoji = $2 ORDER BY created_at, user_id LIMIT $3",
            )
            .bind(id.0)
            .bind(&reaction.emoji)
            .bind(REACTION_USERS_MAX as i64)
            .fetch_all(&mut *tx)
            .await?;
            reaction.user_ids = named
                .iter()
                .map(|id| user_id(id))
                .collect::<Result<_, StoreError>>()?;
        }
        locked.messages.insert(*id, filled.into());
    }
    Ok(())
}

pub(super) async fn update_messages(
    tx: &mut PgConnection,
    locked: &Locked,
) -> Result<(), StoreError> {
    let changed = locked
        .touched
        .messages
        .iter()
        .map(|id| &locked.messages[id]);
    let changed: Vec<&Message> = changed
        .map(|message| &**message)
        .filter(|message| !is_lost(message))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let messages = || changed.iter();
    sqlx::query(
        "UPDATE messages m
         SET content = v.content, edited_at = v.edited_at, deleted_at = v.deleted_at, version = v.version, reactions = v.reactions,
             revised_tick = $1
         FROM UNNEST($2::UUID[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[], $7::TEXT[])
             AS v (id, content, edited_at, deleted_at, version, reactions)
         WHERE m.id = v.id",
    )
    .bind(locked.tick)
    .bind(messages().map(|it| it.id.0).bind_iter())
    .bind(messages().map(|it| it.content.as_str()).bind_iter())
    .bind(messages().map(|it| it.edited_at.map(|at| at.0)).bind_iter())
    .bind(messages().map(|it| it.deleted_at.map(|at| at.0)).bind_iter())
    .bind(messages().map(|it| it.version).bind_iter())
    .bind(messages().map(|it| stored_reactions(it)).bind_iter())
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn count_messages(
    tx: &mut PgConnection,
    locked: &Locked,
) -> Result<(), StoreError> {
    let counted = Counted::by(locked);
    for (id, block, sender) in counted.deleted {
        sqlx::query(&*UNCOUNT.pooled)
            .bind(id.0)
            .bind(block)
            .bind(sender.as_str())
            .execute(&mut *tx)
            .await?;
    }
    for (id, block) in counted.full {
        sqlx::query(&*COUNT.pooled)
            .bind(id.0)
            .bind(block)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Settings that the batch's changes concern.
pub(super) async fn load_settings(
    tx: &mut PgConnection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<(), StoreError> {
    for item in batch {
        if !matches!(item.change, Change::Settings(_)) {
            continue;
        }
        let id = item.conversation_id;
        let row: Option<SettingsRow> = sqlx::query_as(
            "SELECT title, label, metadata, avatar_url FROM conversations WHERE id = $1",
        )
        .bind(id.0)
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(row) = row {
            locked.settings.insert(id, row.into_settings());
        }
    }
    Ok(())
}

pub(super) async fn update_settings(
    tx: &mut PgConnection,
    locked: &Locked,
) -> Result<(), StoreError> {
    for id in &locked.touched.settings {
        let settings = &locked.settings[id];
        sqlx::query(
            "UPDATE conversations SET title = $2, label = $3, metadata = $4, search_lower = $5 WHERE id = $1",
        )
        .bind(id.0)
        .bind(&settings.title)
        .bind(&settings.label)
        .bind(&settings.metadata)
        .bind(search_lower(settings.title.as_deref(), settings.label.as_deref()))
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Links by which somebody wants to join. Their conversations are locked, and all joins go by them.
pub(super) async fn load_links(
    tx: &mut PgConnection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<(), StoreError> {
    for item in batch {
        let Change::Join { link_id } = item.change else {
            continue;
        };
        let row: Option<LockedLinkRow> = sqlx::query_as(
            "SELECT conversation_id, expires_at, max_uses, uses, (revoked_at IS NOT NULL) AS is_revoked
             FROM links WHERE id = $1",
        )
        .bind(link_id.0)
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(row) = row {
            locked.links.insert(link_id, row.into_link());
        }
    }
    Ok(())
}

pub(super) async fn update_links(tx: &mut PgConnection, locked: &Locked) -> Result<(), StoreError> {
    for id in &locked.touched.links {
        sqlx::query("UPDATE links SET uses = $2 WHERE id = $1")
            .bind(id.0)
            .bind(locked.links[id].uses)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

pub(super) async fn update_users(tx: &mut PgConnection, locked: &Locked) -> Result<(), StoreError> {
    let users = &locked.touched.users;
    if users.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE users u SET version = v.version FROM UNNEST($1::TEXT[], $2::BIGINT[]) AS v (id, version) WHERE u.id = v.id",
    )
    .bind(users.iter().map(UserId::as_str).bind_iter())
    .bind(users.iter().map(|id| locked.users[id].1).bind_iter())
    .execute(tx)
    .await?;
    Ok(())
}
