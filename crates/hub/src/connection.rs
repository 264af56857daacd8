//! One live connection as the hub knows it.

use std::{collections::HashSet, sync::Arc};

use parking_lot::Mutex;
use parlor_protocol::{ConversationId, SessionId, UserId};

use crate::Outbox;

/// Names a live connection on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub(crate) u64);

/// A live connection: whose it is, and the way out to it.
#[derive(Debug)]
pub struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) user_id: UserId,
    pub(crate) session_id: Option<SessionId>,
    /// What it listens to; `None` once it has gone, so that a join that comes too late leaves
    /// nothing behind.
    pub(crate) topics: Mutex<Option<Topics>>,
    outbox: Arc<Outbox>,
}

/// The topics of a connection.
#[derive(Debug)]
pub(crate) struct Topics {
    /// Those that it is in, in order, to leave them when it goes. Every idle connection holds these.
    pub(crate) joined: Vec<ConversationId>,
    /// Those that its user has left while their list was being loaded: the list may still name
    /// them. `None` once the list has come.
    pub(crate) left: Option<HashSet<ConversationId>>,
}

impl Topics {
    /// `false` when it is in this one already.
    pub(crate) fn enter(&mut self, id: ConversationId) -> bool {
        let place = self.joined.binary_search(&id);
        if let Err(place) = place {
            self.joined.insert(place, id);
        }
        place.is_err()
    }

    /// `false` when it was not in this one.
    pub(crate) fn leave(&mut self, id: ConversationId) -> bool {
        let place = self.joined.binary_search(&id);
        if let Ok(place) = place {
            self.joined.remove(place);
        }
        place.is_ok()
    }
}

impl Connection {
    pub(crate) fn new(
        id: ConnectionId,
        user_id: UserId,
        session_id: Option<SessionId>,
        outbox: Arc<Outbox>,
    ) -> Self {
        Self {
            id,
            user_id,
            session_id,
            topics: Mutex::new(Some(Topics {
                joined: Vec::new(),
                left: Some(HashSet::new()),
            })),
            outbox,
        }
    }

    /// Its name on this node.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Whose it is.
    pub fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// Frames that wait for this connection.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }
}
