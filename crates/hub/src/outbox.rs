//! The bounded way out to one connection.
//!
//! Everything that a connection is sent stands here, in one order, and leaves in one write for all
//! that waits. Whoever adds something may write it out at once: a write that does not wait needs no
//! task, so a message for a thousand people wakes nobody. Only what the kernel does not take is left to
//! the connection's own task. An outbox that is empty owns no buffer.

use std::{
    collections::VecDeque,
    fmt::Debug,
    io::{self, IoSlice},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use parlor_protocol::CloseCode;
use tokio::sync::Notify;

use crate::{Frame, FrameKind};

/// Frames that may wait for one connection.
pub const OUTBOX_FRAMES_MAX: usize = 1024;
/// Bytes that may wait for one connection.
pub const OUTBOX_BYTES_MAX: usize = 1024 * 1024;
/// Pieces in one write: the kernel takes up to 1024, and few frames are more than two pages.
const WRITE_PIECES_MAX: usize = 64;

/// The line to one client.
pub trait Line: Debug + Send + Sync {
    /// Writes as much as goes without waiting.
    fn try_write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;
}

/// What is on its way to one connection.
#[derive(Debug)]
pub struct Outbox {
    line: Arc<dyn Line>,
    inner: Mutex<Inner>,
    /// Wakes a task that is stuck in a write: what is to be ended must not wait for its reader.
    ending: Notify,
}

#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and none excludes another"
)]
struct Inner {
    /// What leaves first: the rest of a frame, and what the connection's own task says.
    writing: VecDeque<Bytes>,
    /// What the hub has for it, once it is open.
    frames: VecDeque<Frame>,
    bytes: usize,
    is_open: bool,
    /// Whether somebody has said that they will write what waits.
    is_promised: bool,
    /// Whether the connection's own task is about to say something itself.
    is_attended: bool,
    /// Whether the last thing was said.
    is_finished: bool,
    /// Whether a cursor was left out: what was sent is then not everything.
    lossy: bool,
    /// Why the hub ends this connection; set once.
    ended: Option<CloseCode>,
    state: State,
    waker: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Flowing,
    /// The kernel takes no more for now.
    Stuck,
    /// The peer is gone.
    Gone,
}

/// What a connection's own task must see to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The kernel takes no more for now: write on when it does.
    Stuck,
    /// The peer is gone.
    Gone,
    /// The hub ends it.
    Ended(CloseCode),
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing waits any more.
    Empty,
    /// The kernel takes no more for now.
    Stuck,
    /// The peer is gone.
    Gone,
}

impl Outbox {
    /// An outbox that is closed: what the hub has for it waits until it is opened.
    pub fn new(line: Arc<dyn Line>) -> Self {
        Self {
            line,
            inner: Mutex::default(),
            ending: Notify::new(),
        }
    }

    /// Adds a frame of the hub's. An outbox that is full leaves cursors and ephemeral frames out; when that does not make
    /// room it drops what it holds and ends its connection: the client resumes and loses nothing.
    ///
    /// `true` when the caller is to [flush](Self::flush) it: nobody else has promised to.
    pub fn push(&self, frame: Frame) -> bool {
        let mut inner = self.inner.lock();
        if inner.ended.is_some() {
            return false;
        }
        inner.take_the_place_of_older(&frame.kind);
        if inner.is_full(frame.bytes.len()) {
            inner.leave_out();
        }
        if !inner.is_full(frame.bytes.len()) {
            inner.bytes += frame.bytes.len();
            inner.frames.push_back(frame);
            if !inner.is_open || std::mem::replace(&mut inner.is_promised, true) {
                return false;
            }
            let is_attended = inner.is_attended;
            if is_attended {
                Self::wake(inner);
            }
            return !is_attended;
        }
        if frame.kind != FrameKind::Durable {
            inner.lossy |= is_cursor(&frame);
            return false;
        }
        inner.drop_frames();
        inner.ended = Some(CloseCode::TooSlow);
        self.ending.notify_one();
        Self::wake(inner);
        false
    }

    /// Adds a finished frame of the connection's own task, ahead of what the hub has.
    pub fn put(&self, frame: Bytes) {
        self.inner.lock().writing.push_back(frame);
    }

    /// Lets what the hub has for it leave, from now on.
    pub fn open(&self) {
        self.inner.lock().is_open = true;
    }

    /// Says whether the connection's own task writes by itself: while answers of its commands are
    /// under way, what they tell leaves in one write with what the hub has.
    pub fn attend(&self, attended: bool) {
        self.inner.lock().is_attended = attended;
    }

    /// What the hub had so far leaves before anything that the task says next.
    pub fn advance(&self) {
        let mut inner = self.inner.lock();
        let frames = std::mem::take(&mut inner.frames);
        inner.bytes = 0;
        inner
            .writing
            .extend(frames.into_iter().map(|frame| frame.bytes));
    }

    /// Says the last thing: what the hub has, now or later, leaves no more.
    pub fn finish(&self, goodbye: Bytes) {
        let mut inner = self.inner.lock();
        if std::mem::replace(&mut inner.is_finished, true) {
            return;
        }
        inner.drop_frames();
        inner.is_open = false;
        inner.ended.get_or_insert(CloseCode::Restart);
        inner.writing.push_back(goodbye);
    }

    /// Ends the connection after what it holds; the first reason stays.
    pub fn end(&self, code: CloseCode) {
        let mut inner = self.inner.lock();
        inner.ended.get_or_insert(code);
        self.ending.notify_one();
        Self::wake(inner);
    }

    /// Writes what waits, as far as the kernel takes it. What it does not take is for the connection's
    /// own task, which is woken.
    pub fn flush(&self) -> Flushed {
        let mut inner = self.inner.lock();
        let flushed = inner.flush(&*self.line);
        if flushed != Flushed::Empty {
            Self::wake(inner);
        }
        flushed
    }

    /// What the connection's own task has put and was not written yet, in bytes.
    pub fn waiting_bytes(&self) -> usize {
        self.inner.lock().writing.iter().map(Bytes::len).sum()
    }

    /// Waits until there is something to write. For the connection's own task, while it attends.
    pub fn poll_loaded(&self, context: &Context<'_>) -> Poll<()> {
        let mut inner = self.inner.lock();
        if inner.waits() {
            return Poll::Ready(());
        }
        inner.wait(context);
        Poll::Pending
    }

    /// Whether something was left out: nobody may resume from what was sent last.
    pub fn is_lossy(&self) -> bool {
        self.inner.lock().lossy
    }

    /// Why the hub ends this connection, if it does.
    pub fn end_reason(&self) -> Option<CloseCode> {
        self.inner.lock().ended
    }

    /// Waits until the connection's own task has something to see to that it does not know. For that
    /// one task.
    pub fn poll_trouble(&self, knows_stuck: bool, context: &Context<'_>) -> Poll<Trouble> {
        let mut inner = self.inner.lock();
        let trouble = match (inner.state, inner.ended) {
            (State::Gone, _) => Trouble::Gone,
            (_, Some(code)) => Trouble::Ended(code),
            (State::Stuck, None) if !knows_stuck => Trouble::Stuck,
            (State::Stuck | State::Flowing, None) => {
                inner.wait(context);
                return Poll::Pending;
            }
        };
        Poll::Ready(trouble)
    }

    /// Waits until the hub ends this connection. For the one task that writes to it.
    pub async fn ended(&self) -> CloseCode {
        loop {
            if let Some(code) = self.end_reason() {
                return code;
            }
            self.ending.notified().await;
        }
    }

    /// Wakes the task outside the lock, or it would wait for it.
    fn wake(mut inner: parking_lot::MutexGuard<'_, Inner>) {
        let waker = inner.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Inner {
    fn waits(&self) -> bool {
        !self.writing.is_empty() || self.is_open && !self.frames.is_empty()
    }

    fn wait(&mut self, context: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => self.waker = Some(context.waker().clone()),
        }
    }

    fn flush(&mut self, line: &dyn Line) -> Flushed {
        self.is_promised = false;
        if self.state == State::Gone {
            return Flushed::Gone;
        }
        self.state = State::Flowing;
        while self.waits() {
            let frames = self.frames.iter().map(|frame| &frame.bytes);
            let frames = frames.filter(|_| self.is_open);
            let mut pieces = [IoSlice::new(&[]); WRITE_PIECES_MAX];
            let mut count = 0;
            for (piece, bytes) in pieces.iter_mut().zip(self.writing.iter().chain(frames)) {
                *piece = IoSlice::new(bytes);
                count += 1;
            }
            match line.try_write(&pieces[..count]) {
                Ok(written) => self.written(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.state = State::Stuck;
                    return Flushed::Stuck;
                }
                Err(_) => {
                    self.state = State::Gone;
                    return Flushed::Gone;
                }
            }
        }
        self.writing = VecDeque::new();
        if self.frames.is_empty() {
            self.frames = VecDeque::new();
        }
        Flushed::Empty
    }

    /// Takes away what has left. The rest of a frame that has begun to leave goes first.
    fn written(&mut self, mut bytes: usize) {
        while bytes > 0 {
            if let Some(piece) = self.writing.front_mut() {
                if piece.len() > bytes {
                    piece.advance(bytes);
                    return;
                }
                bytes -= piece.len();
                self.writing.pop_front();
            } else if let Some(frame) = self.frames.pop_front() {
                self.bytes -= frame.bytes.len();
                self.writing.push_back(frame.bytes);
            } else {
                return;
            }
        }
    }

    fn drop_frames(&mut self) {
        self.frames = VecDeque::new();
        self.bytes = 0;
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

    /// Leaves out what is said again or soon is true no more.
    fn leave_out(&mut self) {
        self.lossy |= self.frames.iter().any(is_cursor);
        self.frames.retain(|frame| frame.kind == FrameKind::Durable);
        self.bytes = self.frames.iter().map(|frame| frame.bytes.len()).sum();
    }
}

fn is_cursor(frame: &Frame) -> bool {
    matches!(frame.kind, FrameKind::Cursor(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CursorOf, EphemeralOf, tape::Tape};

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

    /// An open outbox and what has left it.
    fn open() -> (Outbox, Arc<Tape>) {
        let tape = Arc::new(Tape::default());
        let outbox = Outbox::new(tape.clone());
        outbox.open();
        (outbox, tape)
    }

    fn trouble(outbox: &Outbox) -> Option<Trouble> {
        match outbox.poll_trouble(false, &Context::from_waker(Waker::noop())) {
            Poll::Ready(trouble) => Some(trouble),
            Poll::Pending => None,
        }
    }

    #[test]
    fn r6_of_several_cursors_of_one_person_the_newest_is_sent() {
        let (outbox, tape) = open();
        outbox.push(cursor("ada", 1));
        outbox.push(durable(b"x"));
        outbox.push(cursor("grace", 2));
        outbox.push(cursor("ada", 3));
        assert_eq!(outbox.flush(), Flushed::Empty);
        assert_eq!(tape.written(), [b'x', 2, 3]);
    }

    #[test]
    fn a_full_outbox_leaves_cursors_out_before_it_ends_its_connection() {
        let (outbox, tape) = open();
        for n in 0..24 {
            outbox.push(cursor(&format!("user{n}"), n));
        }
        for _ in 0..OUTBOX_FRAMES_MAX {
            outbox.push(durable(b"x"));
        }
        // No room for a cursor, and no reason to end anything for it.
        outbox.push(cursor("ada", 1));
        assert_eq!(trouble(&outbox), None);
        assert!(outbox.is_lossy(), "no position covers what was left out");
        outbox.flush();
        assert_eq!(tape.written(), vec![b'x'; OUTBOX_FRAMES_MAX]);
    }

    fn presence(user: &str, byte: u8) -> Frame {
        let user = user.parse().expect("a valid id");
        Frame {
            bytes: Bytes::copy_from_slice(&[byte]),
            kind: FrameKind::Ephemeral(Arc::new(EphemeralOf::Presence(user))),
        }
    }

    #[test]
    fn of_several_ephemeral_frames_of_one_person_the_newest_is_sent() {
        let (outbox, tape) = open();
        for frame in [
            presence("ada", 1),
            cursor("ada", 2),
            presence("grace", 3),
            presence("ada", 4),
        ] {
            outbox.push(frame);
        }
        outbox.flush();
        assert_eq!(tape.written(), [2, 3, 4]);
    }

    #[test]
    fn a_full_outbox_leaves_ephemeral_frames_out_and_is_as_good_as_before() {
        let (outbox, tape) = open();
        for n in 0..24 {
            outbox.push(presence(&format!("user{n}"), n));
        }
        for _ in 0..OUTBOX_FRAMES_MAX {
            outbox.push(durable(b"x"));
        }
        outbox.push(presence("ada", 1));
        assert_eq!(trouble(&outbox), None);
        assert!(!outbox.is_lossy(), "a position says nothing of them");
        outbox.flush();
        assert_eq!(tape.written(), vec![b'x'; OUTBOX_FRAMES_MAX]);
    }

    #[test]
    fn frames_leave_together_and_in_order() {
        let (outbox, tape) = open();
        let promised: Vec<bool> = (0..3_u8).map(|n| outbox.push(durable(&[n]))).collect();
        assert_eq!(promised, [true, false, false], "one flush for all of them");
        assert_eq!(outbox.flush(), Flushed::Empty);
        assert_eq!((tape.written(), tape.writes()), (vec![0, 1, 2], 1));
        assert!(outbox.push(durable(&[3])));
        assert_eq!(outbox.flush(), Flushed::Empty);
        assert_eq!(tape.written(), [0, 1, 2, 3]);
        assert_eq!(outbox.inner.lock().frames.capacity(), 0, "nothing is kept");
    }

    #[test]
    fn what_the_kernel_does_not_take_leaves_later_wherever_it_was_cut() {
        for room in 0..12 {
            let (outbox, tape) = open();
            outbox.put(Bytes::from_static(b"own"));
            outbox.push(durable(b"first"));
            outbox.push(durable(b"next"));
            tape.takes(room);
            assert_eq!(outbox.flush(), Flushed::Stuck);
            assert_eq!(trouble(&outbox), Some(Trouble::Stuck));
            // The task's own word waits for the frame that has begun, and for no other.
            outbox.put(Bytes::from_static(b"!"));
            tape.takes(usize::MAX);
            assert_eq!(outbox.flush(), Flushed::Empty);
            let expected: &[u8] = match room {
                0..=3 => b"own!firstnext",
                4..=8 => b"ownfirst!next",
                _ => b"ownfirstnext!",
            };
            assert_eq!(tape.written(), expected, "{room}");
            assert_eq!(trouble(&outbox), None);
        }
    }

    #[test]
    fn a_closed_outbox_holds_what_the_hub_has() {
        let tape = Arc::new(Tape::default());
        let outbox = Outbox::new(tape.clone());
        assert!(!outbox.push(durable(b"live")));
        outbox.put(Bytes::from_static(b"page"));
        assert_eq!(outbox.flush(), Flushed::Empty);
        assert_eq!(tape.written(), b"page");
        outbox.open();
        assert!(outbox.inner.lock().waits());
        outbox.advance();
        outbox.put(Bytes::from_static(b"after"));
        outbox.flush();
        assert_eq!(tape.written(), b"pageliveafter");
    }

    #[test]
    fn a_full_outbox_ends_its_connection_and_keeps_nothing() {
        for frame in [
            Bytes::from_static(b"x"),
            Bytes::from(vec![0; OUTBOX_BYTES_MAX / 4]),
        ] {
            let (outbox, tape) = open();
            for _ in 0..=OUTBOX_FRAMES_MAX {
                outbox.push(Frame {
                    bytes: frame.clone(),
                    kind: FrameKind::Durable,
                });
            }
            assert_eq!(trouble(&outbox), Some(Trouble::Ended(CloseCode::TooSlow)));
            outbox.flush();
            assert_eq!(tape.written(), b"");
        }
    }

    #[test]
    fn the_first_reason_stays_and_what_came_before_is_written() {
        let (outbox, tape) = open();
        outbox.push(durable(b"x"));
        outbox.end(CloseCode::Revoked);
        outbox.end(CloseCode::Restart);
        outbox.push(durable(b"y"));
        assert_eq!(trouble(&outbox), Some(Trouble::Ended(CloseCode::Revoked)));
        outbox.flush();
        assert_eq!(tape.written(), b"x");
    }

    #[test]
    fn whoever_attends_writes_it_with_what_they_say() {
        let (outbox, tape) = open();
        outbox.attend(true);
        assert!(!outbox.push(durable(b"event")), "the task writes it");
        outbox.put(Bytes::from_static(b"ack"));
        assert_eq!(outbox.flush(), Flushed::Empty);
        assert_eq!((tape.written(), tape.writes()), (b"ackevent".to_vec(), 1));
        outbox.attend(false);
        assert!(outbox.push(durable(b"next")));
    }

    #[test]
    fn nothing_follows_a_goodbye() {
        let (outbox, tape) = open();
        outbox.push(durable(b"lost, and sent again when the client resumes"));
        outbox.finish(Bytes::from_static(b"bye"));
        outbox.finish(Bytes::from_static(b"bye again"));
        outbox.push(durable(b"late"));
        outbox.flush();
        assert_eq!(tape.written(), b"bye");
    }
}
