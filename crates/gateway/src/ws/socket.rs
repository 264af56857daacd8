//! A connection that speaks WebSocket: bytes in both directions, and nothing held between them.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, IoSlice},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use parlor_hub::{Flushed, Line, Outbox};
use tokio::net::TcpStream;

use super::frame::{Broken, Decoder, Received};
use crate::guarded::Guarded;

/// Read at once, into a buffer that the thread lends.
const READ_BYTES: usize = 16 * 1024;

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

/// The connection itself.
#[derive(Debug)]
pub(super) struct Wire(TcpStream);

impl Wire {
    /// Waits until the kernel takes more.
    pub(super) async fn writable(&self) -> io::Result<()> {
        self.0.writable().await
    }

    /// The same, for the one task that reads and writes.
    pub(super) fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()> {
        // An error shows when it is written to.
        self.0.poll_write_ready(context).map(drop)
    }
}

impl Line for Wire {
    fn try_write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match pieces {
            [piece] => self.0.try_write(piece),
            pieces => self.0.try_write_vectored(pieces),
        }
    }
}

pub(super) struct Socket {
    wire: Arc<Wire>,
    outbox: Arc<Outbox>,
    decoder: Decoder,
    /// What came together with the handshake.
    early: Vec<u8>,
    /// Read and not taken yet.
    received: VecDeque<Received>,
    /// What came behind it that nobody can read.
    broken: Option<Broken>,
}

impl Socket {
    /// Takes the connection over from HTTP; none when it is not one of this server's.
    pub(super) fn of(upgraded: Upgraded) -> Option<Self> {
        let parts = upgraded.downcast::<TokioIo<Guarded>>().ok()?;
        let (stream, unread) = parts.io.into_inner().into_inner();
        // A copy: what came early is a piece of the buffer that the request was read into.
        Some(Self::new(stream, [parts.read_buf, unread].concat()))
    }

    /// A connection on which these bytes came behind the handshake.
    pub(super) fn new(stream: TcpStream, early: Vec<u8>) -> Self {
        let wire = Arc::new(Wire(stream));
        Self {
            outbox: Arc::new(Outbox::new(wire.clone())),
            wire,
            decoder: Decoder::default(),
            early,
            received: VecDeque::new(),
            broken: None,
        }
    }

    /// All that leaves, whoever says it.
    pub(super) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// What came next.
    pub(super) async fn receive(&mut self) -> Result<Received, End> {
        std::future::poll_fn(|context| self.poll_receive(context)).await
    }

    pub(super) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Received, End>> {
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
            if !self.early.is_empty() {
                let mut early = std::mem::take(&mut self.early);
                self.broken = self.decoder.take(&mut early, &mut self.received).err();
                continue;
            }
            if ready!(self.wire.0.poll_read_ready(context)).is_err() {
                return Poll::Ready(Err(End::Gone));
            }
            let read = LENT.with_borrow_mut(|lent| {
                let read = self.wire.0.try_read(lent)?;
                self.broken = self
                    .decoder
                    .take(&mut lent[..read], &mut self.received)
                    .err();
                Ok(read)
            });
            match read {
                Ok(0) => return Poll::Ready(Err(End::Gone)),
                Ok(_) => {}
                Err::<_, io::Error>(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Poll::Ready(Err(End::Gone)),
            }
        }
    }

    /// Reads on without looking until the peer ends it: one that is cut off while it still sends
    /// would not hear why.
    pub(super) async fn drain(&mut self) {
        let mut rest = [0; 1024];
        while self.wire.0.readable().await.is_ok() {
            match self.wire.0.try_read(&mut rest) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    /// Adds a finished frame to what is to be written.
    pub(super) fn push(&mut self, frame: Bytes) {
        self.outbox.put(frame);
    }

    pub(super) fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    /// Writes what waits.
    pub(super) async fn flush(&self) -> io::Result<()> {
        loop {
            match self.outbox.flush() {
                Flushed::Empty => return Ok(()),
                Flushed::Stuck => self.wire.writable().await?,
                Flushed::Gone => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
    }
}
