//! What clients saw, line by line, and whether it keeps the promises.
//!
//! Every client writes what it invoked and what it was told; a device writes each message that it
//! applied; at the end the stored conversations are written as they are read. [`check`] knows
//! nothing of the server: it compares these lines with P1–P3 and says what is broken. Its own tests
//! plant bugs into good histories and see that each is found.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Mutex,
};

use parlor_protocol::{ConversationId, UserId};

/// One thing that a client saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A client sends a message.
    Invoked(Message),
    /// The server acked it, with this place.
    Acked {
        /// Which message.
        message: Message,
        /// The place that the ack named.
        seq: i64,
    },
    /// The server refused it for good.
    Refused(Message),
    /// A device applied a message, in the order of these lines.
    Applied {
        /// Which device; it applies from its first line on.
        device: String,
        /// The message as the device got it.
        message: Message,
        /// Its place.
        seq: i64,
    },
    /// A message as it is stored after everything has come to rest.
    Stored {
        /// The message.
        message: Message,
        /// Its place.
        seq: i64,
    },
}

/// A message by what must never change of it. Its identity is everything but `content`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Message {
    /// Where.
    pub conversation_id: ConversationId,
    /// Who sent it.
    pub sender_id: UserId,
    /// The sender's id for it.
    pub client_id: String,
    /// The text.
    pub content: String,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which promise: `P1`, `P2` or `P3`.
    pub promise: &'static str,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.what)
    }
}

/// Lines from many clients in the order they were written.
#[derive(Debug, Default)]
pub struct History(Mutex<Vec<Entry>>);

impl History {
    /// Writes a line.
    pub fn push(&self, entry: Entry) {
        self.0.lock().expect("no writer panics").push(entry);
    }

    /// How many messages were acked so far.
    pub fn acked(&self) -> usize {
        let entries = self.0.lock().expect("no writer panics");
        entries
            .iter()
            .filter(|entry| matches!(entry, Entry::Acked { .. }))
            .count()
    }

    /// Ends the test when a promise is broken.
    ///
    /// # Panics
    /// With every broken promise, one a line.
    pub fn assert_kept(&self) {
        let violations = check(&self.0.lock().expect("no writer panics"));
        let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "broken promises:\n{}", lines.join("\n"));
    }
}

type Key<'a> = (ConversationId, &'a UserId, &'a str);

fn key(message: &Message) -> Key<'_> {
    (
        message.conversation_id,
        &message.sender_id,
        &message.client_id,
    )
}

/// Everything that is wrong with a history that has come to rest.
pub fn check(entries: &[Entry]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut broken = |promise, what: String| found.push(Violation { promise, what });

    let mut invoked: HashMap<Key<'_>, &Message> = HashMap::new();
    let mut acked: HashMap<Key<'_>, i64> = HashMap::new();
    let mut refused: Vec<&Message> = Vec::new();
    let mut stored: BTreeMap<(ConversationId, i64), &Message> = BTreeMap::new();
    let mut places: HashMap<Key<'_>, i64> = HashMap::new();
    let mut applied: BTreeMap<(&str, ConversationId), Vec<(i64, &Message)>> = BTreeMap::new();

    for entry in entries {
        match entry {
            Entry::Invoked(message) => {
                invoked.insert(key(message), message);
            }
            Entry::Acked { message, seq } => {
                if acked
                    .insert(key(message), *seq)
                    .is_some_and(|first| first != *seq)
                {
                    broken(
                        "P2",
                        format!("{} was acked at two places", message.client_id),
                    );
                }
            }
            Entry::Refused(message) => refused.push(message),
            Entry::Applied {
                device,
                message,
                seq,
            } => {
                applied
                    .entry((device, message.conversation_id))
                    .or_default()
                    .push((*seq, message));
            }
            Entry::Stored { message, seq } => {
                if stored
                    .insert((message.conversation_id, *seq), message)
                    .is_some()
                {
                    broken("P3", format!("two messages have the place {seq}"));
                }
                if let Some(first) = places.insert(key(message), *seq) {
                    let client_id = &message.client_id;
                    broken(
                        "P2",
                        format!("{client_id} is stored at {first} and again at {seq}"),
                    );
                }
            }
        }
    }

    for (key, seq) in &acked {
        match places.get(key) {
            None => broken("P1", format!("{} was acked and is lost", key.2)),
            Some(place) if place != seq => {
                broken(
                    "P3",
                    format!("{} was acked at {seq} and stands at {place}", key.2),
                );
            }
            Some(_) => {}
        }
    }
    for message in refused {
        if places.contains_key(&key(message)) {
            broken(
                "P2",
                format!("{} was refused and is stored", message.client_id),
            );
        }
    }

    let mut expected: HashMap<ConversationId, i64> = HashMap::new();
    for ((conversation_id, seq), message) in &stored {
        let next = expected.entry(*conversation_id).or_insert(1);
        if seq != next {
            broken("P3", format!("the places go from {} to {seq}", *next - 1));
        }
        *next = seq + 1;
        match invoked.get(&key(message)) {
            None => broken(
                "P1",
                format!("{} is stored and nobody sent it", message.client_id),
            ),
            Some(sent) if sent.content != message.content => {
                broken(
                    "P1",
                    format!("{} is stored with another text", message.client_id),
                );
            }
            Some(_) => {}
        }
    }

    for ((device, conversation_id), messages) in applied {
        for pair in messages.windows(2) {
            if pair[1].0 != pair[0].0 + 1 {
                broken(
                    "P3",
                    format!("{device} applied {} after {}", pair[1].0, pair[0].0),
                );
            }
        }
        for (seq, message) in messages {
            if stored.get(&(conversation_id, seq)) != Some(&message) {
                broken(
                    "P3",
                    format!("{device} got another message at {seq} than is stored"),
                );
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn message(talk: u128, sender: &str, n: usize) -> Message {
        Message {
            conversation_id: ConversationId(Uuid::from_u128(talk)),
            sender_id: sender.parse().expect("a valid id"),
            client_id: format!("{sender}-{n}"),
            content: format!("text {n}"),
        }
    }

    /// Two senders in two conversations, a device in one of them, one message refused, one whose
    /// ack was lost.
    fn good() -> Vec<Entry> {
        let mut entries = Vec::new();
        for talk in 1..=2 {
            for n in 0..10 {
                let message = message(talk, if n % 2 == 0 { "ada" } else { "grace" }, n);
                let seq = n as i64 + 1;
                entries.push(Entry::Invoked(message.clone()));
                if n != 4 {
                    entries.push(Entry::Acked {
                        message: message.clone(),
                        seq,
                    });
                }
                if talk == 1 && n >= 2 {
                    entries.push(Entry::Applied {
                        device: "phone".into(),
                        message: message.clone(),
                        seq,
                    });
                }
                entries.push(Entry::Stored { message, seq });
            }
        }
        entries.push(Entry::Invoked(message(1, "ada", 99)));
        entries.push(Entry::Refused(message(1, "ada", 99)));
        entries
    }

    /// The promises that a planted bug breaks.
    fn broken_by(plant: impl FnOnce(&mut Vec<Entry>)) -> Vec<&'static str> {
        let mut entries = good();
        plant(&mut entries);
        check(&entries)
            .into_iter()
            .map(|violation| violation.promise)
            .collect()
    }

    fn stored_at(entries: &[Entry], talk: u128, place: i64) -> usize {
        let talk = ConversationId(Uuid::from_u128(talk));
        let fits = |entry: &Entry| matches!(entry, Entry::Stored { message, seq } if message.conversation_id == talk && *seq == place);
        entries.iter().position(fits).expect("stored")
    }

    fn applied_at(entries: &[Entry], place: i64) -> usize {
        let fits = |entry: &Entry| matches!(entry, Entry::Applied { seq, .. } if *seq == place);
        entries.iter().position(fits).expect("applied")
    }

    #[test]
    fn a_good_history_keeps_every_promise() {
        assert_eq!(check(&good()), []);
        assert_eq!(check(&[]), []);
    }

    #[test]
    fn ack_before_commit_is_found() {
        // The newest acked message is gone: nothing after it shows a gap.
        let broken = broken_by(|entries| {
            let at = stored_at(entries, 2, 10);
            entries.remove(at);
        });
        assert_eq!(broken, ["P1"]);
    }

    #[test]
    fn a_lost_message_in_the_middle_is_found() {
        let broken = broken_by(|entries| {
            let at = stored_at(entries, 2, 6);
            entries.remove(at);
        });
        assert!(
            broken.contains(&"P1") && broken.contains(&"P3"),
            "{broken:?}"
        );
    }

    #[test]
    fn no_client_id_index_is_found() {
        let broken = broken_by(|entries| {
            entries.push(Entry::Stored {
                message: message(2, "ada", 4),
                seq: 11,
            });
        });
        assert_eq!(broken, ["P2"]);
    }

    #[test]
    fn a_refused_message_that_is_stored_is_found() {
        let broken = broken_by(|entries| {
            entries.push(Entry::Stored {
                message: message(1, "ada", 99),
                seq: 11,
            });
        });
        assert_eq!(broken, ["P2"]);
    }

    #[test]
    fn a_message_that_nobody_sent_is_found() {
        let broken = broken_by(|entries| {
            entries.push(Entry::Stored {
                message: message(2, "linus", 1),
                seq: 11,
            });
        });
        assert_eq!(broken, ["P1"]);
    }

    #[test]
    fn a_changed_text_is_found() {
        let broken = broken_by(|entries| {
            let at = stored_at(entries, 2, 3);
            if let Entry::Stored { message, .. } = &mut entries[at] {
                message.content = "other".into();
            }
        });
        assert_eq!(broken, ["P1"]);
    }

    #[test]
    fn a_sequence_that_leaves_gaps_is_found() {
        let broken = broken_by(|entries| {
            entries.push(Entry::Invoked(message(2, "ada", 50)));
            entries.push(Entry::Stored {
                message: message(2, "ada", 50),
                seq: 12,
            });
        });
        assert_eq!(broken, ["P3"]);
    }

    #[test]
    fn two_messages_at_one_place_are_found() {
        let broken = broken_by(|entries| {
            entries.push(Entry::Invoked(message(2, "ada", 50)));
            entries.push(Entry::Stored {
                message: message(2, "ada", 50),
                seq: 10,
            });
        });
        assert!(broken.contains(&"P3"), "{broken:?}");
    }

    #[test]
    fn an_ack_with_another_place_is_found() {
        let broken = broken_by(|entries| {
            entries.push(Entry::Invoked(message(2, "ada", 50)));
            entries.push(Entry::Stored {
                message: message(2, "ada", 50),
                seq: 11,
            });
            entries.push(Entry::Acked {
                message: message(2, "ada", 50),
                seq: 12,
            });
        });
        assert_eq!(broken, ["P3"]);
    }

    #[test]
    fn a_repetition_acked_at_another_place_is_found() {
        let broken = broken_by(|entries| {
            entries.push(Entry::Acked {
                message: message(2, "ada", 2),
                seq: 11,
            });
        });
        assert!(broken.contains(&"P2"), "{broken:?}");
    }

    #[test]
    fn a_device_that_skips_doubles_or_swaps_is_found() {
        let skips = broken_by(|entries| {
            let at = applied_at(entries, 6);
            entries.remove(at);
        });
        let doubles = broken_by(|entries| {
            let at = applied_at(entries, 6);
            let again = entries[at].clone();
            entries.insert(at, again);
        });
        let swaps = broken_by(|entries| {
            let (one, other) = (applied_at(entries, 6), applied_at(entries, 7));
            entries.swap(one, other);
        });
        for broken in [skips, doubles, swaps] {
            assert!(
                !broken.is_empty() && broken.iter().all(|promise| *promise == "P3"),
                "{broken:?}"
            );
        }
    }

    #[test]
    fn a_device_that_gets_another_message_than_is_stored_is_found() {
        let broken = broken_by(|entries| {
            let at = applied_at(entries, 6);
            if let Entry::Applied { message, .. } = &mut entries[at] {
                message.content = "other".into();
            }
        });
        assert_eq!(broken, ["P3"]);
    }
}
