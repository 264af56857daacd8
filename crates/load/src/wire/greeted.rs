//! The floor's side of coming back: a connection is ready when an empty frame has come, whatever was
//! said before it.

use anyhow::Context;

use crate::wire::{
    protocol::{Heard, Protocol, Seat},
    raw::WELCOME,
    websocket::split,
};

/// A raw server that welcomes, or that says back what it is told.
#[derive(Debug)]
pub(crate) enum Greeted {
    ByServer,
    ByEcho,
}

impl Protocol for Greeted {
    fn open(&self, _seat: &Seat, out: &mut Vec<u8>) {
        if matches!(self, Self::ByEcho) {
            out.extend_from_slice(&WELCOME);
        }
    }

    fn split(&self, _seat: &Seat, bytes: &[u8]) -> anyhow::Result<Option<usize>> {
        Ok(split(bytes)?.map(|frame| frame.bytes))
    }

    fn hear(&mut self, _seat: &mut Seat, frame: &[u8], _: &mut Vec<u8>) -> anyhow::Result<Heard> {
        let payload = split(frame)?.context("half a frame")?.payload(frame);
        Ok(if payload.is_empty() {
            Heard::Ready
        } else {
            Heard::Nothing
        })
    }

    fn send(&mut self, _seat: &Seat, _number: u64, _out: &mut Vec<u8>) {}

    fn acks(&self) -> bool {
        false
    }

    fn same_bytes(&self) -> bool {
        true
    }
}
