//! A line for tests: it keeps what was written.

use std::io::{self, IoSlice};

use parking_lot::Mutex;

use crate::Line;

#[derive(Debug)]
pub(crate) struct Tape(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    writes: usize,
    room: usize,
}

impl Default for Tape {
    fn default() -> Self {
        Self(Mutex::new(Kept {
            bytes: Vec::new(),
            writes: 0,
            room: usize::MAX,
        }))
    }
}

impl Tape {
    pub(crate) fn written(&self) -> Vec<u8> {
        self.0.lock().bytes.clone()
    }

    /// What was written since the last time.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().bytes)
    }

    pub(crate) fn writes(&self) -> usize {
        self.0.lock().writes
    }

    /// It takes so many bytes more.
    pub(crate) fn takes(&self, bytes: usize) {
        self.0.lock().room = bytes;
    }
}

impl Line for Tape {
    fn try_write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut kept = self.0.lock();
        if kept.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut written = 0;
        for piece in pieces {
            let taken = piece.len().min(kept.room);
            kept.bytes.extend_from_slice(&piece[..taken]);
            kept.room -= if kept.room == usize::MAX { 0 } else { taken };
            written += taken;
        }
        kept.writes += 1;
        Ok(written)
    }
}
