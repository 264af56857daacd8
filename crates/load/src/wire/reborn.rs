//! Senders whose server was killed: they come back, resume, and send again whatever has no ack. A server
//! that had stored it answers with its place, one that had not stores it now.

use std::{cell::Cell, collections::VecDeque, rc::Rc, time::Instant};

use anyhow::{bail, ensure};
use parlor_protocol::{ConversationId, Ref, ServerFrame};

use crate::wire::{
    parlor::write_send,
    protocol::{Heard, Protocol, Seat},
    returning::Returning,
    websocket::payload,
};

/// The step in which acks are waited for, after all of those of `Returning`.
const REPEATING: u8 = 100;

/// What one of them has to repeat.
#[derive(Debug, Clone)]
pub(crate) struct Unacked {
    pub(crate) conversation: ConversationId,
    pub(crate) numbers: VecDeque<u64>,
}

/// The protocol of their return; each is ready when everything it has sent is acknowledged.
pub(crate) struct Reborn {
    returning: Returning,
    unacked: Vec<Unacked>,
    /// When the first ack came.
    first_ack: Rc<Cell<Option<Instant>>>,
}

impl Reborn {
    pub(crate) fn new(
        returning: Returning,
        unacked: Vec<Unacked>,
        first_ack: Rc<Cell<Option<Instant>>>,
    ) -> Self {
        Self {
            returning,
            unacked,
            first_ack,
        }
    }

    fn repeat(&self, seat: &mut Seat, out: &mut Vec<u8>) -> Heard {
        let own = &self.unacked[seat.member];
        let mut json = Vec::new();
        for number in &own.numbers {
            write_send(own.conversation, *number, &mut json, out);
        }
        seat.step = REPEATING;
        if own.numbers.is_empty() {
            Heard::Ready
        } else {
            Heard::Nothing
        }
    }

    fn repeated(&mut self, seat: &Seat, text: &[u8]) -> anyhow::Result<Heard> {
        if !text.starts_with(br#"{"type":"ack""#) {
            ensure!(
                !text.starts_with(br#"{"type":"error""#),
                "refused: {}",
                String::from_utf8_lossy(text)
            );
            // What it had not stored before is also heard of.
            return Ok(Heard::Nothing);
        }
        let ServerFrame::Ack {
            reference: Some(Ref::Number(number)),
            message: Some(message),
            ..
        } = serde_json::from_slice(text)?
        else {
            bail!("another ack: {}", String::from_utf8_lossy(text));
        };
        if self.first_ack.get().is_none() {
            self.first_ack.set(Some(Instant::now()));
        }
        let waits = &mut self.unacked[seat.member].numbers;
        ensure!(
            waits.pop_front() == Some(number) && message.seq == number.cast_signed(),
            "message {number}, sent again, has seq {}",
            message.seq
        );
        Ok(if waits.is_empty() {
            Heard::Ready
        } else {
            Heard::Nothing
        })
    }
}

impl Protocol for Reborn {
    fn open(&self, seat: &Seat, out: &mut Vec<u8>) {
        self.returning.open(seat, out);
    }

    fn split(&self, seat: &Seat, bytes: &[u8]) -> anyhow::Result<Option<usize>> {
        self.returning.split(seat, bytes)
    }

    fn hear(&mut self, seat: &mut Seat, frame: &[u8], out: &mut Vec<u8>) -> anyhow::Result<Heard> {
        if seat.step != REPEATING {
            return Ok(match self.returning.hear(seat, frame, out)? {
                Heard::Ready => self.repeat(seat, out),
                other => other,
            });
        }
        match payload(frame, out)? {
            Some(text) => self.repeated(seat, text),
            None => Ok(Heard::Nothing),
        }
    }

    fn send(&mut self, _seat: &Seat, _number: u64, _out: &mut Vec<u8>) {}

    fn acks(&self) -> bool {
        false
    }

    fn same_bytes(&self) -> bool {
        false
    }
}
