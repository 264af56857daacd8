//! Which histories must be read over REST, which reads are under way, and when a failed one is tried
//! again. At most one read of a conversation counts: the answer to an older one is thrown away.

use std::collections::BTreeMap;

use parlor_protocol::{ConversationId, ServerFrame};

use crate::backoff::backoff_ms;

/// Reads under way at once: filling many windows must not crowd out what a person does.
const READS_MAX: usize = 4;
/// Frames kept for a window that is being read; with more of them the read begins anew.
const LATE_FRAMES_MAX: usize = 1000;

/// A read for the driver: the messages after a `seq`, or the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Repeated in the answer.
    pub number: u64,
    /// Where.
    pub conversation_id: ConversationId,
    /// The messages just after this `seq`; the newest when there is none.
    pub after: Option<i64>,
}

#[derive(Debug, Default)]
struct Wanted {
    after: Option<i64>,
    /// The number of the read under way.
    asked: Option<u64>,
    failures: u32,
    not_before_ms: u64,
    late: Vec<ServerFrame>,
}

/// The reads of a session.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    wanted: BTreeMap<ConversationId, Wanted>,
    numbered: u64,
}

impl Reads {
    /// Asks for a window; an answer that is under way does not count any more.
    pub(crate) fn want(&mut self, id: ConversationId, after: Option<i64>) {
        let failures = self.wanted.get(&id).map_or(0, |wanted| wanted.failures);
        let not_before_ms = self.wanted.get(&id).map_or(0, |it| it.not_before_ms);
        let wanted = Wanted {
            after,
            failures,
            not_before_ms,
            ..Wanted::default()
        };
        self.wanted.insert(id, wanted);
    }

    /// Whether this conversation's window is being read.
    pub(crate) fn pending(&self, id: ConversationId) -> bool {
        self.wanted.contains_key(&id)
    }

    /// Keeps a frame about messages that are not read yet.
    pub(crate) fn keep(&mut self, id: ConversationId, frame: &ServerFrame) {
        let Some(wanted) = self.wanted.get_mut(&id) else {
            return;
        };
        if wanted.late.len() >= LATE_FRAMES_MAX {
            wanted.late.clear();
            wanted.asked = None;
        }
        wanted.late.push(frame.clone());
    }

    pub(crate) fn forget(&mut self, id: ConversationId) {
        self.wanted.remove(&id);
    }

    pub(crate) fn clear(&mut self) {
        self.wanted.clear();
    }

    /// The reads to begin now.
    pub(crate) fn next(&mut self, now_ms: u64) -> Vec<Read> {
        let under_way = self.wanted.values().filter(|it| it.asked.is_some()).count();
        let due = self
            .wanted
            .iter_mut()
            .filter(|(_, wanted)| wanted.asked.is_none() && wanted.not_before_ms <= now_ms);
        let mut begun = Vec::new();
        for (id, wanted) in due.take(READS_MAX.saturating_sub(under_way)) {
            self.numbered += 1;
            wanted.asked = Some(self.numbered);
            begun.push(Read {
                number: self.numbered,
                conversation_id: *id,
                after: wanted.after,
            });
        }
        begun
    }

    /// Whether an answer to this read still counts.
    pub(crate) fn counts(&self, read: &Read) -> bool {
        let wanted = self.wanted.get(&read.conversation_id);
        wanted.is_some_and(|wanted| wanted.asked == Some(read.number))
    }

    /// The read is answered; what was kept for it meanwhile.
    pub(crate) fn answered(&mut self, id: ConversationId) -> Vec<ServerFrame> {
        self.wanted.remove(&id).map_or(Vec::new(), |it| it.late)
    }

    /// The read failed and is tried again later.
    pub(crate) fn failed(&mut self, id: ConversationId, now_ms: u64, random: f64) {
        if let Some(wanted) = self.wanted.get_mut(&id) {
            wanted.asked = None;
            wanted.not_before_ms = now_ms + backoff_ms(wanted.failures, random);
            wanted.failures = wanted.failures.saturating_add(1);
        }
    }

    /// When the next one is due that waits.
    pub(crate) fn deadline(&self) -> Option<u64> {
        let under_way = self.wanted.values().filter(|it| it.asked.is_some()).count();
        if under_way >= READS_MAX {
            return None;
        }
        let idle = self.wanted.values().filter(|it| it.asked.is_none());
        idle.map(|wanted| wanted.not_before_ms).min()
    }
}
