//! Announcing what is on disk: one task, in the order of the commits.
//!
//! Whoever joins, leaves or is removed does so here, between two frames, so that membership and
//! delivery have one order. Behind it moves the position that a socket may resume from.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use parlor_core::{
    append::Event,
    planted::{planted, planted_every},
};
use parlor_hub::{Hub, Loaded};
use parlor_protocol::{CloseCode, ConversationId, ConversationSettings, ServerFrame, UserId};
use parlor_store::{Announced, Attempt, Store, StoreError};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::ephemeral::Ephemeral;

/// Pause before the store is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(250);
/// How long the store may stay away before an announcement is given up: those whom it concerns are
/// ended then, and resume. A commit that is undecided for longer is asked for again at each later one.
const PATIENCE: Duration = Duration::from_mins(1);

/// Connections that are written out at once; of more, each lot has a task of its own, on whichever core
/// is free.
pub(crate) const WRITES_AT_ONCE: usize = 128;

/// Asks the store until it answers; `None` when it stays away.
macro_rules! patiently {
    ($ask:expr) => {{
        let patience = Patience(Instant::now());
        loop {
            match $ask.await {
                Ok(answer) => break Some(answer),
                Err(error) => {
                    if !patience.waits(error).await {
                        break None;
                    }
                }
            }
        }
    }};
}

/// The task that announces.
pub(crate) struct Publisher {
    pub(crate) store: Store,
    pub(crate) hub: Arc<Hub>,
    pub(crate) ephemeral: Arc<Ephemeral>,
    /// The first tick that may not be announced yet.
    pub(crate) position: Arc<AtomicI64>,
    /// Turns true when the disk has failed.
    pub(crate) failed: watch::Sender<bool>,
    /// Commits that nothing has been heard of for long.
    pub(crate) undecided: Vec<Attempt>,
    /// Connections that were given something of this batch.
    pub(crate) loaded: Loaded,
}

impl Publisher {
    /// Announces what comes until the appender has ended.
    pub(crate) async fn run(mut self, mut committed: mpsc::Receiver<Announced>) {
        while let Some(announced) = committed.recv().await {
            match announced {
                Announced::Committed { events, tick } => {
                    if planted("position-too-high") {
                        self.position.store(tick + 1, Ordering::Release);
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    self.settle_older().await;
                    for event in events {
                        if planted_every("publish-lost", 29) {
                            continue;
                        }
                        self.announce(event).await;
                    }
                    self.move_position(tick);
                    self.send_off();
                }
                Announced::Unknown(attempt) => self.settle(attempt).await,
                Announced::Broken => {
                    tracing::error!("the disk failed under a commit: stopping");
                    self.failed.send_replace(true);
                }
            }
        }
    }

    /// Everything up to a tick is announced, but for what is undecided: no position passes that.
    fn move_position(&self, tick: i64) {
        let oldest = self.undecided.iter().map(|attempt| attempt.tick).min();
        let position = oldest.map_or(tick + 1, |oldest| oldest.min(tick + 1));
        self.position.store(position, Ordering::Release);
    }

    /// Writes out what was published. Several events of one batch leave in one write.
    fn send_off(&mut self) {
        write_out(std::mem::take(&mut self.loaded));
    }

    async fn announce(&mut self, event: Event) {
        match event {
            Event::Added {
                conversation_id,
                user_id,
                user_version,
            } => self.added(conversation_id, &user_id, user_version).await,
            Event::Removed {
                conversation_id,
                user_id,
                user_version,
                hidden,
            } => self.removed(conversation_id, &user_id, user_version, hidden),
            Event::Membership {
                conversation_id,
                user_id,
                user_version,
                me,
            } => {
                if !self.hub.is_online(&user_id) {
                    return;
                }
                self.send_off();
                let found = patiently!(self.store.conversation(&user_id, conversation_id));
                match found {
                    Some(Some(conversation)) => self.hub.publish_to_user(
                        &user_id,
                        &ServerFrame::MembershipUpdated {
                            conversation_id,
                            user_version,
                            me,
                            unread_count: conversation.unread_count,
                        },
                        &mut self.loaded,
                    ),
                    Some(None) => {}
                    None => self.hub.end_user(&user_id, CloseCode::Restart),
                }
            }
            event => {
                self.ephemeral.typists.happened(&event, &mut self.loaded);
                let (conversation_id, frame) = frame(event);
                self.hub.publish(conversation_id, &frame, &mut self.loaded);
            }
        }
    }

    async fn added(&mut self, id: ConversationId, user_id: &UserId, user_version: i64) {
        if !self.hub.is_online(user_id) {
            return;
        }
        self.send_off();
        // As this user sees it: what they have cleared is not theirs to see again.
        let summary = match patiently!(self.store.conversation(user_id, id)) {
            Some(Some(conversation)) => conversation.summary,
            // They are out again already, and hear so next.
            Some(None) => return,
            None => return self.hub.end_user(user_id, CloseCode::Restart),
        };
        // First the topic: what comes after this frame must not be missed.
        self.hub.join_user(user_id, id);
        let frame = ServerFrame::ConversationAdded {
            conversation_id: id,
            version: summary.version,
            user_version,
            conversation: Box::new(summary),
        };
        self.hub.publish_to_user(user_id, &frame, &mut self.loaded);
    }

    fn removed(&mut self, id: ConversationId, user_id: &UserId, user_version: i64, hidden: bool) {
        let frame = ServerFrame::ConversationRemoved {
            conversation_id: id,
            user_version,
        };
        self.hub.publish_to_user(user_id, &frame, &mut self.loaded);
        if !hidden {
            self.hub.leave_user(user_id, id);
        }
    }

    /// Waits for what became of a commit that gave no answer, and announces it if it happened: what
    /// is committed later must be heard of later.
    async fn settle(&mut self, attempt: Attempt) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.store.outcome(attempt.tick).await {
                Ok(Some(committed)) => {
                    let tick = attempt.tick;
                    self.announce_if(committed, attempt).await;
                    return self.move_position(tick);
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "the store is still away"),
            }
            if Instant::now() > deadline {
                tracing::warn!(tick = attempt.tick, "a commit is undecided for long");
                return self.undecided.push(attempt);
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Asks once for each commit that was undecided for long. Until it is decided it holds the locks
    /// of its conversations, so nothing later of them has been announced.
    async fn settle_older(&mut self) {
        for attempt in std::mem::take(&mut self.undecided) {
            match self.store.outcome(attempt.tick).await {
                Ok(Some(committed)) => self.announce_if(committed, attempt).await,
                Ok(None) | Err(_) => self.undecided.push(attempt),
            }
        }
    }

    async fn announce_if(&mut self, committed: bool, attempt: Attempt) {
        if committed {
            for event in attempt.events {
                self.announce(event).await;
            }
            self.send_off();
        }
    }
}

/// Writes out what was published.
pub(crate) fn write_out(mut loaded: Loaded) {
    while loaded.len() > WRITES_AT_ONCE {
        let some = loaded.split_off(WRITES_AT_ONCE);
        tokio::spawn(async move { some.flush() });
    }
    loaded.flush();
}

/// How long an announcement has waited for the store.
struct Patience(Instant);

impl Patience {
    /// Waits a moment; `false` when it makes no sense any more.
    async fn waits(&self, error: StoreError) -> bool {
        if !matches!(error, StoreError::Unavailable(_)) || self.0.elapsed() > PATIENCE {
            tracing::error!(%error, "something on disk could not be announced");
            return false;
        }
        tokio::time::sleep(RETRY_PAUSE).await;
        true
    }
}

/// The frame of an event that a whole conversation hears.
fn frame(event: Event) -> (ConversationId, ServerFrame) {
    match event {
        Event::MessageNew(message) => {
            let message = Arc::unwrap_or_clone(message);
            let conversation_id = message.conversation_id;
            let frame = ServerFrame::MessageNew {
                conversation_id,
                version: message.version,
                message: Box::new(message),
            };
            (conversation_id, frame)
        }
        Event::MessageUpdated { version, message } => {
            let message = Arc::unwrap_or_clone(message);
            let conversation_id = message.conversation_id;
            let frame = ServerFrame::MessageUpdated {
                conversation_id,
                version,
                message: Box::new(message),
            };
            (conversation_id, frame)
        }
        Event::MessageDeleted {
            conversation_id,
            version,
            message_id,
            seq,
            deleted_at,
        } => {
            let frame = ServerFrame::MessageDeleted {
                conversation_id,
                version,
                message_id,
                seq,
                deleted_at,
            };
            (conversation_id, frame)
        }
        Event::Reaction {
            conversation_id,
            version,
            message_id,
            seq,
            emoji,
            user_id,
            on: true,
        } => {
            let frame = ServerFrame::ReactionAdded {
                conversation_id,
                version,
                message_id,
                seq,
                emoji,
                user_id,
            };
            (conversation_id, frame)
        }
        Event::Reaction {
            conversation_id,
            version,
            message_id,
            seq,
            emoji,
            user_id,
            on: false,
        } => {
            let frame = ServerFrame::ReactionRemoved {
                conversation_id,
                version,
                message_id,
                seq,
                emoji,
                user_id,
            };
            (conversation_id, frame)
        }
        Event::Cursors {
            conversation_id,
            user_id,
            before,
            after,
        } => {
            // What is read is also delivered: one event says both.
            let frame = if after.read_seq > before.read_seq {
                ServerFrame::MessageRead {
                    conversation_id,
                    user_id,
                    seq: after.read_seq,
                }
            } else {
                ServerFrame::MessageDelivered {
                    conversation_id,
                    user_id,
                    seq: after.delivered_seq,
                }
            };
            (conversation_id, frame)
        }
        Event::MembersJoined {
            conversation_id,
            version,
            members,
            member_count,
        } => {
            let frame = ServerFrame::MemberJoined {
                conversation_id,
                version,
                members,
                member_count,
            };
            (conversation_id, frame)
        }
        Event::MemberLeft {
            conversation_id,
            version,
            user_id,
            member_count,
        } => {
            let frame = ServerFrame::MemberLeft {
                conversation_id,
                version,
                user_id,
                member_count,
            };
            (conversation_id, frame)
        }
        Event::MemberUpdated {
            conversation_id,
            version,
            user_id,
            role,
        } => {
            let frame = ServerFrame::MemberUpdated {
                conversation_id,
                version,
                user_id,
                role,
            };
            (conversation_id, frame)
        }
        Event::Settings {
            conversation_id,
            version,
            settings,
            updated_at,
        } => {
            let frame = ServerFrame::ConversationUpdated {
                conversation_id,
                version,
                conversation: Box::new(ConversationSettings {
                    title: settings.title,
                    label: settings.label,
                    metadata: serde_json::from_str(&settings.metadata).unwrap_or_default(),
                    avatar_url: settings.avatar_url,
                    updated_at,
                }),
            };
            (conversation_id, frame)
        }
        Event::Added { .. } | Event::Removed { .. } | Event::Membership { .. } => {
            unreachable!("heard by one user only")
        }
    }
}
