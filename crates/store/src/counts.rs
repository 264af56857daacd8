//! How many messages each sender has in each full block of a conversation's places, and what is unread.
//!
//! To count what is unread by walking over it takes as long as it is much. Most of it stands in blocks
//! that are full, and whose messages were counted once: when the last of them came.

use std::{collections::BTreeSet, sync::LazyLock};

use parlor_core::append::Locked;
use parlor_protocol::{ConversationId, UserId};

use crate::quick::Statement;

/// Places in one block. The migration that made the table says so too.
pub(crate) const BLOCK: i64 = 512;

/// Counts messages of others, from `members me JOIN conversations c`: the rest of the block in which
/// the reader stands, the full blocks behind it, and what stands behind the last of those.
pub(crate) fn unread_count() -> String {
    let begin = format!("((me.read_seq + {BLOCK} - 1) / {BLOCK})");
    let end = format!("(c.last_seq / {BLOCK})");
    let of_others = "SELECT COUNT(*) FROM messages x WHERE x.conversation_id = c.id
        AND x.sender_id <> me.user_id AND x.deleted_at IS NULL AND x.seq";
    let counted = |sender: &str| {
        format!(
            "(SELECT CAST(COALESCE(SUM(n.count), 0) AS BIGINT) FROM message_counts n
              WHERE n.conversation_id = c.id AND n.sender_id = {sender} AND n.block >= {begin})"
        )
    };
    format!(
        "CASE WHEN me.read_seq >= c.last_seq THEN 0 ELSE
           ({of_others} > me.read_seq AND x.seq <= {begin} * {BLOCK}) + {} - {}
           + ({of_others} > CASE WHEN {begin} > {end} THEN {begin} ELSE {end} END * {BLOCK}) END",
        counted("''"),
        counted("me.user_id"),
    )
}

/// Counts the messages of a block that is full: `$1` the conversation, `$2` the block.
pub(crate) static COUNT: LazyLock<Statement> = LazyLock::new(|| {
    let counted = |sender, group| {
        format!(
            "SELECT conversation_id, {sender}, CAST($2 AS BIGINT), COUNT(*) FROM messages
             WHERE conversation_id = $1 AND seq > $2 * {BLOCK} AND seq <= $2 * {BLOCK} + {BLOCK} AND deleted_at IS NULL
             GROUP BY conversation_id{group}"
        )
    };
    Statement::of(format!(
        "INSERT INTO message_counts (conversation_id, sender_id, block, count) {} UNION ALL {}",
        counted("sender_id", ", sender_id"),
        counted("CAST('' AS TEXT)", "")
    ))
});

/// Takes a message out of the counts of its block: `$3` its sender.
pub(crate) static UNCOUNT: LazyLock<Statement> = LazyLock::new(|| {
    Statement::of(
        "UPDATE message_counts SET count = count - 1
         WHERE conversation_id = $1 AND block = $2 AND sender_id IN ('', $3)",
    )
});

/// What a batch changes in the counts.
pub(crate) struct Counted<'l> {
    /// Blocks that it has filled.
    pub(crate) full: BTreeSet<(ConversationId, i64)>,
    /// Messages that it has deleted in blocks which were full before.
    pub(crate) deleted: Vec<(ConversationId, i64, &'l UserId)>,
}

impl<'l> Counted<'l> {
    pub(crate) fn by(locked: &'l Locked) -> Self {
        let new = locked.touched.new_messages.iter();
        let full: BTreeSet<_> = new
            .filter(|(message, _)| message.seq % BLOCK == 0)
            .map(|(message, _)| (message.conversation_id, message.seq / BLOCK - 1))
            .collect();
        let changed = locked.touched.messages.iter();
        let deleted = changed
            .map(|id| &locked.messages[id])
            // Once deleted it is never changed again.
            .filter(|message| message.deleted_at.is_some())
            .map(|message| (message.conversation_id, (message.seq - 1) / BLOCK, message))
            .filter(|(id, block, _)| {
                let is_full = locked.conversations[id].last_seq >= (block + 1) * BLOCK;
                is_full && !full.contains(&(*id, *block))
            })
            .map(|(id, block, message)| (id, block, &message.sender_id));
        Self {
            deleted: deleted.collect(),
            full,
        }
    }
}
