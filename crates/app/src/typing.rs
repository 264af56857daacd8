//! Who writes where: told to the conversation, stored nowhere.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use parlor_core::{Actor, Refusal, Typed, Typing, append::Event, conversation::may_write};
use parlor_hub::{Hub, Loaded};
use parlor_protocol::{ConversationId, ServerFrame, UserId, limits::BIG_ROOM_MEMBERS};

use crate::{App, app::refused, publisher::write_out};

/// Who writes on this node.
pub(crate) struct Typists {
    hub: Arc<Hub>,
    started: Instant,
    typing: Mutex<Typing>,
    /// Whether there are any, to be known without a lock: every message asks.
    some: AtomicBool,
}

impl Typists {
    pub(crate) fn new(lasting: Duration, hub: Arc<Hub>) -> Self {
        Self {
            hub,
            started: Instant::now(),
            typing: Mutex::new(Typing::lasting(lasting.as_millis() as u64)),
            some: AtomicBool::new(false),
        }
    }

    pub(crate) fn are_none(&self) -> bool {
        !self.some.load(Ordering::Acquire)
    }

    /// Tells what time has brought about.
    pub(crate) fn tick(&self) {
        if !self.are_none() {
            let due = self.with(Typing::due);
            self.tell(due);
        }
    }

    /// Somebody has no device any more.
    pub(crate) fn gone(&self, user_id: &UserId) {
        if self.are_none() {
            return;
        }
        let left = self.with(|typing, _| typing.leave(user_id));
        let over = left.into_iter().map(|conversation_id| Typed {
            conversation_id,
            user_id: user_id.clone(),
            on: false,
        });
        self.tell(over);
    }

    /// Whoever has sent a message, or is no longer a member, writes no more.
    pub(crate) fn happened(&self, event: &Event, loaded: &mut Loaded) {
        if self.are_none() {
            return;
        }
        let over = match event {
            Event::MessageNew(message) => {
                let over = (message.conversation_id, &message.sender_id);
                self.with(|typing, _| typing.stop(over.1, over.0))
                    .then_some(over)
            }
            Event::MemberLeft {
                conversation_id,
                user_id,
                ..
            } => {
                let over = (*conversation_id, user_id);
                self.with(|typing, _| typing.refuse(over.1, over.0))
                    .then_some(over)
            }
            _ => None,
        };
        if let Some((conversation_id, user_id)) = over {
            self.publish(conversation_id, user_id.clone(), false, loaded);
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Typing, u64) -> T) -> T {
        let mut typing = self.typing.lock();
        let value = act(&mut typing, self.started.elapsed().as_millis() as u64);
        self.some.store(!typing.is_empty(), Ordering::Release);
        value
    }

    fn tell(&self, words: impl IntoIterator<Item = Typed>) {
        let mut loaded = Loaded::default();
        for word in words {
            self.publish(word.conversation_id, word.user_id, word.on, &mut loaded);
        }
        write_out(loaded);
    }

    fn publish(
        &self,
        conversation_id: ConversationId,
        user_id: UserId,
        on: bool,
        loaded: &mut Loaded,
    ) {
        let frame = if on {
            ServerFrame::TypingStart {
                conversation_id,
                user_id,
            }
        } else {
            ServerFrame::TypingStop {
                conversation_id,
                user_id,
            }
        };
        self.hub.publish(conversation_id, &frame, loaded);
    }
}

impl App {
    /// The actor writes in a conversation, or no more. What they say counts from the call on, in the
    /// order of the calls; the answer comes when it is known whether they may.
    pub fn typing(
        self: &Arc<Self>,
        actor: &Actor,
        conversation_id: ConversationId,
        on: bool,
    ) -> impl Future<Output = Result<(), Refusal>> + Send + 'static + use<> {
        let (app, user_id) = (self.clone(), actor.user_id.clone());
        let typists = &self.ephemeral.typists;
        let is_known = if on {
            let is_known = typists.with(|typing, now| typing.start(&user_id, conversation_id, now));
            self.ephemeral.wake();
            is_known
        } else {
            let was_believed = typists.with(|typing, _| typing.stop(&user_id, conversation_id));
            if was_believed {
                typists.tell([Typed {
                    conversation_id,
                    user_id: user_id.clone(),
                    on,
                }]);
            }
            was_believed
        };
        async move {
            if is_known {
                return Ok(());
            }
            let is_heard = app.is_heard_typing(&user_id, conversation_id).await;
            if on {
                app.decide_typing(user_id, conversation_id, matches!(is_heard, Ok(true)));
            }
            is_heard.map(drop)
        }
    }

    /// Whether a conversation hears when somebody writes; refused where they may not write.
    async fn is_heard_typing(&self, user_id: &UserId, id: ConversationId) -> Result<bool, Refusal> {
        let seat = self.store.seat(user_id, id).await.map_err(refused)?;
        let seat = seat.ok_or_else(|| Refusal::not_found("conversation"))?;
        may_write(seat.kind, seat.role)?;
        Ok(seat.member_count <= BIG_ROOM_MEMBERS as i64)
    }

    fn decide_typing(&self, user_id: UserId, conversation_id: ConversationId, is_heard: bool) {
        let typists = &self.ephemeral.typists;
        let says = typists.with(|typing, now| {
            if is_heard {
                typing.allow(&user_id, conversation_id, now)
            } else {
                typing.refuse(&user_id, conversation_id)
            }
        });
        if says {
            typists.tell([Typed {
                conversation_id,
                user_id,
                on: is_heard,
            }]);
        }
    }
}
