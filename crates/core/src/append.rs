//! What a batch of sends becomes, decided under the conversations' locks.
//!
//! The store locks the conversations that a batch names, loads what [`Locked`] holds, asks
//! [`plan`], writes what is new and commits. One bad item never fails its batch: each gets an
//! outcome of its own.

use std::collections::HashMap;

use parlor_protocol::{Code, ConversationId, ConversationKind, MessageId, Role, Timestamp, UserId};

use crate::{Refusal, conversation::may_write};

/// A send that waits for its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Send {
    /// The id that the message gets if it is new.
    pub id: MessageId,
    /// Where to.
    pub conversation_id: ConversationId,
    /// Who sends.
    pub sender_id: UserId,
    /// The sender's own id for it.
    pub client_id: Option<String>,
    /// The text.
    pub content: String,
    /// When it arrived.
    pub created_at: Timestamp,
}

/// A conversation while the batch holds its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockedConversation {
    /// What kind it is.
    pub kind: ConversationKind,
    /// `seq` of its newest message.
    pub last_seq: i64,
    /// Its change counter.
    pub version: i64,
}

/// What a sent message was, as far as a repetition must be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Its place.
    pub seq: i64,
    /// Its text as it was first sent.
    pub content: String,
}

/// Everything that decides a batch, true while the locks are held.
#[derive(Debug, Default)]
pub struct Locked {
    /// The conversations that exist.
    pub conversations: HashMap<ConversationId, LockedConversation>,
    /// The senders that are members.
    pub roles: HashMap<(ConversationId, UserId), Role>,
    /// Messages stored earlier under a `clientId` of this batch.
    pub earlier: HashMap<(ConversationId, UserId, String), Earlier>,
}

/// What becomes of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is a new message with this place.
    New {
        /// Its place.
        seq: i64,
        /// The conversation's version with it.
        version: i64,
    },
    /// It was stored before under the same `clientId`, at this place.
    Repeated {
        /// The first one's place.
        seq: i64,
    },
    /// It is not stored.
    Refused(Refusal),
}

/// Decides every item of a batch in the order of its arrival. `locked` ends as the state to write.
pub fn plan(batch: &[Send], locked: &mut Locked) -> Vec<Outcome> {
    batch.iter().map(|send| decide(send, locked)).collect()
}

fn decide(send: &Send, locked: &mut Locked) -> Outcome {
    let member = (send.conversation_id, send.sender_id.clone());
    let (Some(conversation), Some(&role)) = (
        locked.conversations.get_mut(&send.conversation_id),
        locked.roles.get(&member),
    ) else {
        return Outcome::Refused(Refusal::not_found("conversation"));
    };
    if let Err(refusal) = may_write(conversation.kind, role) {
        return Outcome::Refused(refusal);
    }
    if let Some(client_id) = &send.client_id {
        let key = (
            send.conversation_id,
            send.sender_id.clone(),
            client_id.clone(),
        );
        if let Some(earlier) = locked.earlier.get(&key) {
            return if earlier.content == send.content {
                Outcome::Repeated { seq: earlier.seq }
            } else {
                Outcome::Refused(Refusal::new(
                    Code::ClientIdReused,
                    "this clientId was sent with another body",
                ))
            };
        }
        let earlier = Earlier {
            seq: conversation.last_seq + 1,
            content: send.content.clone(),
        };
        locked.earlier.insert(key, earlier);
    }
    conversation.last_seq += 1;
    conversation.version += 1;
    Outcome::New {
        seq: conversation.last_seq,
        version: conversation.version,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn conversation(n: u128) -> ConversationId {
        ConversationId(Uuid::from_u128(n))
    }

    fn user(name: &str) -> UserId {
        name.parse().expect("a valid id")
    }

    fn send(n: u128, sender: &str, client_id: Option<&str>, content: &str) -> Send {
        Send {
            id: MessageId(Uuid::from_u128(7)),
            conversation_id: conversation(n),
            sender_id: user(sender),
            client_id: client_id.map(str::to_owned),
            content: content.to_owned(),
            created_at: Timestamp(0),
        }
    }

    fn locked() -> Locked {
        let group = LockedConversation {
            kind: ConversationKind::Group,
            last_seq: 4,
            version: 9,
        };
        let channel = LockedConversation {
            kind: ConversationKind::Channel,
            last_seq: 0,
            version: 0,
        };
        Locked {
            conversations: HashMap::from([(conversation(1), group), (conversation(2), channel)]),
            roles: HashMap::from([
                ((conversation(1), user("ada")), Role::Owner),
                ((conversation(1), user("grace")), Role::Member),
                ((conversation(2), user("grace")), Role::Member),
            ]),
            earlier: HashMap::from([(
                (conversation(1), user("ada"), "old".to_owned()),
                Earlier {
                    seq: 3,
                    content: "first".to_owned(),
                },
            )]),
        }
    }

    #[test]
    fn p2_the_same_client_id_makes_one_message() {
        let batch = [
            send(1, "ada", Some("a"), "x"),
            send(1, "ada", Some("a"), "x"),
            send(1, "grace", Some("a"), "x"),
            send(1, "ada", Some("a"), "y"),
            send(1, "ada", Some("old"), "first"),
            send(1, "ada", Some("old"), "second"),
            send(1, "ada", None, "x"),
            send(1, "ada", None, "x"),
        ];
        let outcomes = plan(&batch, &mut locked());
        assert_eq!(
            outcomes[0],
            Outcome::New {
                seq: 5,
                version: 10
            }
        );
        assert_eq!(outcomes[1], Outcome::Repeated { seq: 5 });
        assert_eq!(
            outcomes[2],
            Outcome::New {
                seq: 6,
                version: 11
            }
        );
        assert!(matches!(&outcomes[3], Outcome::Refused(r) if r.code == Code::ClientIdReused));
        assert_eq!(outcomes[4], Outcome::Repeated { seq: 3 });
        assert!(matches!(&outcomes[5], Outcome::Refused(r) if r.code == Code::ClientIdReused));
        assert_eq!(
            outcomes[6],
            Outcome::New {
                seq: 7,
                version: 12
            }
        );
        assert_eq!(
            outcomes[7],
            Outcome::New {
                seq: 8,
                version: 13
            }
        );
    }

    #[test]
    fn p6_who_is_no_member_learns_nothing() {
        let batch = [
            send(2, "ada", None, "x"),
            send(3, "ada", None, "x"),
            send(2, "grace", None, "x"),
        ];
        let outcomes = plan(&batch, &mut locked());
        assert_eq!(outcomes[0], outcomes[1]);
        assert!(matches!(&outcomes[2], Outcome::Refused(r) if r.code == Code::Forbidden));
    }

    proptest! {
        /// P3: whatever is refused or repeated, what is new is numbered without a gap.
        #[test]
        fn p3_places_are_gapless(items in prop::collection::vec((1_u128..4, 0_usize..3, prop::option::of(0_u8..4), 0_u8..2), 0..60)) {
            let names = ["ada", "grace", "linus"];
            let batch: Vec<Send> = items.iter().map(|(c, s, client, body)| {
                send(*c, names[*s], client.map(|n| n.to_string()).as_deref(), &body.to_string())
            }).collect();
            let mut state = locked();
            let outcomes = plan(&batch, &mut state);
            let mut next = HashMap::from([(conversation(1), 5_i64), (conversation(2), 1)]);
            for (item, outcome) in batch.iter().zip(&outcomes) {
                if let Outcome::New { seq, .. } = outcome {
                    let expected = next.get_mut(&item.conversation_id).expect("only known conversations get messages");
                    prop_assert_eq!(*seq, *expected);
                    *expected += 1;
                }
            }
            for (id, state) in &state.conversations {
                prop_assert_eq!(state.last_seq + 1, next[id]);
            }
        }
    }
}
