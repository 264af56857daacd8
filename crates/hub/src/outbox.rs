//! The bounded way out to one connection.
//!
//! Publishers push under a short lock and never wait; one task takes everything at once. An empty
//! outbox owns no buffer, so a parked connection costs a few dozen bytes here.

use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use parking_lot::Mutex;
use parlor_protocol::CloseCode;
use tokio::sync::Notify;

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
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// Why the hub ends this connection; set once.
    ended: Option<CloseCode>,
    waker: Option<Waker>,
}

/// What an outbox held.
#[derive(Debug, Default)]
pub struct Drained {
    /// The frames, in the order they were pushed.
    pub frames: VecDeque<Bytes>,
    /// Why the connection is to be closed after them, if it is.
    pub ended: Option<CloseCode>,
}

impl Outbox {
    /// Adds a frame. An outbox that is full drops what it holds and ends its connection: the
    /// client resumes and loses nothing.
    pub fn push(&self, frame: Bytes) {
        let waker = {
            let mut inner = self.inner.lock();
            if inner.ended.is_some() {
                return;
            }
            if inner.frames.len() >= OUTBOX_FRAMES_MAX
                || inner.bytes + frame.len() > OUTBOX_BYTES_MAX
            {
                inner.frames = VecDeque::new();
                inner.bytes = 0;
                inner.ended = Some(CloseCode::TooSlow);
                self.ending.notify_one();
            } else {
                inner.bytes += frame.len();
                inner.frames.push_back(frame);
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
        inner.bytes = 0;
        Poll::Ready(Drained {
            frames: std::mem::take(&mut inner.frames),
            ended: inner.ended,
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(outbox: &Outbox) -> Poll<Drained> {
        outbox.poll_drain(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn frames_leave_together_and_in_order() {
        let outbox = Outbox::default();
        assert!(poll(&outbox).is_pending());
        for n in 0..3_u8 {
            outbox.push(Bytes::copy_from_slice(&[n]));
        }
        let Poll::Ready(drained) = poll(&outbox) else {
            panic!("nothing to drain")
        };
        assert_eq!(drained.frames, [&[0_u8][..], &[1], &[2]]);
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
                outbox.push(frame.clone());
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
        outbox.push(Bytes::from_static(b"x"));
        outbox.end(CloseCode::Revoked);
        outbox.end(CloseCode::Restart);
        outbox.push(Bytes::from_static(b"y"));
        let Poll::Ready(drained) = poll(&outbox) else {
            panic!("nothing to drain")
        };
        assert_eq!(
            (drained.frames.len(), drained.ended),
            (1, Some(CloseCode::Revoked))
        );
    }
}
