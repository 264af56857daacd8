//! The newest messages of a conversation, in ascending `seq` and without holes.
//!
//! Never here: what the application is told, or what a hole calls for; that is the replica's.

use std::collections::VecDeque;

use parlor_protocol::{Message, Reaction, ServerFrame, limits::REACTION_USERS_MAX};

/// Messages held of one conversation; older ones are read over REST when somebody looks for them.
pub(crate) const WINDOW_MESSAGES_MAX: usize = 1000;

/// A window that ends at some `seq`. It may be empty: then messages are held from there on.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    messages: VecDeque<Message>,
    end: i64,
}

impl Window {
    /// An empty window after `end`.
    pub(crate) fn ending_at(end: i64) -> Self {
        Self {
            messages: VecDeque::new(),
            end,
        }
    }

    /// What hangs together at the end of `messages`, which are in ascending `seq`.
    pub(crate) fn of_newest(messages: Vec<Message>) -> Option<Self> {
        let end = messages.last()?.seq;
        let mut window = Self::ending_at(end);
        for message in messages.into_iter().rev() {
            if message.seq != window.end - window.messages.len() as i64 {
                break;
            }
            window.messages.push_front(message);
        }
        Some(window)
    }

    /// The `seq` of the newest message.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// Oldest first.
    pub(crate) fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.iter()
    }

    /// Appends the message after the end; `false` for any other.
    pub(crate) fn push(&mut self, message: Message) -> bool {
        if message.seq != self.end + 1 {
            return false;
        }
        self.end = message.seq;
        self.messages.push_back(message);
        if self.messages.len() > WINDOW_MESSAGES_MAX {
            self.messages.pop_front();
        }
        true
    }

    /// The message at `seq`, if it is held.
    pub(crate) fn get_mut(&mut self, seq: i64) -> Option<&mut Message> {
        let first = self.end + 1 - self.messages.len() as i64;
        let at = usize::try_from(seq - first).ok()?;
        self.messages.get_mut(at)
    }

    /// Messages of others after `seq`; `None` when the window does not reach back that far.
    pub(crate) fn count_after(&self, seq: i64, counts: impl Fn(&Message) -> bool) -> Option<i64> {
        if self.end - (self.messages.len() as i64) > seq {
            return None;
        }
        let after = self.messages.iter().rev().take_while(|it| it.seq > seq);
        Some(after.filter(|message| counts(message)).count() as i64)
    }
}

/// Which message a frame changes, and the version of the change.
pub(crate) fn target(frame: &ServerFrame) -> Option<(i64, i64)> {
    match frame {
        ServerFrame::MessageUpdated {
            version, message, ..
        } => Some((message.seq, *version)),
        ServerFrame::MessageDeleted { version, seq, .. }
        | ServerFrame::ReactionAdded { version, seq, .. }
        | ServerFrame::ReactionRemoved { version, seq, .. } => Some((*seq, *version)),
        _ => None,
    }
}

/// Changes a message as the frame says, unless it is as new already.
pub(crate) fn change(message: &mut Message, frame: &ServerFrame) -> bool {
    let Some((seq, version)) = target(frame) else {
        return false;
    };
    if message.seq != seq || message.version >= version {
        return false;
    }
    match frame {
        ServerFrame::MessageUpdated { message: newer, .. } => *message = Message::clone(newer),
        ServerFrame::MessageDeleted { deleted_at, .. } => {
            message.content.clear();
            message.reactions.clear();
            message.attachments.clear();
            message.mentions.clear();
            message.deleted_at = Some(*deleted_at);
        }
        ServerFrame::ReactionAdded { emoji, user_id, .. } => {
            let at = message.reactions.iter().position(|it| it.emoji == *emoji);
            let at = at.unwrap_or_else(|| {
                message.reactions.push(Reaction {
                    emoji: emoji.clone(),
                    count: 0,
                    user_ids: Vec::new(),
                });
                message.reactions.len() - 1
            });
            let reaction = &mut message.reactions[at];
            if !reaction.user_ids.contains(user_id) {
                reaction.count += 1;
                if reaction.user_ids.len() < REACTION_USERS_MAX {
                    reaction.user_ids.push(user_id.clone());
                }
            }
        }
        ServerFrame::ReactionRemoved { emoji, user_id, .. } => {
            if let Some(reaction) = message.reactions.iter_mut().find(|it| it.emoji == *emoji) {
                reaction.count = reaction.count.saturating_sub(1);
                reaction.user_ids.retain(|id| id != user_id);
            }
            message.reactions.retain(|reaction| reaction.count > 0);
        }
        _ => {}
    }
    message.version = version;
    true
}
