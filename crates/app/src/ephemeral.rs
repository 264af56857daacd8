//! What holds for some seconds: who is here, who writes. Kept in memory, told through the hub; one task
//! lets time pass for both.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parlor_core::GRACE_MS;
use parlor_hub::{Connection, Hub};
use parlor_protocol::limits::TYPING_MS;
use parlor_store::Store;
use tokio::sync::Notify;

use crate::{Clock, presence::Presences, typing::Typists};

/// How often time is looked at while it may bring something new.
const TICK: Duration = Duration::from_millis(100);
/// It rests so many times as long as it worked: in a storm of those who come, coming goes first.
const REST_FACTOR: u32 = 4;
/// How long it rests at most.
const TICK_MAX: Duration = Duration::from_secs(1);
/// The least time between two writes of when people were last seen: each waits for the disk.
const KEPT_EVERY: Duration = Duration::from_secs(1);

/// How long things last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lasting {
    /// A device that is gone still counts for so long.
    pub grace: Duration,
    /// Somebody writes for so long after they said so.
    pub typing: Duration,
}

impl Default for Lasting {
    fn default() -> Self {
        Self {
            grace: Duration::from_millis(GRACE_MS),
            typing: Duration::from_millis(TYPING_MS),
        }
    }
}

/// Who is here and who writes, on this node.
pub(crate) struct Ephemeral {
    pub(crate) presences: Presences,
    pub(crate) typists: Typists,
    work: Notify,
    is_closed: AtomicBool,
}

impl Ephemeral {
    pub(crate) fn new(
        lasting: Lasting,
        store: Store,
        hub: &Arc<Hub>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            presences: Presences::new(lasting.grace, store, hub.clone(), clock),
            typists: Typists::new(lasting.typing, hub.clone()),
            work: Notify::new(),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Lets time pass until it is closed; then keeps when those who are here were last seen.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut untold = HashMap::new();
        let mut kept = Instant::now();
        let mut pause = TICK;
        while !self.is_closed.load(Ordering::Acquire) {
            if untold.is_empty() && self.rests() {
                self.work.notified().await;
            }
            tokio::time::sleep(pause).await;
            let begun = Instant::now();
            self.typists.tick();
            self.presences.tick(&mut untold).await;
            pause = (begun.elapsed() * REST_FACTOR).clamp(TICK, TICK_MAX);
            if kept.elapsed() >= KEPT_EVERY {
                self.presences.keep_seen().await;
                kept = Instant::now();
            }
        }
        self.presences.end();
        self.presences.keep_seen().await;
    }

    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.wake();
    }

    /// There is something that time will change.
    pub(crate) fn wake(&self) {
        self.work.notify_one();
    }

    pub(crate) fn connected(&self, connection: &Connection) {
        self.presences.connected(connection);
        self.wake();
    }

    pub(crate) fn disconnected(&self, connection: &Connection) {
        if self.presences.disconnected(connection) {
            self.typists.gone(connection.user_id());
        }
        self.wake();
    }

    fn rests(&self) -> bool {
        self.typists.are_none() && self.presences.rest()
    }
}
