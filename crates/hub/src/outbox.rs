//! The bounded way out to one connection.
//!
//! Publishers push under a short lock and never wait; one task takes everything at once. An empty
//! outbox owns no buffer, so a parked connection costs a few dozen bytes here.

use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;
use parlor_protocol::CloseCode;
use tokio::sync::Notify;

use crate::{Frame, FrameKind};

/// Frames that may wait for one connection.
pub const OUTBOX_FRAMES_MAX: usize = 1024;
/// Bytes that may wait for one connection.
pub const OUTBOX_BYTES_MAX: usize = 1024 * 1024;

/// Frames that wait for one connection.
#[derive(Debug, Default)]
pub struct Outbox {
    inner: Mutex<Inner>,
    /// Wakes a task that is stuck in a write: what is to be ended must not wait for its reader.
    ending: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    frames: VecDeque<Frame>,
    bytes: usize,
    /// Whether a cursor was left out: what was sent is then not everything.
    lossy: bool,
    /// Why the hub ends this connection; set once.
    ended: Option<CloseCode>,
    waker: Option<Waker>,
}

/// What an outbox held.
#[derive(Debug, Default)]
pub struct Drained {
    /// The frames, in the order they were pushed.
    pub frames: VecDeque<Frame>,
    /// Why the connection is to be closed after them, if it is.
    pub ended: Option<CloseCode>,
}

impl Outbox {
    /// Adds a frame. An outbox that is full leaves cursors out; when that does not make room it
    /// drops what it holds and ends its connection: the client resumes and loses nothing.
    pub fn push(&self, frame: Frame) {
        let waker = {
            let mut inner = self.inner.lock();
            if inner.ended.is_some() {
                return;
            }
            inner.take_the_place_of_older(&frame.kind);
            if inner.is_full(frame.bytes.len()) {
                inner.leave_cursors_out();
            }
            if !inner.is_full(frame.bytes.len()) {
                inner.bytes += frame.bytes.len();
                inner.frames.push_back(frame);
            } else if frame.kind == FrameKind::Durable {
                inner.frames = VecDeque::new();
                inner.bytes = 0;
                inner.ended = Some(CloseCode::TooSlow);
                self.ending.notify_one();
            } else {
                inner.lossy = true;
            }
            inner.waker.take()
        };
        // Woken outside the lock, or the woken task would wait for it.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ends the connection after what it holds; the first reason stays.
    pub fn end(&self, code: CloseCode) {
        let waker = {
            let mut inner = self.inner.lock();
            inner.ended.get_or_insert(code);
            inner.waker.take()
        };
        self.ending.notify_one();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes everything, or waits for the first frame.
    pub fn poll_drain(&self, context: &mut Context<'_>) -> Poll<Drained> {
        let mut inner = self.inner.lock();
        if inner.frames.is_empty() && inner.ended.is_none() {
            match &mut inner.waker {
                Some(waker) => waker.clone_from(context.waker()),
                None => inner.waker = Some(context.waker().clone()),
            }
            return Poll::Pending;
        }
        Poll::Ready(inner.take())
    }

    /// Whether something was left out: nobody may resume from what was sent last.
    pub fn is_lossy(&self) -> bool {
        self.inner.lock().lossy
    }

    /// Takes everything that waits now, if anything does.
    pub fn try_drain(&self) -> Option<Drained> {
        let mut inner = self.inner.lock();
        (!inner.frames.is_empty() || inner.ended.is_some()).then(|| inner.take())
    }

    /// Waits until the hub ends this connection. For the one task that writes to it.
    pub async fn ended(&self) -> CloseCode {
        loop {
            let ended = self.inner.lock().ended;
            if let Some(code) = ended {
                return code;
            }
            self.ending.notified().await;
        }
    }

    /// Takes everything, or waits for the first frame.
    pub async fn drain(&self) -> Drained {
        std::future::poll_fn(|context| self.poll_drain(context)).await
    }
}

impl Inner {
    fn take(&mut self) -> Drained {
        self.bytes = 0;
        Drained {
            frames: std::mem::take(&mut self.frames),
            ended: self.ended,
        }
    }

    fn is_full(&self, more_bytes: usize) -> bool {
        self.frames.len() >= OUTBOX_FRAMES_MAX || self.bytes + more_bytes > OUTBOX_BYTES_MAX
    }

    fn take_the_place_of_older(&mut self, kind: &FrameKind) {
        if *kind == FrameKind::Durable {
            return;
        }
        if let Some(at) = self.frames.iter().position(|older| older.kind == *kind)
            && let Some(older) = self.frames.remove(at)
        {
            self.bytes -= older.bytes.len();
        }
    }

    fn leave_cursors_out(&mut self) {
        let before = self.frames.len();
        self.frames.retain(|frame| frame.kind == FrameKind::Durable);
        self.lossy |= self.frames.len() < before;
        self.bytes = self.frames.iter().map(|frame| frame.bytes.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::CursorOf;

    fn durable(bytes: &[u8]) -> Frame {
        Frame {
            bytes: Bytes::copy_from_slice(bytes),
            kind: FrameKind::Durable,
        }
    }

    fn cursor(user: &str, seq: u8) -> Frame {
        Frame {
            bytes: Bytes::copy_from_slice(&[seq]),
            kind: FrameKind::Cursor(Arc::new(CursorOf {
                conversation_id: "0190b2c8-0000-7000-8000-000000000001"
                    .parse()
                    .expect("a valid id"),
                user_id: user.parse().expect("a valid id"),
                read: true,
            })),
        }
    }

    fn held(outbox: &Outbox) -> Vec<Bytes> {
        match poll(outbox) {
            Poll::Ready(drained) => drained
                .frames
                .into_iter()
                .map(|frame| frame.bytes)
                .collect(),
            Poll::Pending => Vec::new(),
        }
    }

    #[test]
    fn r6_of_several_cursors_of_one_person_the_newest_is_sent() {
        let outbox = Outbox::default();
        outbox.push(cursor("ada", 1));
        outbox.push(durable(b"x"));
        outbox.push(cursor("grace", 2));
        outbox.push(cursor("ada", 3));
        assert_eq!(held(&outbox), [&b"x"[..], &[2], &[3]]);
    }

    #[test]
    fn a_full_outbox_leaves_cursors_out_before_it_ends_its_connection() {
        let outbox = Outbox::default();
        for n in 0..24 {
            outbox.push(cursor(&format!("user{n}"), n));
        }
        for _ in 0..OUTBOX_FRAMES_MAX {
            outbox.push(durable(b"x"));
        }
        // No room for a cursor, and no reason to end anything for it.
        outbox.push(cursor("ada", 1));
        let Poll::Ready(drained) = poll(&outbox) else {
            panic!("nothing to drain")
        };
        assert_eq!(drained.ended, None);
        assert_eq!(drained.frames.len(), OUTBOX_FRAMES_MAX);
        assert!(outbox.is_lossy(), "no position covers what was left out");
        assert!(
            drained
                .frames
                .iter()
                .all(|frame| frame.kind == FrameKind::Durable)
        );
    }

    fn poll(outbox: &Outbox) -> Poll<Drained> {
        outbox.poll_drain(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn frames_leave_together_and_in_order() {
        let outbox = Outbox::default();
        assert!(poll(&outbox).is_pending());
        for n in 0..3_u8 {
            outbox.push(durable(&[n]));
        }
        let Poll::Ready(drained) = poll(&outbox) else {
            panic!("nothing to drain")
        };
        let bytes: Vec<Bytes> = drained
            .frames
            .into_iter()
            .map(|frame| frame.bytes)
            .collect();
        assert_eq!(bytes, [&[0_u8][..], &[1], &[2]]);
        assert_eq!(drained.ended, None);
        assert!(poll(&outbox).is_pending());
    }

    #[test]
    fn a_full_outbox_ends_its_connection_and_keeps_nothing() {
        for frame in [
            Bytes::from_static(b"x"),
            Bytes::from(vec![0; OUTBOX_BYTES_MAX / 4]),
        ] {
            let outbox = Outbox::default();
            for _ in 0..=OUTBOX_FRAMES_MAX {
                outbox.push(Frame {
                    bytes: frame.clone(),
                    kind: FrameKind::Durable,
                });
            }
            let Poll::Ready(drained) = poll(&outbox) else {
                panic!("nothing to drain")
            };
            assert_eq!(
                (drained.frames.len(), drained.ended),
                (0, Some(CloseCode::TooSlow))
            );
        }
    }

    #[test]
    fn the_first_reason_stays_and_what_came_before_is_written() {
        let outbox = Outbox::default();
        outbox.push(durable(b"x"));
        outbox.end(CloseCode::Revoked);
        outbox.end(CloseCode::Restart);
        outbox.push(durable(b"y"));
        let Poll::Ready(drained) = poll(&outbox) else {
            panic!("nothing to drain")
        };
        assert_eq!(
            (drained.frames.len(), drained.ended),
            (1, Some(CloseCode::Revoked))
        );
    }
}
