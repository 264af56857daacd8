//! Who there is, where they talk, and what they can know of each other's messages.
//!
//! Never here: what somebody does next.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use parlor_protocol::{Conversation, ConversationId, CreateConversation, MessageId, UserId};
use parlor_testkit::{
    Random,
    history::{Call, Entry, History, Place},
};
use tokio::sync::watch;

use crate::rest::Rest;

/// Everybody.
const HANDLES: [&str; 6] = ["ada", "grace", "linus", "margaret", "dennis", "barbara"];
/// Direct conversations, by the people's numbers.
const DIRECT: [(usize, usize); 2] = [(0, 1), (2, 3)];
/// Groups: their first members, of whom the first one is the owner. Everybody may be added.
const GROUPS: [&[usize]; 3] = [&[0, 1, 2, 3, 4, 5], &[1, 2, 3], &[5, 0, 4]];
/// Messages of a conversation that are remembered, to be changed.
const KNOWN_MAX: usize = 60;

/// How often a conversation is looked for whose making was answered badly, and how long after.
const FIND_TRIES_MAX: usize = 10;
const FIND_PAUSE: Duration = Duration::from_millis(300);

/// Emoji that people use, few enough to meet on one message.
pub(crate) const EMOJI: [&str; 3] = ["👍", "🎉", "❤️"];

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// People do things.
    Busy,
    /// Nobody begins anything.
    Quiet,
    /// Devices write what they hold and end.
    Over,
}

/// Somebody.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) handle: &'static str,
    pub(crate) token: String,
}

/// A conversation.
#[derive(Debug, Clone)]
pub(crate) struct Talk {
    pub(crate) id: ConversationId,
    /// Who may change its members; nobody in a direct one.
    pub(crate) owner: Option<usize>,
    pub(crate) founders: BTreeSet<UserId>,
}

/// A message that was acked.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) place: Place,
    pub(crate) sender_id: UserId,
    pub(crate) client_id: String,
    pub(crate) content: String,
}

/// Makes a conversation; one whose making was answered badly is looked for, so that there are not two.
async fn make_or_find(rest: &Rest, body: &CreateConversation) -> Result<ConversationId> {
    let mut made = rest.create(body).await;
    for _ in 0..FIND_TRIES_MAX {
        match made {
            Ok(conversation) => return Ok(conversation.summary.id),
            Err(error) => println!("{error:#}"),
        }
        tokio::time::sleep(FIND_PAUSE).await;
        let titled =
            |it: &Conversation| it.summary.title.is_some() && it.summary.title == body.title;
        let found = rest.conversations().await?.into_iter().find(titled);
        made = match found {
            Some(conversation) => Ok(conversation),
            None => rest.create(body).await,
        };
    }
    made.map(|conversation| conversation.summary.id)
}

/// Who there is and where they talk.
#[derive(Debug)]
pub(crate) struct World {
    /// Where clients find the server.
    pub(crate) url: String,
    pub(crate) seed: u64,
    pub(crate) people: Vec<Person>,
    pub(crate) talks: Vec<Talk>,
    pub(crate) history: Arc<History>,
    pub(crate) phase: watch::Receiver<Phase>,
    known: Mutex<BTreeMap<ConversationId, VecDeque<Known>>>,
    texts: AtomicU64,
}

impl World {
    /// Registers people and makes conversations, at `direct_url`, where nothing goes wrong.
    pub(crate) async fn make(
        url: String,
        direct_url: &str,
        seed: u64,
        history: Arc<History>,
        phase: watch::Receiver<Phase>,
    ) -> Result<Self> {
        let mut people = Vec::new();
        for handle in HANDLES {
            let auth = Rest::register(direct_url, handle).await?;
            people.push(Person {
                id: auth.user.id,
                handle,
                token: auth.access_token,
            });
        }
        let mut world = Self {
            url,
            seed,
            people,
            talks: Vec::new(),
            history,
            phase,
            known: Mutex::default(),
            texts: AtomicU64::new(0),
        };
        for (one, other) in DIRECT {
            world.found(direct_url, &[one, other], None).await?;
        }
        for (number, members) in GROUPS.iter().enumerate() {
            let title = format!("Group {number}");
            world.found(direct_url, members, Some(title)).await?;
        }
        Ok(world)
    }

    async fn found(
        &mut self,
        direct_url: &str,
        members: &[usize],
        title: Option<String>,
    ) -> Result<()> {
        let founder = &self.people[members[0]];
        let body = CreateConversation {
            kind: None,
            member_ids: members[1..]
                .iter()
                .map(|&number| self.people[number].id.clone())
                .collect(),
            label: None,
            metadata: None,
            title,
        };
        let conversation_id = make_or_find(&Rest::new(direct_url, &founder.token), &body).await?;
        let founders: BTreeSet<UserId> = members
            .iter()
            .map(|&number| self.people[number].id.clone())
            .collect();
        let entry = Entry::Founded {
            conversation_id,
            members: founders.clone(),
        };
        self.history.write(founder.handle, entry);
        self.talks.push(Talk {
            id: conversation_id,
            owner: body.title.is_some().then_some(members[0]),
            founders,
        });
        Ok(())
    }

    /// A text that nobody else writes.
    pub(crate) fn text(&self, word: &str) -> String {
        format!("{word} {}", self.texts.fetch_add(1, Ordering::Relaxed))
    }

    /// Remembers a message that was acked.
    pub(crate) fn remember(&self, sender_id: &UserId, call: &Call, place: Place) {
        let Call::Send {
            conversation_id,
            client_id,
            content,
        } = call
        else {
            return;
        };
        let mut known = self.known.lock().expect("nobody panics");
        let messages = known.entry(*conversation_id).or_default();
        if messages.len() == KNOWN_MAX {
            messages.pop_front();
        }
        messages.push_back(Known {
            place,
            sender_id: sender_id.clone(),
            client_id: client_id.clone(),
            content: content.clone(),
        });
    }

    /// A message of a conversation that is remembered, perhaps only of one sender.
    pub(crate) fn recall(
        &self,
        random: &mut Random,
        conversation_id: ConversationId,
        of: Option<&UserId>,
    ) -> Option<Known> {
        let known = self.known.lock().expect("nobody panics");
        let fitting: Vec<&Known> = known
            .get(&conversation_id)?
            .iter()
            .filter(|message| of.is_none_or(|sender_id| message.sender_id == *sender_id))
            .collect();
        (!fitting.is_empty()).then(|| (*random.pick(&fitting)).clone())
    }

    /// What somebody might do next; `None` where nothing can be done.
    pub(crate) fn choose(&self, random: &mut Random, person: &Person) -> Option<Call> {
        let talk = random.pick(&self.talks);
        // Most of the time people talk where they belong; who does not is refused.
        if !talk.founders.contains(&person.id) && !random.percent(20) {
            return None;
        }
        let conversation_id = talk.id;
        let message = |random: &mut Random, of| self.recall(random, conversation_id, of);
        let id_of = |known: Known| -> MessageId { known.place.message_id };
        Some(match random.between(1, 100) {
            1..=48 => Call::Send {
                conversation_id,
                client_id: format!("{}-{}", person.handle, self.text("c").replace(' ', "")),
                content: self.text("text"),
            },
            49..=60 => Call::Edit {
                conversation_id,
                message_id: id_of(message(random, Some(&person.id))?),
                content: self.text("edited"),
            },
            61..=64 => Call::Delete {
                conversation_id,
                message_id: id_of(message(random, Some(&person.id))?),
            },
            65..=82 => Call::React {
                conversation_id,
                message_id: id_of(message(random, None)?),
                emoji: (*random.pick(&EMOJI)).to_owned(),
                on: random.percent(60),
            },
            83..=92 => Call::Read {
                conversation_id,
                seq: message(random, None)?.place.seq,
            },
            93..=96 => {
                // The same `clientId` again: the same message, or another one, which is refused.
                let known = message(random, Some(&person.id))?;
                let content = if random.percent(50) {
                    known.content
                } else {
                    self.text("another")
                };
                Call::Send {
                    conversation_id,
                    client_id: known.client_id,
                    content,
                }
            }
            _ => Call::Look { conversation_id },
        })
    }
}
