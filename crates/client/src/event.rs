//! What a live connection tells the application.

use parlor_protocol::{AckedMessage, Code, Conversation, ConversationId, Message, ServerFrame};

/// What the outside sees of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Opening a socket, or waiting for `connected`.
    Connecting,
    /// Commands go out and events come in.
    Live,
    /// Waiting before the next try.
    Waiting,
    /// The token has ended: give a newer one with [`Live::renew`](crate::Live::renew).
    TokenNeeded,
    /// Ended for good: the session was revoked, or the outbox is another user's.
    Stopped,
}

/// Something that happened, for the application.
///
/// [`Event::Applied`] and [`Event::Updated`] are what most applications want: resuming, syncing and
/// reading again are done by then. [`Event::Frame`] is every event frame as it was heard, also one
/// that is old news.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The connection's state has changed.
    Status(Status),
    /// An event frame of the server, as it was heard.
    Frame(Box<ServerFrame>),
    /// A message of ours is on disk.
    Sent {
        /// Our id for it.
        client_id: String,
        /// Where it stands.
        message: AckedMessage,
    },
    /// A message of ours was refused for good.
    Failed {
        /// Our id for it.
        client_id: String,
        /// Why.
        code: Code,
        /// In words.
        detail: String,
    },
    /// A command of ours was done.
    Done {
        /// The number that it was given.
        number: u64,
    },
    /// A command of ours was refused, or nobody knows whether it was done (`unknown_outcome`).
    Refused {
        /// The number that it was given.
        number: u64,
        /// Why.
        code: Code,
        /// In words.
        detail: String,
    },
    /// A message, once, in the order of its conversation.
    Applied(Box<Message>),
    /// A message as it is now: edited, deleted, reacted to, or read again after a [`Event::Gap`].
    Updated(Box<Message>),
    /// A conversation as it is now: new, or its members, cursors or settings have changed. Not told
    /// for what a message changes of it.
    Conversation(Box<Conversation>),
    /// The caller is no longer in this conversation, or has hidden it.
    Removed(ConversationId),
    /// What was told so far of this conversation's messages is out of date, and some of what came after
    /// it are left out; its newest messages follow.
    Gap(ConversationId),
    /// What was told so far does not hold any more: the server's history is another one, or our place
    /// in it was lost. The state is told again.
    StartedOver,
    /// The outbox cannot be used as it should; in words. Messages may not survive this process.
    Outbox(String),
}
