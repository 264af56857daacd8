//! The newest messages of conversations whose people come back: read and encoded once for all who
//! missed the same.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::Mutex;
use parlor_protocol::ConversationId;
use parlor_store::{Store, StoreError, Tail};
use tokio::sync::OnceCell;

/// What all tails together may take, in bytes.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Conversations of which a tail is kept.
const TAILS_MAX: usize = 4096;

/// Tails that somebody has asked for lately.
#[derive(Debug, Default)]
pub(crate) struct Tails(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    tails: HashMap<ConversationId, Arc<Entry>>,
    /// In the order in which they came; the oldest go first.
    order: VecDeque<ConversationId>,
    bytes: usize,
}

/// Whoever comes first reads it; the others wait for them.
#[derive(Debug)]
struct Entry {
    /// What was asked for; the tail may be newer.
    version: i64,
    tail: OnceCell<Option<Arc<Tail>>>,
}

impl Tails {
    /// The tail of a conversation, read at this version of it or later; `None` when it is empty.
    pub(crate) async fn tail(
        &self,
        store: &Store,
        id: ConversationId,
        version: i64,
    ) -> Result<Option<Arc<Tail>>, StoreError> {
        let entry = self.0.lock().entry(id, version);
        let mut is_new = false;
        let read = || {
            is_new = true;
            async { Ok::<_, StoreError>(store.tail(id).await?.map(Arc::new)) }
        };
        let tail = entry.tail.get_or_try_init(read).await?.clone();
        if is_new {
            self.0.lock().count(id, &entry);
        }
        Ok(tail.filter(|tail| tail.version >= version))
    }

    /// Forgets all of them: somebody has another name now, for which no conversation has a version.
    pub(crate) fn forget(&self) {
        *self.0.lock() = Kept::default();
    }
}

impl Kept {
    fn entry(&mut self, id: ConversationId, version: i64) -> Arc<Entry> {
        match self.tails.get(&id) {
            Some(entry) if entry.is_good_for(version) => return entry.clone(),
            Some(_) => self.remove(id),
            None => {}
        }
        let entry = Arc::new(Entry {
            version,
            tail: OnceCell::new(),
        });
        self.tails.insert(id, entry.clone());
        self.order.push_back(id);
        entry
    }

    /// Counts what was read, and makes room for it.
    fn count(&mut self, id: ConversationId, entry: &Arc<Entry>) {
        let is_kept = self.tails.get(&id).is_some_and(|it| Arc::ptr_eq(it, entry));
        if is_kept {
            self.bytes += entry.bytes();
        }
        while (self.bytes > BYTES_MAX || self.tails.len() > TAILS_MAX)
            && let Some(oldest) = self.order.front().copied()
        {
            self.remove(oldest);
        }
    }

    fn remove(&mut self, id: ConversationId) {
        self.order.retain(|it| *it != id);
        if let Some(entry) = self.tails.remove(&id) {
            // One that is still being read was not counted.
            self.bytes = self.bytes.saturating_sub(entry.bytes());
        }
    }
}

impl Entry {
    fn is_good_for(&self, version: i64) -> bool {
        let read = self.tail.get().and_then(Option::as_ref);
        read.map_or(self.version, |tail| tail.version) >= version
    }

    fn bytes(&self) -> usize {
        let read = self.tail.get().and_then(Option::as_ref);
        read.map_or(0, |tail| tail.bytes)
    }
}
