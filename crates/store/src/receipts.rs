//! Moving a member's delivered and read cursors.

use parlor_core::{Cursors, Refusal};
use parlor_protocol::{ConversationId, ReceiptStatus, UserId};
use sqlx::QueryBuilder;

use crate::{
    Store, StoreError,
    engine::{Dialect, write},
    rows::row,
};

/// A cursor that has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedCursor {
    /// Both cursors after the move.
    pub cursors: Cursors,
    /// Both cursors before it.
    pub before: Cursors,
}

row! {
    struct Row {
        delivered_seq: i64,
        read_seq: i64,
        last_seq: i64,
    }
}

impl Store {
    /// Moves one cursor of a member up to `seq`; `None` when it stood there or further already.
    pub async fn move_cursor(
        &self,
        conversation_id: ConversationId,
        user_id: &UserId,
        status: ReceiptStatus,
        seq: i64,
    ) -> Result<Option<MovedCursor>, StoreError> {
        let moved = write!(self, |Db, tx| {
            let mut query = QueryBuilder::<Db>::new(
                "SELECT m.delivered_seq, m.read_seq, (SELECT c.last_seq FROM conversations c WHERE c.id = m.conversation_id) AS last_seq
                 FROM members m WHERE m.conversation_id = ",
            );
            query
                .push_bind(conversation_id.0)
                .push(" AND m.user_id = ")
                .push_bind(user_id.as_str());
            query.push(<Db as Dialect>::FOR_UPDATE);
            let row: Option<Row> = query.build_query_as().fetch_optional(&mut *tx).await?;
            let Some(row) = row else {
                return Err(Refusal::not_found("conversation").into());
            };
            let before = Cursors {
                delivered_seq: row.delivered_seq,
                read_seq: row.read_seq,
            };
            let Some(cursors) = before.moved(status, seq, row.last_seq) else {
                return Ok(None);
            };
            sqlx::query(
                "UPDATE members SET delivered_seq = $3, read_seq = $4 WHERE conversation_id = $1 AND user_id = $2",
            )
            .bind(conversation_id.0)
            .bind(user_id.as_str())
            .bind(cursors.delivered_seq)
            .bind(cursors.read_seq)
            .execute(&mut *tx)
            .await?;
            MovedCursor { cursors, before }
        });
        Ok(Some(moved))
    }
}
