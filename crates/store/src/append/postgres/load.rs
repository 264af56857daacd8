//! Locking a batch's conversations and loading what decides it.

use std::collections::{BTreeSet, hash_map::Entry};

use parlor_core::append::{Change, Item, Locked, LockedConversation};
use parlor_protocol::{ConversationId, MessageId, UserSummary};
use sqlx::{
    FromRow as _, PgConnection, Row as _,
    postgres::{PgBindIterExt as _, PgRow},
};
use uuid::Uuid;

use super::{
    super::shared::{LockedMemberRow, add_earlier, named_users},
    rare,
};
use crate::{
    StoreError,
    rows::{MessageRow, kind, message_columns, user_id},
};

/// The tick of the running transaction.
const TICK: &str = "SELECT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)";

/// Locks conversations in the order of their ids, and reads the memberships of the pairs $1, $2 and
/// whether any message is stored under a `clientId` of $3 to $5: hardly ever.
///
/// A statement sees what was committed when it began, but a locked row is the newest one: between the
/// two another node may have changed the conversation, and then the memberships beside it are old.
/// Whoever changes anything in a conversation updates its row, and an updated row has another place in
/// the table. So the rows are current where the locked one has the place of the one that was seen.
const LOCK: &str = "
    SELECT c.id, c.kind, c.last_seq, c.version AS conversation_version, c.member_count,
           c.ctid = seen.ctid AS is_current,
           CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT) AS tick,
           EXISTS (
               SELECT FROM UNNEST($3::UUID[], $4::TEXT[], $5::TEXT[]) AS sent (conversation_id, sender_id, client_id)
               JOIN messages e ON e.conversation_id = sent.conversation_id AND e.sender_id = sent.sender_id
                   AND e.client_id = sent.client_id AND e.client_id IS NOT NULL
           ) AS has_earlier,
           m.conversation_id, m.user_id, m.role, m.joined_at, m.read_seq, m.delivered_seq, m.left_at, m.cleared_seq,
           m.cleared_tick, m.hidden, m.muted_until, m.pinned, m.archived, m.version, u.handle, u.name, u.avatar_url
    FROM UNNEST($1::UUID[], $2::TEXT[]) AS named (conversation_id, user_id)
    JOIN conversations c ON c.id = named.conversation_id
    JOIN conversations seen ON seen.id = named.conversation_id
    LEFT JOIN members m ON m.conversation_id = named.conversation_id AND m.user_id = named.user_id
    LEFT JOIN users u ON u.id = m.user_id
    ORDER BY c.id
    FOR UPDATE OF c";

/// Locks the batch's conversations and loads what decides.
pub(super) async fn load(tx: &mut PgConnection, batch: &[Item]) -> Result<Locked, StoreError> {
    let mut locked = Locked::default();
    load_directs(tx, batch, &mut locked).await?;
    if lock(tx, batch, &mut locked).await? {
        load_earlier(tx, batch, &mut locked).await?;
    }
    load_owner_counts(tx, batch, &mut locked).await?;
    rare::load_settings(tx, batch, &mut locked).await?;
    rare::load_links(tx, batch, &mut locked).await?;
    load_users(tx, batch, &mut locked).await?;
    load_messages(tx, batch, &mut locked).await?;
    load_reactions(tx, batch, &mut locked).await?;
    Ok(locked)
}

async fn load_directs(
    tx: &mut PgConnection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<(), StoreError> {
    let keys = batch.iter().filter_map(|item| match &item.change {
        Change::Create(new) => new.direct_key.as_deref(),
        _ => None,
    });
    let keys: BTreeSet<&str> = keys.collect();
    if keys.is_empty() {
        return Ok(());
    }
    let rows =
        sqlx::query("SELECT direct_key, id FROM conversations WHERE direct_key = ANY($1::TEXT[])")
            .bind(keys.into_iter().bind_iter())
            .fetch_all(tx)
            .await?;
    for row in rows {
        let id = ConversationId(row.try_get("id")?);
        locked.directs.insert(row.try_get("direct_key")?, id);
    }
    Ok(())
}

/// Locks the conversations with the memberships of the actors and of the people whom a change names;
/// answers whether any message is stored under a `clientId` of this batch.
async fn lock(
    tx: &mut PgConnection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<bool, StoreError> {
    let mut rows = lock_once(tx, batch, locked).await?;
    if !are_current(&rows)? {
        // Now that the locks are held, nothing changes any more.
        rows = lock_once(tx, batch, locked).await?;
    }
    for row in &rows {
        add_row(row, locked)?;
    }
    let Some(first) = rows.first() else {
        locked.tick = sqlx::query_scalar(TICK).fetch_one(tx).await?;
        return Ok(false);
    };
    locked.tick = first.try_get("tick")?;
    Ok(first.try_get("has_earlier")?)
}

async fn lock_once(
    tx: &mut PgConnection,
    batch: &[Item],
    locked: &Locked,
) -> Result<Vec<PgRow>, StoreError> {
    let named = memberships(batch, locked);
    let query = sqlx::query(LOCK)
        .bind(named.iter().map(|(id, _)| *id).bind_iter())
        .bind(named.iter().map(|(_, user_id)| *user_id).bind_iter())
        .bind(sent(batch).map(|(id, ..)| id).bind_iter())
        .bind(sent(batch).map(|(_, sender, _)| sender).bind_iter())
        .bind(sent(batch).map(|(.., client_id)| client_id).bind_iter());
    Ok(query.fetch_all(tx).await?)
}

/// The memberships that decide, each once.
fn memberships<'b>(batch: &'b [Item], locked: &Locked) -> BTreeSet<(Uuid, &'b str)> {
    let mut named = BTreeSet::new();
    for item in batch {
        let id = match &item.change {
            Change::Create(new) => {
                let key = new.direct_key.as_ref();
                match key.and_then(|key| locked.directs.get(key)) {
                    Some(known) => known.0,
                    None => continue,
                }
            }
            _ => item.conversation_id.0,
        };
        named.insert((id, item.actor.as_str()));
        let targets = item.change.targets().iter();
        named.extend(targets.map(|user_id| (id, user_id.as_str())));
    }
    named
}

/// The batch's messages that have a `clientId`: conversation, sender, `clientId`.
fn sent(batch: &[Item]) -> impl Iterator<Item = (Uuid, &str, &str)> {
    batch.iter().filter_map(|item| match &item.change {
        Change::Send {
            client_id: Some(client_id),
            ..
        } => Some((
            item.conversation_id.0,
            item.actor.as_str(),
            client_id.as_str(),
        )),
        _ => None,
    })
}

fn are_current(rows: &[PgRow]) -> Result<bool, sqlx::Error> {
    for row in rows {
        if !row.try_get::<bool, _>("is_current")? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn add_row(row: &PgRow, locked: &mut Locked) -> Result<(), StoreError> {
    let id = ConversationId(row.try_get("id")?);
    // Each conversation comes with every membership that is asked for.
    if let Entry::Vacant(vacant) = locked.conversations.entry(id) {
        vacant.insert(LockedConversation {
            kind: kind(row.try_get("kind")?)?,
            last_seq: row.try_get("last_seq")?,
            version: row.try_get("conversation_version")?,
            member_count: row.try_get("member_count")?,
            owner_count: 0,
        });
    }
    let is_member = row.try_get::<Option<&str>, _>("user_id")?.is_some();
    if is_member {
        let (key, member) = LockedMemberRow::from_row(row)?.into_member()?;
        locked.members.insert(key, member);
    }
    Ok(())
}

/// Only some changes depend on how many owners there are.
async fn load_owner_counts(
    tx: &mut PgConnection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<(), StoreError> {
    for item in batch {
        if item.change.counts_owners()
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
    Ok(())
}

/// People whose own stream may be touched, or who may become members.
async fn load_users(
    tx: &mut PgConnection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<(), StoreError> {
    let ids = named_users(batch);
    if ids.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(
        "SELECT id, handle, name, avatar_url, version FROM users WHERE id = ANY($1::TEXT[])
         ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(ids.into_iter().bind_iter())
    .fetch_all(tx)
    .await?;
    for row in rows {
        let id = user_id(row.try_get("id")?)?;
        let summary = UserSummary {
            id: id.clone(),
            handle: row.try_get("handle")?,
            name: row.try_get("name")?,
            avatar_url: row.try_get("avatar_url")?,
        };
        locked.users.insert(id, (summary, row.try_get("version")?));
    }
    Ok(())
}

/// Messages stored before under a `clientId` of this batch.
async fn load_earlier(
    tx: &mut PgConnection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<(), StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        message_columns!(),
        ", m.body_hash FROM UNNEST($1::UUID[], $2::TEXT[], $3::TEXT[]) AS sent (conversation_id, sender_id, client_id)
         JOIN messages m ON m.conversation_id = sent.conversation_id AND m.sender_id = sent.sender_id
             AND m.client_id = sent.client_id AND m.client_id IS NOT NULL
         JOIN users u ON u.id = m.sender_id"
    ))
    .bind(sent(batch).map(|(id, ..)| id).bind_iter())
    .bind(sent(batch).map(|(_, sender, _)| sender).bind_iter())
    .bind(sent(batch).map(|(.., client_id)| client_id).bind_iter())
    .fetch_all(tx)
    .await?;
    for row in rows {
        let message = MessageRow::from_row(&row)?.into_message()?;
        add_earlier(locked, message, row.try_get("body_hash")?);
    }
    Ok(())
}

/// Messages that are to be changed.
async fn load_messages(
    tx: &mut PgConnection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<(), StoreError> {
    let named = batch.iter().filter_map(|item| item.change.message_id());
    let ids: BTreeSet<Uuid> = named.map(|id| id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let rows: Vec<MessageRow> = sqlx::query_as(concat!(
        "SELECT ",
        message_columns!(),
        " FROM messages m JOIN users u ON u.id = m.sender_id WHERE m.id = ANY($1::UUID[])"
    ))
    .bind(ids.into_iter().bind_iter())
    .fetch_all(tx)
    .await?;
    for row in rows {
        let message = row.into_message()?;
        // One that belongs elsewhere was not locked: the plan answers as if it did not exist.
        locked.messages.insert(message.id, message.into());
    }
    Ok(())
}

/// Which of the batch's emoji are on their messages.
async fn load_reactions(
    tx: &mut PgConnection,
    batch: &[Item],
    locked: &mut Locked,
) -> Result<(), StoreError> {
    let reacting = || {
        batch.iter().filter_map(|item| match &item.change {
            Change::React {
                message_id, emoji, ..
            } => Some((message_id.0, item.actor.as_str(), emoji.as_str())),
            _ => None,
        })
    };
    if reacting().next().is_none() {
        return Ok(());
    }
    let rows = sqlx::query(
        "SELECT r.message_id, r.user_id, r.emoji
         FROM UNNEST($1::UUID[], $2::TEXT[], $3::TEXT[]) AS named (message_id, user_id, emoji)
         JOIN reactions r ON r.message_id = named.message_id AND r.user_id = named.user_id AND r.emoji = named.emoji",
    )
    .bind(reacting().map(|(message_id, ..)| message_id).bind_iter())
    .bind(reacting().map(|(_, user_id, _)| user_id).bind_iter())
    .bind(reacting().map(|(.., emoji)| emoji).bind_iter())
    .fetch_all(tx)
    .await?;
    for row in rows {
        let message_id = MessageId(row.try_get("message_id")?);
        let user_id = user_id(row.try_get("user_id")?)?;
        locked
            .reactions
            .insert((message_id, user_id, row.try_get("emoji")?));
    }
    Ok(())
}
