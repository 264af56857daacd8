//! Everything that decides a batch, true while the locks are held, and what of it has changed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use parlor_protocol::{
    ConversationId, ConversationKind, LinkId, Member, Membership, Message, MessageId, Role,
    Timestamp, UserId, UserSummary,
};

use crate::{Cursors, conversation::NewConversation};

/// A conversation while the batch holds its lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedConversation {
    /// What kind it is.
    pub kind: ConversationKind,
    /// `seq` of its newest message.
    pub last_seq: i64,
    /// Its change counter.
    pub version: i64,
    /// How many members it has.
    pub member_count: i64,
    /// How many of them are owners; loaded where a change [counts](super::Change::counts_owners) them, else 0.
    pub owner_count: i64,
}

/// What admins change of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub title: Option<String>,
    /// A short tag beside the name.
    pub label: Option<String>,
    /// The app's own fields, as JSON text.
    pub metadata: String,
    /// The address of its picture.
    pub avatar_url: Option<String>,
}

/// A member, or one who was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedMember {
    /// Who it is.
    pub user: UserSummary,
    /// What they may do.
    pub role: Role,
    /// Their cursors.
    pub cursors: Cursors,
    /// When they joined, last.
    pub joined_at: Timestamp,
    /// When they left, if they have.
    pub left_at: Option<Timestamp>,
    /// They have cleared their history up to here.
    pub cleared_seq: i64,
    /// The tick at which they did, or joined: what their devices hold from before is void.
    pub cleared_tick: i64,
    /// They have put it away; it is back once there is a newer message.
    pub hidden: bool,
    /// No notifications before this moment.
    pub muted_until: Option<Timestamp>,
    /// Kept at the top of their list.
    pub pinned: bool,
    /// Put away until looked for.
    pub archived: bool,
    /// The conversation's version at the last change of this membership.
    pub version: i64,
}

impl LockedMember {
    /// A member who joins now.
    pub(super) fn joining(user: UserSummary, role: Role, now: Timestamp, last_seq: i64) -> Self {
        Self {
            user,
            role,
            // What was there before is no news to them.
            cursors: Cursors {
                delivered_seq: last_seq,
                read_seq: last_seq,
            },
            joined_at: now,
            left_at: None,
            cleared_seq: 0,
            cleared_tick: 0,
            hidden: false,
            muted_until: None,
            pinned: false,
            archived: false,
            version: 1,
        }
    }

    /// As every member sees them.
    pub(super) fn shown(&self) -> Member {
        Member {
            user: self.user.clone(),
            role: self.role,
            read_seq: self.cursors.read_seq,
            delivered_seq: self.cursors.delivered_seq,
            joined_at: self.joined_at,
        }
    }

    /// As they see themselves.
    pub(super) fn own(&self, last_seq: i64) -> Membership {
        Membership {
            role: self.role,
            read_seq: self.cursors.read_seq,
            delivered_seq: self.cursors.delivered_seq,
            muted_until: self.muted_until,
            pinned: self.pinned,
            archived: self.archived,
            hidden: self.hidden && self.cleared_seq >= last_seq,
        }
    }
}

/// A join link while the batch holds its conversation's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedLink {
    /// Where it leads.
    pub conversation_id: ConversationId,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// How many people may join by it, if that is limited.
    pub max_uses: Option<i64>,
    /// How many have.
    pub uses: i64,
    /// Whether an admin has taken it back.
    pub is_revoked: bool,
}

impl LockedLink {
    /// Whether somebody may join by it now.
    pub fn is_good(&self, now: Timestamp) -> bool {
        !self.is_revoked
            && self.expires_at.is_none_or(|end| now < end)
            && self.max_uses.is_none_or(|max| self.uses < max)
    }
}

/// A message stored earlier under a `clientId`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Which.
    pub message_id: MessageId,
    /// [`body_hash`](super::body_hash) of its first text.
    pub hash: i64,
}

/// A membership's name.
pub type MemberKey = (ConversationId, UserId);
/// One emoji of one person on one message.
pub type ReactionKey = (MessageId, UserId, String);

/// What was loaded, as the plan changes it, and what it has touched.
#[derive(Debug, Default)]
pub struct Locked {
    /// The tick of the transaction.
    pub tick: i64,
    /// The conversations that exist.
    pub conversations: HashMap<ConversationId, LockedConversation>,
    /// The memberships of actors and of people named by a change, also those that have ended.
    pub members: HashMap<MemberKey, LockedMember>,
    /// Messages stored earlier under a `clientId` of this batch.
    pub earlier: HashMap<(ConversationId, UserId, String), Earlier>,
    /// Messages that are named by a change or by `earlier`.
    pub messages: HashMap<MessageId, Arc<Message>>,
    /// Emoji of this batch that are on their messages.
    pub reactions: HashSet<ReactionKey>,
    /// People whose own stream may be touched, or who may become members: with their change counter.
    pub users: HashMap<UserId, (UserSummary, i64)>,
    /// Direct conversations by their key.
    pub directs: HashMap<String, ConversationId>,
    /// Of conversations whose settings a change concerns.
    pub settings: HashMap<ConversationId, Settings>,
    /// Links by which somebody wants to join.
    pub links: HashMap<LinkId, LockedLink>,
    /// What has changed.
    pub touched: Touched,
}

/// What a plan has changed and a store must write.
#[derive(Debug, Default)]
pub struct Touched {
    /// Conversations to insert, with the moment of their making.
    pub created: Vec<(ConversationId, NewConversation, Timestamp)>,
    /// Conversations, with the time of the newest message and of the newest change.
    pub conversations: BTreeMap<ConversationId, TouchedConversation>,
    /// Messages to insert, with the hash of their body where they have a `clientId`.
    pub new_messages: Vec<(Arc<Message>, Option<i64>)>,
    /// Stored messages to update.
    pub messages: BTreeSet<MessageId>,
    /// Emoji in the order of the decisions, and whether each was put on.
    pub reactions: Vec<(ReactionKey, Timestamp, bool)>,
    /// Memberships that did not exist.
    pub joined: BTreeSet<MemberKey>,
    /// Memberships to update.
    pub members: BTreeSet<MemberKey>,
    /// Memberships of which at least the cursors are to be updated: of most batches only they are.
    pub cursors: BTreeSet<MemberKey>,
    /// Conversations whose settings are to be written.
    pub settings: BTreeSet<ConversationId>,
    /// Links by which somebody has joined.
    pub links: BTreeSet<LinkId>,
    /// People whose change counter went up.
    pub users: BTreeSet<UserId>,
}

/// Times of a conversation that has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TouchedConversation {
    /// Of its newest message in this batch, if there is one.
    pub active_at: Option<Timestamp>,
    /// Of its newest durable change in this batch, if there is one.
    pub updated_at: Option<Timestamp>,
}

impl Touched {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.conversations.is_empty() && self.users.is_empty()
    }
}
