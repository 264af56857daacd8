//! A connection that speaks WebSocket: bytes in both directions, and nothing held between them.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::frame::{Broken, Decoder, Received};

/// Read at once, into a buffer that the thread lends.
const READ_BYTES: usize = 16 * 1024;
/// Pieces in one write: the kernel takes up to 1024, and few of them are more than two pages.
const WRITE_PIECES_MAX: usize = 64;

thread_local! {
    static LENT: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// Why nothing more comes.
#[derive(Debug)]
pub(super) enum End {
    /// The peer is gone, with or without a word.
    Gone,
    /// It sends what nobody can read.
    Broken(Broken),
}

pub(super) struct Socket<S> {
    stream: S,
    decoder: Decoder,
    /// Read and not taken yet.
    received: VecDeque<Received>,
    /// What came behind it that nobody can read.
    broken: Option<Broken>,
    /// To be written, in order.
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            decoder: Decoder::default(),
            received: VecDeque::new(),
            broken: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        }
    }

    /// What came next.
    pub(super) async fn receive(&mut self) -> Result<Received, End> {
        std::future::poll_fn(|context| self.poll_receive(context)).await
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<Received, End>> {
        loop {
            if let Some(received) = self.received.pop_front() {
                if self.received.is_empty() {
                    self.received = VecDeque::new();
                }
                return Poll::Ready(Ok(received));
            }
            if let Some(broken) = self.broken {
                return Poll::Ready(Err(End::Broken(broken)));
            }
            let Self {
                stream,
                decoder,
                received,
                broken,
                ..
            } = self;
            let is_open = LENT.with_borrow_mut(|lent| {
                let mut buffer = ReadBuf::new(lent);
                let read = ready!(Pin::new(stream).poll_read(context, &mut buffer));
                *broken = decoder.take(buffer.filled_mut(), received).err();
                Poll::Ready(read.is_ok() && !buffer.filled().is_empty())
            });
            if !ready!(is_open) {
                return Poll::Ready(Err(End::Gone));
            }
        }
    }

    /// Reads on without looking until the peer ends it: one that is cut off while it still sends
    /// would not hear why.
    pub(super) async fn drain(&mut self) {
        let mut rest = [0; 1024];
        while self.stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }

    /// Adds a finished frame to what is to be written.
    pub(super) fn push(&mut self, frame: Bytes) {
        self.waiting_bytes += frame.len();
        self.waiting.push_back(frame);
    }

    /// Bytes that are to be written.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Writes what waits.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        std::future::poll_fn(|context| self.poll_flush(context)).await
    }

    /// Writes what waits, as far as the kernel takes it now.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let stream = Pin::new(&mut self.stream);
            let written = if self.waiting.len() == 1 {
                ready!(stream.poll_write(context, &self.waiting[0]))?
            } else {
                let mut pieces = [IoSlice::new(&[]); WRITE_PIECES_MAX];
                let mut count = 0;
                for (piece, frame) in pieces.iter_mut().zip(&self.waiting) {
                    *piece = IoSlice::new(frame);
                    count += 1;
                }
                ready!(stream.poll_write_vectored(context, &pieces[..count]))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written(written);
        }
        self.waiting = VecDeque::new();
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn written(&mut self, mut bytes: usize) {
        self.waiting_bytes -= bytes;
        while bytes > 0 {
            let frame = &mut self.waiting[0];
            if frame.len() > bytes {
                frame.advance(bytes);
                return;
            }
            bytes -= frame.len();
            self.waiting.pop_front();
        }
    }
}
