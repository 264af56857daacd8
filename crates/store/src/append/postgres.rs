//! Appending on PostgreSQL: one statement a kind, whatever the size of the batch.

use std::collections::BTreeSet;

use parlor_core::append::{Change, Item, Locked, LockedMember, MemberKey};
use parlor_protocol::{ConversationId, MessageId, UserId, UserSummary, limits::REACTION_USERS_MAX};
use sqlx::{
    PgConnection as Connection, Postgres as Db, QueryBuilder, Row as _, query_builder::Separated,
};
use uuid::Uuid;

use super::shared::{
    ConversationRow, LockedMemberRow, add_earlier, is_lost, is_short, last_decisions, named_users,
    stored_client_id, stored_content, stored_reactions, updated_conversations,
};
use crate::{
    StoreError,
    conversations::search_lower,
    engine::Dialect,
    rows::{MessageRow, kind_text, message_columns, role_text, user_id},
};

/// Rows in one statement: at most a dozen values each stay below SQLite's 32,766.
const ROWS_MAX: usize = 2000;

/// Locks the batch's conversations and loads what decides.
pub(crate) async fn load(tx: &mut Connection, batch: &[Item]) -> Result<Locked, StoreError> {
    let mut locked = Locked::default();
    load_directs(tx, batch, &mut locked).await?;
    locked.tick = lock_conversations(tx, batch, &mut locked).await?;
    load_members(tx, batch, &mut locked).await?;
    load_users(tx, batch, &mut locked).await?;
    load_earlier(tx, batch, &mut locked).await?;
    load_messages(tx, batch, &mut locked).await?;
    Ok(locked)
}

async fn load_directs(
    tx: &mut Connection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<(), StoreError> {
    let keys = batch.iter().filter_map(|item| match &item.change {
        Change::Create(new) => new.direct_key.as_deref(),
        _ => None,
    });
    let keys: BTreeSet<&str> = keys.collect();
    for keys in keys.into_iter().collect::<Vec<_>>().chunks(ROWS_MAX) {
        let mut query = QueryBuilder::<Db>::new(
            "SELECT direct_key, id FROM conversations WHERE direct_key IN (",
        );
        let mut list = query.separated(", ");
        for key in keys {
            list.push_bind(*key);
        }
        query.push(")");
        for row in query.build().persistent(false).fetch_all(&mut *tx).await? {
            let id = ConversationId(row.try_get("id")?);
            locked.directs.insert(row.try_get("direct_key")?, id);
        }
    }
    Ok(())
}

/// Ids in order, each once.
async fn lock_conversations(
    tx: &mut Connection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<i64, StoreError> {
    let named = batch.iter().filter_map(|item| match item.change {
        Change::Create(_) => None,
        _ => Some(item.conversation_id.0),
    });
    let ids: BTreeSet<Uuid> = named
        .chain(locked.directs.values().map(|id| id.0))
        .collect();
    let mut tick = None;
    for ids in ids.into_iter().collect::<Vec<_>>().chunks(ROWS_MAX) {
        let mut query =
            QueryBuilder::<Db>::new("SELECT id, kind, last_seq, version, member_count, ");
        query.push(<Db as Dialect>::TICK);
        query.push(" AS tick FROM conversations WHERE id IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        query
            .push(") ORDER BY id")
            .push(<Db as Dialect>::FOR_UPDATE);
        let rows: Vec<ConversationRow> = query.build_query_as().fetch_all(&mut *tx).await?;
        for row in rows {
            tick = Some(row.tick);
            let (id, conversation) = row.into_conversation()?;
            locked.conversations.insert(id, conversation);
        }
    }
    for item in batch {
        // Only where somebody may leave does it matter who would be left.
        if matches!(item.change, Change::RemoveMember { .. })
            && let Some(conversation) = locked.conversations.get_mut(&item.conversation_id)
        {
            conversation.owner_count = sqlx::query_scalar(
                "SELECT COUNT(*) FROM members WHERE conversation_id = $1 AND role = 'owner' AND left_at IS NULL",
            )
            .bind(item.conversation_id.0)
            .fetch_one(&mut *tx)
            .await?;
        }
    }
    if let Some(tick) = tick {
        return Ok(tick);
    }
    let mut query = QueryBuilder::<Db>::new("SELECT ");
    query.push(<Db as Dialect>::TICK);
    Ok(query.build_query_scalar().fetch_one(&mut *tx).await?)
}

/// The actors' memberships and those of the people whom a change names.
async fn load_members(
    tx: &mut Connection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<(), StoreError> {
    let mut pairs: Vec<(Uuid, &str)> = Vec::with_capacity(batch.len());
    for item in batch {
        let id = match &item.change {
            Change::Create(new) => {
                let known = new
                    .direct_key
                    .as_ref()
                    .and_then(|key| locked.directs.get(key));
                match known {
                    Some(id) => id.0,
                    None => continue,
                }
            }
            _ => item.conversation_id.0,
        };
        pairs.push((id, item.actor.as_str()));
        let targets = item.change.targets().iter();
        pairs.extend(targets.map(|user_id| (id, user_id.as_str())));
    }
    pairs.sort_unstable();
    pairs.dedup();
    for pairs in pairs.chunks(ROWS_MAX) {
        // The batch's pairs lead: CROSS JOIN keeps SQLite from scanning all members instead.
        let mut query = QueryBuilder::<Db>::new(
            "SELECT m.conversation_id, m.user_id, m.role, m.joined_at, m.read_seq, m.delivered_seq, m.left_at, m.cleared_seq, m.cleared_tick,
                    m.hidden, m.muted_until, m.pinned, m.archived, m.version, u.handle, u.name, u.avatar_url FROM (VALUES ",
        );
        push_tuples(&mut query, pairs, |row, (conversation, user)| {
            row.push_bind(*conversation).push_bind(*user);
        });
        query.push(
            ") AS v CROSS JOIN members m CROSS JOIN users u
             WHERE m.conversation_id = v.column1 AND m.user_id = v.column2 AND u.id = m.user_id",
        );
        let rows: Vec<LockedMemberRow> = query.build_query_as().fetch_all(&mut *tx).await?;
        for row in rows {
            let (key, member) = row.into_member()?;
            locked.members.insert(key, member);
        }
    }
    Ok(())
}

/// People whose own stream may be touched, or who may become members.
async fn load_users(
    tx: &mut Connection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<(), StoreError> {
    let ids = named_users(batch);
    for ids in ids.into_iter().collect::<Vec<_>>().chunks(ROWS_MAX) {
        let mut query = QueryBuilder::<Db>::new(
            "SELECT id, handle, name, avatar_url, version FROM users WHERE id IN (",
        );
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        query
            .push(") ORDER BY id")
            .push(<Db as Dialect>::FOR_NO_KEY_UPDATE);
        for row in query.build().persistent(false).fetch_all(&mut *tx).await? {
            let id = user_id(row.try_get("id")?)?;
            let summary = UserSummary {
                id: id.clone(),
                handle: row.try_get("handle")?,
                name: row.try_get("name")?,
                avatar_url: row.try_get("avatar_url")?,
            };
            locked.users.insert(id, (summary, row.try_get("version")?));
        }
    }
    Ok(())
}

/// Messages stored before under a `clientId` of this batch.
async fn load_earlier(
    tx: &mut Connection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<(), StoreError> {
    let named = batch.iter().filter_map(|item| match &item.change {
        Change::Send {
            client_id: Some(client_id),
            ..
        } => Some((
            item.conversation_id.0,
            item.actor.as_str(),
            client_id.as_str(),
        )),
        _ => None,
    });
    for named in named.collect::<Vec<_>>().chunks(ROWS_MAX) {
        let mut query = QueryBuilder::<Db>::new(concat!(
            "SELECT ",
            message_columns!(),
            ", m.body_hash FROM (VALUES "
        ));
        push_tuples(&mut query, named, |row, (conversation, sender, client)| {
            row.push_bind(*conversation)
                .push_bind(*sender)
                .push_bind(*client);
        });
        query.push(
            ") AS v CROSS JOIN messages m CROSS JOIN users u
             WHERE m.conversation_id = v.column1 AND m.sender_id = v.column2 AND m.client_id = v.column3
               AND m.client_id IS NOT NULL AND u.id = m.sender_id",
        );
        for row in query.build().fetch_all(&mut *tx).await? {
            let hash = row.try_get("body_hash")?;
            let message = <MessageRow as sqlx::FromRow<'_, _>>::from_row(&row)?.into_message()?;
            add_earlier(locked, message, hash);
        }
    }
    Ok(())
}

/// Messages that are to be changed, and which of the batch's emoji are on them.
async fn load_messages(
    tx: &mut Connection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<(), StoreError> {
    let named = batch.iter().filter_map(|item| item.change.message_id());
    let ids: BTreeSet<MessageId> = named.collect();
    if ids.is_empty() {
        return Ok(());
    }
    for ids in ids.into_iter().collect::<Vec<_>>().chunks(ROWS_MAX) {
        let mut query = QueryBuilder::<Db>::new(concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m JOIN users u ON u.id = m.sender_id WHERE m.id IN ("
        ));
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(id.0);
        }
        query.push(")");
        let rows: Vec<MessageRow> = query.build_query_as().fetch_all(&mut *tx).await?;
        for row in rows {
            let message = row.into_message()?;
            // One that belongs elsewhere was not locked: the plan answers as if it did not exist.
            locked.messages.insert(message.id, message.into());
        }
    }
    let reacting = batch.iter().filter_map(|item| match &item.change {
        Change::React {
            message_id, emoji, ..
        } => Some((message_id.0, item.actor.as_str(), emoji.as_str())),
        _ => None,
    });
    for named in reacting.collect::<Vec<_>>().chunks(ROWS_MAX) {
        let mut query =
            QueryBuilder::<Db>::new("SELECT r.message_id, r.user_id, r.emoji FROM (VALUES ");
        push_tuples(&mut query, named, |row, (message, user, emoji)| {
            row.push_bind(*message).push_bind(*user).push_bind(*emoji);
        });
        query.push(
            ") AS v CROSS JOIN reactions r
             WHERE r.message_id = v.column1 AND r.user_id = v.column2 AND r.emoji = v.column3",
        );
        for row in query.build().fetch_all(&mut *tx).await? {
            let message_id = MessageId(row.try_get("message_id")?);
            let user_id = user_id(row.try_get("user_id")?)?;
            let emoji = row.try_get("emoji")?;
            locked.reactions.insert((message_id, user_id, emoji));
        }
    }
    Ok(())
}

/// Writes what the plan has changed.
pub(crate) async fn write(tx: &mut Connection, locked: &mut Locked) -> Result<(), StoreError> {
    if locked.touched.is_empty() {
        return Ok(());
    }
    create_conversations(tx, locked).await?;
    write_members(tx, locked).await?;
    insert_messages(tx, locked).await?;
    write_reactions(tx, locked).await?;
    update_messages(tx, locked).await?;
    update_conversations(tx, locked).await?;
    update_users(tx, locked).await?;
    Ok(())
}

async fn create_conversations(tx: &mut Connection, locked: &Locked) -> Result<(), StoreError> {
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
        .bind(search_lower(new))
        .bind(&new.metadata)
        .bind(now.0)
        .bind(new.members.len() as i64)
        .bind(locked.tick)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

async fn write_members(tx: &mut Connection, locked: &Locked) -> Result<(), StoreError> {
    let joined: Vec<&MemberKey> = locked.touched.joined.iter().collect();
    for keys in joined.chunks(ROWS_MAX) {
        let mut insert = QueryBuilder::<Db>::new(
            "INSERT INTO members (conversation_id, user_id, role, joined_at, read_seq, delivered_seq, left_at, cleared_seq,
                                  cleared_tick, hidden, version, tick, pinned, archived) ",
        );
        insert.push_values(keys, |mut row, key| {
            let member = &locked.members[*key];
            row.push_bind(key.0.0).push_bind(key.1.as_str());
            push_member(&mut row, member, locked.tick);
            row.push("FALSE").push("FALSE");
        });
        insert.build().persistent(false).execute(&mut *tx).await?;
    }
    let changed: Vec<&MemberKey> = locked
        .touched
        .members
        .difference(&locked.touched.joined)
        .collect();
    for keys in changed.chunks(ROWS_MAX) {
        let mut update = QueryBuilder::<Db>::new(
            "UPDATE members SET role = v.column3, joined_at = v.column4, read_seq = v.column5, delivered_seq = v.column6,
                left_at = v.column7, cleared_seq = v.column8, cleared_tick = v.column9, hidden = v.column10,
                version = v.column11, tick = v.column12
             FROM (VALUES ",
        );
        push_tuples(&mut update, keys, |row, key| {
            row.push_bind(key.0.0).push_bind(key.1.as_str());
            push_member(row, &locked.members[*key], locked.tick);
        });
        update.push(
            ") AS v WHERE members.conversation_id = v.column1 AND members.user_id = v.column2",
        );
        update.build().execute(&mut *tx).await?;
    }
    Ok(())
}

fn push_member(row: &mut Separated<'_, Db, &'static str>, member: &LockedMember, tick: i64) {
    row.push_bind(role_text(member.role))
        .push_bind(member.joined_at.0)
        .push_bind(member.cursors.read_seq)
        .push_bind(member.cursors.delivered_seq)
        .push_bind(member.left_at.map(|left_at| left_at.0))
        .push_bind(member.cleared_seq)
        .push_bind(member.cleared_tick)
        .push_bind(member.hidden)
        .push_bind(member.version)
        .push_bind(tick);
}

async fn insert_messages(tx: &mut Connection, locked: &Locked) -> Result<(), StoreError> {
    for messages in locked.touched.new_messages.chunks(ROWS_MAX) {
        let mut insert = QueryBuilder::<Db>::new(
            "INSERT INTO messages (conversation_id, seq, id, version, sender_id, client_id, kind, content, created_at, tick, body_hash) ",
        );
        insert.push_values(messages, |mut row, (message, hash)| {
            row.push_bind(message.conversation_id.0)
                .push_bind(message.seq)
                .push_bind(message.id.0)
                .push_bind(message.version)
                .push_bind(message.sender_id.as_str())
                .push_bind(stored_client_id(message));
            row.push("'text'")
                .push_bind(stored_content(message))
                .push_bind(message.created_at.0)
                .push_bind(locked.tick)
                .push_bind(*hash);
        });
        insert.build().execute(&mut *tx).await?;
    }
    Ok(())
}

async fn write_reactions(tx: &mut Connection, locked: &mut Locked) -> Result<(), StoreError> {
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
        let mut filled = parlor_protocol::Message::clone(message);
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

async fn update_messages(tx: &mut Connection, locked: &Locked) -> Result<(), StoreError> {
    for id in &locked.touched.messages {
        let message = &locked.messages[id];
        if is_lost(message) {
            continue;
        }
        sqlx::query(
            "UPDATE messages SET content = $2, edited_at = $3, deleted_at = $4, version = $5, reactions = $6, revised_tick = $7
             WHERE id = $1",
        )
        .bind(id.0)
        .bind(&message.content)
        .bind(message.edited_at.map(|at| at.0))
        .bind(message.deleted_at.map(|at| at.0))
        .bind(message.version)
        .bind(stored_reactions(message))
        .bind(locked.tick)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

async fn update_conversations(tx: &mut Connection, locked: &Locked) -> Result<(), StoreError> {
    let touched = updated_conversations(locked);
    for touched in touched.chunks(ROWS_MAX) {
        let mut update = QueryBuilder::<Db>::new(
            "UPDATE conversations SET last_seq = v.column2, version = v.column3, member_count = v.column4, tick = v.column5,
                updated_at = CASE WHEN v.column6 > updated_at THEN v.column6 ELSE updated_at END,
                active_at = CASE WHEN v.column7 > active_at THEN v.column7 ELSE active_at END FROM (VALUES ",
        );
        push_tuples(&mut update, touched, |row, (id, times)| {
            let state = &locked.conversations[*id];
            row.push_bind(id.0)
                .push_bind(state.last_seq)
                .push_bind(state.version)
                .push_bind(state.member_count)
                .push_bind(locked.tick)
                .push_bind(times.updated_at.map_or(0, |at| at.0))
                .push_bind(times.active_at.map_or(0, |at| at.0));
        });
        update.push(") AS v WHERE conversations.id = v.column1");
        update.build().execute(&mut *tx).await?;
    }
    Ok(())
}

async fn update_users(tx: &mut Connection, locked: &Locked) -> Result<(), StoreError> {
    let users: Vec<&UserId> = locked.touched.users.iter().collect();
    for users in users.chunks(ROWS_MAX) {
        let mut update =
            QueryBuilder::<Db>::new("UPDATE users SET version = v.column2 FROM (VALUES ");
        push_tuples(&mut update, users, |row, id| {
            row.push_bind(id.as_str()).push_bind(locked.users[*id].1);
        });
        update.push(") AS v WHERE users.id = v.column1");
        update.build().persistent(false).execute(&mut *tx).await?;
    }
    Ok(())
}

/// `(a, b), (c, d)`: the rows of a VALUES list.
fn push_tuples<I>(
    query: &mut QueryBuilder<Db>,
    items: I,
    mut push: impl FnMut(&mut Separated<'_, Db, &'static str>, I::Item),
) where
    I: IntoIterator,
{
    for (at, item) in items.into_iter().enumerate() {
        query.push(if at == 0 { "(" } else { ", (" });
        let mut row = query.separated(", ");
        push(&mut row, item);
        query.push(")");
    }
}
