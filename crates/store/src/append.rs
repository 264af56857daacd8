//! Writing a batch of sends: one transaction, whatever their number.
//!
//! Lock the conversations in the order of their ids (two nodes can never wait for each other in a
//! circle), load what decides, let `core::append::plan` decide, insert what is new with one
//! statement, commit. Places are given under the lock, so they are in commit order and gapless.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use parlor_core::append::{Earlier, Locked, LockedConversation, Outcome, Send, plan};
use parlor_protocol::{ConversationId, Message, MessageKind, UserId, UserSummary};
use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    engine::{Dialect, write},
    rows::{MessageRow, kind, message_columns, role, row, user_id},
};

/// A stored message and whether this batch stored it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) message: Message,
    pub(crate) is_new: bool,
}

pub(crate) type ItemResult = Result<Stored, parlor_core::Refusal>;

row! {
    struct ConversationRow {
        id: Uuid,
        kind: String,
        last_seq: i64,
        version: i64,
    }
}

row! {
    struct SenderRow {
        conversation_id: Uuid,
        user_id: String,
        role: String,
        handle: String,
        name: String,
        avatar_url: Option<String>,
    }
}

impl Store {
    /// Stores a batch; the result has one entry for each item, in their order.
    pub(crate) async fn append(&self, batch: &[Send]) -> Result<Vec<ItemResult>, StoreError> {
        // Ids in order, each once.
        let conversations: BTreeSet<Uuid> =
            batch.iter().map(|send| send.conversation_id.0).collect();
        let mut pairs: Vec<(Uuid, &str)> = batch
            .iter()
            .map(|send| (send.conversation_id.0, send.sender_id.as_str()))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();

        let results = write!(self, |Db, tx| {
            let mut locked = Locked::default();
            let mut query = QueryBuilder::<Db>::new(
                "SELECT id, kind, last_seq, version FROM conversations WHERE id IN (",
            );
            let mut list = query.separated(", ");
            for id in &conversations {
                list.push_bind(*id);
            }
            query
                .push(") ORDER BY id")
                .push(<Db as Dialect>::FOR_UPDATE);
            let rows: Vec<ConversationRow> = query.build_query_as().fetch_all(&mut *tx).await?;
            for row in rows {
                let state = LockedConversation {
                    kind: kind(&row.kind)?,
                    last_seq: row.last_seq,
                    version: row.version,
                };
                locked.conversations.insert(ConversationId(row.id), state);
            }

            // The batch's pairs lead: CROSS JOIN keeps SQLite from scanning all members instead.
            let mut query = QueryBuilder::<Db>::new(
                "SELECT m.conversation_id, m.user_id, m.role, u.handle, u.name, u.avatar_url FROM (VALUES ",
            );
            push_tuples(&mut query, &pairs, |row, (conversation, sender)| {
                row.push_bind(*conversation).push_bind(*sender);
            });
            query.push(
                ") AS v CROSS JOIN members m CROSS JOIN users u
                 WHERE m.conversation_id = v.column1 AND m.user_id = v.column2 AND u.id = m.user_id",
            );
            let rows: Vec<SenderRow> = query.build_query_as().fetch_all(&mut *tx).await?;
            let mut senders: HashMap<UserId, UserSummary> = HashMap::new();
            for row in rows {
                let id = user_id(&row.user_id)?;
                locked.roles.insert(
                    (ConversationId(row.conversation_id), id.clone()),
                    role(&row.role)?,
                );
                senders.entry(id.clone()).or_insert(UserSummary {
                    id,
                    handle: row.handle,
                    name: row.name,
                    avatar_url: row.avatar_url,
                });
            }

            let clients: Vec<(Uuid, &str, &str)> = batch
                .iter()
                .filter_map(|send| {
                    Some((
                        send.conversation_id.0,
                        send.sender_id.as_str(),
                        send.client_id.as_deref()?,
                    ))
                })
                .collect();
            let mut earlier: HashMap<(ConversationId, i64), Message> = HashMap::new();
            if !clients.is_empty() {
                let mut query = QueryBuilder::<Db>::new(concat!(
                    "SELECT ",
                    message_columns!(),
                    " FROM (VALUES "
                ));
                push_tuples(
                    &mut query,
                    &clients,
                    |row, (conversation, sender, client)| {
                        row.push_bind(*conversation)
                            .push_bind(*sender)
                            .push_bind(*client);
                    },
                );
                query.push(
                    ") AS v CROSS JOIN messages m CROSS JOIN users u
                     WHERE m.conversation_id = v.column1 AND m.sender_id = v.column2 AND m.client_id = v.column3
                       AND m.client_id IS NOT NULL AND u.id = m.sender_id",
                );
                let rows: Vec<MessageRow> = query.build_query_as().fetch_all(&mut *tx).await?;
                for row in rows {
                    let message = row.into_message()?;
                    if let Some(client_id) = message.client_id.clone() {
                        locked.earlier.insert(
                            (
                                message.conversation_id,
                                message.sender_id.clone(),
                                client_id,
                            ),
                            Earlier {
                                seq: message.seq,
                                content: message.content.clone(),
                            },
                        );
                    }
                    earlier.insert((message.conversation_id, message.seq), message);
                }
            }

            let outcomes = plan(batch, &mut locked);
            let new: Vec<(&Send, i64, i64)> = batch
                .iter()
                .zip(&outcomes)
                .filter_map(|(send, outcome)| match outcome {
                    Outcome::New { seq, version } => Some((send, *seq, *version)),
                    Outcome::Repeated { .. } | Outcome::Refused(_) => None,
                })
                .collect();
            if !new.is_empty() {
                let mut insert = QueryBuilder::<Db>::new(
                    "INSERT INTO messages (conversation_id, seq, id, version, sender_id, client_id, kind, content, created_at) ",
                );
                insert.push_values(&new, |mut row, (send, seq, version)| {
                    row.push_bind(send.conversation_id.0)
                        .push_bind(*seq)
                        .push_bind(send.id.0)
                        .push_bind(*version);
                    row.push_bind(send.sender_id.as_str())
                        .push_bind(send.client_id.as_deref());
                    row.push("'text'")
                        .push_bind(send.content.as_str())
                        .push_bind(send.created_at.0);
                });
                insert.build().execute(&mut *tx).await?;

                let mut touched: BTreeMap<Uuid, i64> = BTreeMap::new();
                for (send, _, _) in &new {
                    let newest = touched.entry(send.conversation_id.0).or_default();
                    *newest = send.created_at.0.max(*newest);
                }
                let mut update = QueryBuilder::<Db>::new(
                    "UPDATE conversations SET last_seq = v.column2, version = v.column3, updated_at = v.column4,
                        active_at = CASE WHEN v.column4 > active_at THEN v.column4 ELSE active_at END FROM (VALUES ",
                );
                push_tuples(&mut update, touched, |row, (id, newest)| {
                    let state = &locked.conversations[&ConversationId(id)];
                    row.push_bind(id)
                        .push_bind(state.last_seq)
                        .push_bind(state.version)
                        .push_bind(newest);
                });
                update.push(") AS v WHERE conversations.id = v.column1");
                update.build().execute(&mut *tx).await?;
            }

            let mut stored: HashMap<(ConversationId, i64), Message> = earlier;
            batch
                .iter()
                .zip(outcomes)
                .map(|(send, outcome)| match outcome {
                    Outcome::New { seq, version } => {
                        let message =
                            new_message(send, seq, version, senders[&send.sender_id].clone());
                        if send.client_id.is_some() {
                            stored.insert((send.conversation_id, seq), message.clone());
                        }
                        Ok(Stored {
                            message,
                            is_new: true,
                        })
                    }
                    Outcome::Repeated { seq } => Ok(Stored {
                        message: stored[&(send.conversation_id, seq)].clone(),
                        is_new: false,
                    }),
                    Outcome::Refused(refusal) => Err(refusal),
                })
                .collect::<Vec<ItemResult>>()
        });
        Ok(results)
    }
}

/// `(a, b), (c, d)`: the rows of a VALUES list.
fn push_tuples<Db, I>(
    query: &mut QueryBuilder<Db>,
    items: I,
    mut push: impl FnMut(&mut sqlx::query_builder::Separated<'_, Db, &'static str>, I::Item),
) where
    Db: sqlx::Database,
    I: IntoIterator,
{
    for (at, item) in items.into_iter().enumerate() {
        query.push(if at == 0 { "(" } else { ", (" });
        let mut row = query.separated(", ");
        push(&mut row, item);
        query.push(")");
    }
}

fn new_message(send: &Send, seq: i64, version: i64, sender: UserSummary) -> Message {
    Message {
        id: send.id,
        conversation_id: send.conversation_id,
        seq,
        version,
        sender_id: send.sender_id.clone(),
        sender,
        client_id: send.client_id.clone(),
        kind: MessageKind::Text,
        content: send.content.clone(),
        attachments: Vec::new(),
        reply_to: None,
        thread_id: None,
        mentions: Vec::new(),
        reactions: Vec::new(),
        created_at: send.created_at,
        edited_at: None,
        deleted_at: None,
    }
}
