//! Somebody who uses the Rust client as an application does: it sends, and shows what it is told.
//!
//! Nothing here knows of sockets, cursors or versions; the client does. What it tells is written down: each message
//! once, in order, and at the end the view is what is stored.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use parlor_client::{Event, Live};
use parlor_protocol::{Code, ConversationId};
use parlor_testkit::{
    Random,
    history::{Call, Entry, Held, Place},
};
use tokio::sync::watch;

use crate::{
    device::Resting,
    world::{Person, Phase, World},
};

/// Time between two things that somebody does, in milliseconds.
const PAUSE_MS: (u64, u64) = (100, 900);
/// How often it is looked whether something is due.
const TICK: Duration = Duration::from_millis(100);
/// Messages that may wait for their ack.
const WAITING_MAX: usize = 20;

pub(crate) struct Application {
    world: Arc<World>,
    person: Person,
    name: String,
    random: Random,
    resting: Resting,
    live: Live,
    opened: BTreeSet<ConversationId>,
    views: BTreeMap<ConversationId, BTreeMap<i64, Held>>,
    /// Sends by their `clientId`.
    sends: HashMap<String, (u64, Call)>,
    /// Other commands by their number.
    commands: HashMap<u64, u64>,
}

impl Application {
    pub(crate) fn new(world: Arc<World>, person: Person, name: String, resting: Resting) -> Self {
        Self {
            random: Random::of(world.seed, &name),
            live: Live::connect(&world.url, &person.token),
            world,
            person,
            name,
            resting,
            opened: BTreeSet::new(),
            views: BTreeMap::new(),
            sends: HashMap::new(),
            commands: HashMap::new(),
        }
    }

    /// Lives until the run is over, and writes what it shows then.
    pub(crate) async fn live(mut self) {
        for talk in self.world.talks.clone() {
            if talk.founders.contains(&self.person.id) {
                self.open(talk.id).await;
            }
        }
        let mut phase = self.world.phase.clone();
        let mut ticks = tokio::time::interval(TICK);
        let mut act_at = tokio::time::Instant::now();
        loop {
            tokio::select! {
                () = over(&mut phase) => break,
                event = self.live.next() => match event {
                    Some(event) => self.told(event).await,
                    None => break,
                },
                _ = ticks.tick() => {
                    self.say_whether_at_rest();
                    if act_at < tokio::time::Instant::now() {
                        let pause = self.random.between(PAUSE_MS.0, PAUSE_MS.1);
                        act_at = tokio::time::Instant::now() + Duration::from_millis(pause);
                        self.act().await;
                    }
                }
            }
        }
        let user_id = self.person.id.clone();
        for (conversation_id, messages) in std::mem::take(&mut self.views) {
            self.write(Entry::View {
                user_id: user_id.clone(),
                conversation_id,
                messages: messages.into_values().collect(),
            });
        }
        self.write(Entry::Rested { user_id });
    }

    fn write(&self, entry: Entry) {
        self.world.history.write(&self.name, entry);
    }

    async fn open(&mut self, id: ConversationId) {
        if self.opened.insert(id) {
            self.live.open(id).await.expect("the client goes on");
        }
    }

    fn say_whether_at_rest(&self) {
        let idle = self.sends.is_empty() && self.commands.is_empty();
        let ends = self.views.iter().map(|(id, messages)| {
            let end = messages.keys().next_back().copied().unwrap_or(0);
            (*id, end)
        });
        let mut resting = self.resting.lock().expect("nobody panics");
        resting.insert(self.name.clone(), idle.then(|| ends.collect()));
    }

    async fn act(&mut self) {
        if *self.world.phase.borrow() != Phase::Busy {
            return;
        }
        let Some(call) = self.world.choose(&mut self.random, &self.person) else {
            return;
        };
        let operation = self.world.history.operation();
        let invoked = |call| Entry::Invoked {
            operation,
            by: self.person.id.clone(),
            call,
        };
        let live = &self.live;
        let number = match &call {
            Call::Send {
                conversation_id,
                content,
                ..
            } => {
                if self.sends.len() == WAITING_MAX {
                    return;
                }
                // The client makes the `clientId`; it is in the history before its answer can be.
                let sent = live.send(*conversation_id, content).await;
                let client_id = sent.expect("the client goes on");
                let call = Call::Send {
                    conversation_id: *conversation_id,
                    client_id: client_id.clone(),
                    content: content.clone(),
                };
                self.write(invoked(call.clone()));
                self.sends.insert(client_id, (operation, call));
                return;
            }
            Call::Edit {
                conversation_id,
                message_id,
                content,
            } => {
                self.write(invoked(call.clone()));
                live.edit(*conversation_id, *message_id, content).await
            }
            Call::Delete {
                conversation_id,
                message_id,
            } => {
                self.write(invoked(call.clone()));
                live.delete(*conversation_id, *message_id).await
            }
            Call::React {
                conversation_id,
                message_id,
                emoji,
                on,
            } => {
                self.write(invoked(call.clone()));
                if *on {
                    live.react(*conversation_id, *message_id, emoji).await
                } else {
                    live.unreact(*conversation_id, *message_id, emoji).await
                }
            }
            Call::Read {
                conversation_id,
                seq,
            } => {
                self.write(invoked(call.clone()));
                let read = parlor_protocol::ReceiptStatus::Read;
                live.receipt(*conversation_id, read, *seq).await
            }
            Call::SetMember { .. } | Call::Look { .. } => return,
        };
        let number = number.expect("the client goes on");
        self.commands.insert(number, operation);
    }

    async fn told(&mut self, event: Event) {
        match event {
            Event::Sent { client_id, message } => {
                if let Some((operation, call)) = self.sends.remove(&client_id) {
                    let place = Place::from(&message);
                    self.world.remember(&self.person.id, &call, place);
                    let place = Some(place);
                    self.write(Entry::Done { operation, place });
                }
            }
            Event::Failed {
                client_id, code, ..
            } => {
                if let Some((operation, _)) = self.sends.remove(&client_id) {
                    // The client has perhaps sent it before, on a socket that broke.
                    self.write(match code {
                        Code::NotFound | Code::Forbidden => Entry::Unknown { operation },
                        code => Entry::Refused { operation, code },
                    });
                }
            }
            Event::Done { number } => {
                if let Some(operation) = self.commands.remove(&number) {
                    let place = None;
                    self.write(Entry::Done { operation, place });
                }
            }
            Event::Refused { number, code, .. } => {
                if let Some(operation) = self.commands.remove(&number) {
                    self.write(match code {
                        Code::UnknownOutcome | Code::Internal => Entry::Unknown { operation },
                        code => Entry::Refused { operation, code },
                    });
                }
            }
            Event::Applied(message) => {
                let held = Held::from(&*message);
                self.write(Entry::Shown {
                    conversation_id: message.conversation_id,
                    seq: held.seq,
                });
                let view = self.views.entry(message.conversation_id).or_default();
                view.insert(held.seq, held);
            }
            Event::Updated(message) => {
                let held = Held::from(&*message);
                let view = self.views.entry(message.conversation_id).or_default();
                view.insert(held.seq, held);
            }
            Event::Conversation(conversation) => self.open(conversation.summary.id).await,
            Event::Removed(id) => self.left(Some(id), "removed"),
            Event::Gap(id) => self.left(Some(id), "gap"),
            Event::StartedOver => self.left(None, "started over"),
            Event::Frame(_) | Event::Status(_) | Event::Outbox(_) => {}
        }
    }

    fn left(&mut self, conversation_id: Option<ConversationId>, cause: &str) {
        match conversation_id {
            Some(id) => drop(self.views.remove(&id)),
            None => self.views.clear(),
        }
        self.write(Entry::Left {
            conversation_id,
            cause: cause.to_owned(),
        });
    }
}

/// Waits until the run is over.
async fn over(phase: &mut watch::Receiver<Phase>) {
    drop(phase.wait_for(|phase| *phase == Phase::Over).await);
}
