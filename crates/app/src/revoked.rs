//! Sessions that were revoked while access tokens of theirs are still out there.
//!
//! Access tokens are checked without the store; this short list is what keeps a revoked one out
//! (P6). An entry lives as long as a token may, so the list stays as short as the revocations of
//! that time. It is loaded from the store on start.

use std::{collections::HashMap, time::Duration};

use parking_lot::RwLock;
use parlor_protocol::{SessionId, Timestamp};

#[derive(Default)]
pub(crate) struct Revoked {
    until: RwLock<HashMap<SessionId, Timestamp>>,
}

impl Revoked {
    pub(crate) fn add(&self, id: SessionId, now: Timestamp, token_lifetime: Duration) {
        let mut until = self.until.write();
        until.retain(|_, end| *end > now);
        until.insert(id, now.plus(token_lifetime));
    }

    pub(crate) fn contains(&self, id: SessionId) -> bool {
        self.until.read().contains_key(&id)
    }
}
