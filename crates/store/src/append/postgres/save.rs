//! Writing what the plan has changed.

use parlor_core::append::{Locked, MemberKey};
use sqlx::{
    PgConnection, Postgres,
    postgres::{PgArguments, PgBindIterExt as _},
    query::Query,
};

use super::{
    super::shared::{stored_client_id, stored_content, updated_conversations},
    rare,
};
use crate::{StoreError, rows::role_text};

/// What every batch comes to: messages, cursors, and their conversations. Where a batch has none of one
/// kind its arrays are empty, which costs less than a round trip of its own.
const SAVE: &str = "
    WITH sent AS (
        INSERT INTO messages (conversation_id, seq, id, version, sender_id, client_id, kind, content, created_at, tick, body_hash)
        SELECT v.conversation_id, v.seq, v.id, v.version, v.sender_id, v.client_id, 'text', v.content, v.created_at, $1, v.body_hash
        FROM UNNEST($2::UUID[], $3::BIGINT[], $4::UUID[], $5::BIGINT[], $6::TEXT[], $7::TEXT[], $8::TEXT[], $9::BIGINT[], $10::BIGINT[])
            AS v (conversation_id, seq, id, version, sender_id, client_id, content, created_at, body_hash)
    ), moved AS (
        UPDATE members m
        SET role = v.role, joined_at = v.joined_at, read_seq = v.read_seq, delivered_seq = v.delivered_seq, left_at = v.left_at,
            cleared_seq = v.cleared_seq, cleared_tick = v.cleared_tick, hidden = v.hidden, version = v.version, tick = $1,
            muted_until = v.muted_until, pinned = v.pinned, archived = v.archived
        FROM UNNEST($11::UUID[], $12::TEXT[], $13::TEXT[], $14::BIGINT[], $15::BIGINT[], $16::BIGINT[], $17::BIGINT[], $18::BIGINT[],
                    $19::BIGINT[], $20::BOOLEAN[], $21::BIGINT[], $22::BIGINT[], $23::BOOLEAN[], $24::BOOLEAN[])
            AS v (conversation_id, user_id, role, joined_at, read_seq, delivered_seq, left_at, cleared_seq, cleared_tick, hidden, version,
                  muted_until, pinned, archived)
        WHERE m.conversation_id = v.conversation_id AND m.user_id = v.user_id
    )
    UPDATE conversations c
    SET last_seq = v.last_seq, version = v.version, member_count = v.member_count, tick = $1,
        updated_at = GREATEST(c.updated_at, v.updated_at), active_at = GREATEST(c.active_at, v.active_at)
    FROM UNNEST($25::UUID[], $26::BIGINT[], $27::BIGINT[], $28::BIGINT[], $29::BIGINT[], $30::BIGINT[])
        AS v (id, last_seq, version, member_count, updated_at, active_at)
    WHERE c.id = v.id";

/// A statement with its values so far.
pub(super) type Bound<'q> = Query<'q, Postgres, PgArguments>;

/// Writes what the plan has changed.
pub(super) async fn save(tx: &mut PgConnection, locked: &mut Locked) -> Result<(), StoreError> {
    if locked.touched.is_empty() {
        return Ok(());
    }
    // First what others refer to.
    rare::create_conversations(tx, locked).await?;
    rare::add_members(tx, locked).await?;
    let query = sqlx::query(SAVE).bind(locked.tick);
    let query = bind_messages(query, locked);
    let changed = locked.touched.members.union(&locked.touched.cursors);
    let changed = changed.filter(|key| !locked.touched.joined.contains(*key));
    let query = bind_members(query, locked, changed);
    bind_conversations(query, locked).execute(&mut *tx).await?;
    rare::write_reactions(tx, locked).await?;
    rare::update_messages(tx, locked).await?;
    rare::count_messages(tx, locked).await?;
    rare::update_settings(tx, locked).await?;
    rare::update_links(tx, locked).await?;
    rare::update_users(tx, locked).await?;
    Ok(())
}

fn bind_messages<'q>(query: Bound<'q>, locked: &'q Locked) -> Bound<'q> {
    let new = &locked.touched.new_messages;
    let messages = || new.iter().map(|(message, _)| &**message);
    query
        .bind(messages().map(|it| it.conversation_id.0).bind_iter())
        .bind(messages().map(|it| it.seq).bind_iter())
        .bind(messages().map(|it| it.id.0).bind_iter())
        .bind(messages().map(|it| it.version).bind_iter())
        .bind(messages().map(|it| it.sender_id.as_str()).bind_iter())
        .bind(messages().map(stored_client_id).bind_iter())
        .bind(messages().map(stored_content).bind_iter())
        .bind(messages().map(|it| it.created_at.0).bind_iter())
        .bind(new.iter().map(|(_, hash)| *hash).bind_iter())
}

/// The columns of these memberships from `conversation_id` to `archived`.
pub(super) fn bind_members<'q>(
    query: Bound<'q>,
    locked: &'q Locked,
    keys: impl IntoIterator<Item = &'q MemberKey>,
) -> Bound<'q> {
    let rows: Vec<_> = keys
        .into_iter()
        .map(|key| (key, &locked.members[key]))
        .collect();
    let members = || rows.iter().map(|(_, member)| *member);
    query
        .bind(rows.iter().map(|((id, _), _)| id.0).bind_iter())
        .bind(
            rows.iter()
                .map(|((_, user_id), _)| user_id.as_str())
                .bind_iter(),
        )
        .bind(members().map(|it| role_text(it.role)).bind_iter())
        .bind(members().map(|it| it.joined_at.0).bind_iter())
        .bind(members().map(|it| it.cursors.read_seq).bind_iter())
        .bind(members().map(|it| it.cursors.delivered_seq).bind_iter())
        .bind(
            members()
                .map(|it| it.left_at.map(|left_at| left_at.0))
                .bind_iter(),
        )
        .bind(members().map(|it| it.cleared_seq).bind_iter())
        .bind(members().map(|it| it.cleared_tick).bind_iter())
        .bind(members().map(|it| it.hidden).bind_iter())
        .bind(members().map(|it| it.version).bind_iter())
        .bind(
            members()
                .map(|it| it.muted_until.map(|at| at.0))
                .bind_iter(),
        )
        .bind(members().map(|it| it.pinned).bind_iter())
        .bind(members().map(|it| it.archived).bind_iter())
}

fn bind_conversations<'q>(query: Bound<'q>, locked: &'q Locked) -> Bound<'q> {
    let touched = updated_conversations(locked);
    let states = || touched.iter().map(|(id, _)| &locked.conversations[*id]);
    let times = || touched.iter().map(|(_, times)| *times);
    query
        .bind(touched.iter().map(|(id, _)| id.0).bind_iter())
        .bind(states().map(|it| it.last_seq).bind_iter())
        .bind(states().map(|it| it.version).bind_iter())
        .bind(states().map(|it| it.member_count).bind_iter())
        .bind(
            times()
                .map(|it| it.updated_at.map_or(0, |at| at.0))
                .bind_iter(),
        )
        .bind(
            times()
                .map(|it| it.active_at.map_or(0, |at| at.0))
                .bind_iter(),
        )
}
