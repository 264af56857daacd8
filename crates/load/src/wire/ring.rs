//! The messages of one room that are under way: who has them, and whether they are right.

use std::time::Instant;

use anyhow::{bail, ensure};

use crate::{
    statistics::Latencies,
    wire::protocol::{Heard, Protocol},
};

/// Messages of one room that may be under way: far more than any scenario keeps up.
pub(crate) const UNDER_WAY_MAX: u64 = 4096;

/// One message under way.
struct Slot {
    number: u64,
    /// The first copy, as it came; empty before.
    bytes: Vec<u8>,
    copies: usize,
    acked: bool,
    /// When it was sent, or should have been.
    due: Instant,
}

/// A room: members listen, one sends.
pub(crate) struct Room {
    slots: Vec<Slot>,
    /// Those who must get every message.
    pub(crate) listeners: usize,
    /// The number of the newest message.
    pub(crate) sent: u64,
    /// Up to which number every listener has every message.
    pub(crate) completed: u64,
    /// How many are acknowledged.
    pub(crate) acked: u64,
    /// Copies received, each of them verified.
    pub(crate) deliveries: u64,
    /// From when a message was due to each of its copies.
    pub(crate) latencies: Latencies,
    /// From when a message was due to its ack.
    pub(crate) ack_latencies: Latencies,
    acks: bool,
    same_bytes: bool,
}

impl Room {
    pub(crate) fn new(listeners: usize, acks: bool, same_bytes: bool) -> Self {
        Self {
            slots: Vec::new(),
            listeners,
            sent: 0,
            completed: 0,
            acked: 0,
            deliveries: 0,
            latencies: Latencies::default(),
            ack_latencies: Latencies::default(),
            acks,
            same_bytes,
        }
    }

    /// Messages that not everybody has.
    pub(crate) fn under_way(&self) -> u64 {
        self.sent - self.completed
    }

    /// Messages that not everybody has, or that are not acknowledged.
    pub(crate) fn unfinished(&self) -> u64 {
        let acked = if self.acks { self.acked } else { self.sent };
        self.sent - self.completed.min(acked)
    }

    /// The numbers of the messages that are not acknowledged, in their order.
    pub(crate) fn unacked(&self) -> Vec<u64> {
        let slots = self.slots.iter().filter(|slot| !slot.acked);
        let mut numbers: Vec<u64> = slots.map(|slot| slot.number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Whether everybody has everything, and every ack is there.
    pub(crate) fn is_quiet(&self) -> bool {
        self.completed == self.sent && (!self.acks || self.acked == self.sent)
    }

    /// Takes the next number for a message that is due at this moment.
    pub(crate) fn next(&mut self, due: Instant) -> anyhow::Result<u64> {
        let number = self.sent + 1;
        let place = (number % UNDER_WAY_MAX) as usize;
        if place >= self.slots.len() {
            self.slots.resize_with(place + 1, || Slot {
                number: 0,
                bytes: Vec::new(),
                copies: 0,
                acked: true,
                due,
            });
        }
        let slot = &mut self.slots[place];
        ensure!(
            slot.number <= self.completed && (slot.acked || !self.acks),
            "the server falls behind: {UNDER_WAY_MAX} messages are under way"
        );
        slot.bytes.clear();
        slot.number = number;
        slot.copies = 0;
        slot.acked = false;
        slot.due = due;
        self.sent = number;
        Ok(number)
    }

    /// The length of the newest message that someone has, as it came.
    pub(crate) fn newest_copy_bytes(&self) -> Option<usize> {
        let copies = self.slots.iter().filter(|slot| !slot.bytes.is_empty());
        copies
            .max_by_key(|slot| slot.number)
            .map(|slot| slot.bytes.len())
    }

    fn slot(&mut self, number: u64) -> Option<&mut Slot> {
        self.slots
            .get_mut((number % UNDER_WAY_MAX) as usize)
            .filter(|slot| slot.number == number && number > 0)
    }

    /// Takes the copy of message `expected` at the front of these bytes if it is the same as the first
    /// one was. Gives its length.
    pub(crate) fn take_same(&mut self, expected: u64, bytes: &[u8], now: Instant) -> Option<usize> {
        let slot = self.slot(expected)?;
        if slot.bytes.is_empty() || !bytes.starts_with(&slot.bytes) {
            return None;
        }
        let length = slot.bytes.len();
        self.count(expected, now);
        Some(length)
    }

    /// Takes what a frame said to someone who expects message `expected`. Whether it was that one.
    pub(crate) fn take(
        &mut self,
        heard: Heard,
        expected: u64,
        frame: &[u8],
        now: Instant,
    ) -> anyhow::Result<bool> {
        match heard {
            Heard::Nothing | Heard::Ready => Ok(false),
            Heard::Ack(number) => self.take_ack(number, now).map(|()| false),
            Heard::Reflection(number) => {
                self.take_ack(number, now)?;
                self.take_copy(number, expected, frame, now).map(|()| true)
            }
            Heard::Delivery(number) => self.take_copy(number, expected, frame, now).map(|()| true),
        }
    }

    fn take_copy(
        &mut self,
        number: u64,
        expected: u64,
        frame: &[u8],
        now: Instant,
    ) -> anyhow::Result<()> {
        ensure!(
            number >= expected,
            "message {number} came twice to someone who has {}",
            expected - 1
        );
        ensure!(
            number == expected,
            "a gap: message {number} came to someone who waits for {expected}"
        );
        let same_bytes = self.same_bytes;
        let Some(slot) = self.slot(number) else {
            bail!("message {number} was never sent");
        };
        if slot.bytes.is_empty() {
            slot.bytes.extend_from_slice(frame);
        } else {
            ensure!(
                !same_bytes || slot.bytes == frame,
                "message {number} is not the same bytes for everybody"
            );
        }
        self.count(number, now);
        Ok(())
    }

    fn take_ack(&mut self, number: u64, now: Instant) -> anyhow::Result<()> {
        let Some(slot) = self.slot(number) else {
            bail!("an ack of message {number}, which is not under way");
        };
        ensure!(!slot.acked, "message {number} was acknowledged twice");
        slot.acked = true;
        let due = slot.due;
        self.acked += 1;
        self.ack_latencies
            .record(now.saturating_duration_since(due));
        Ok(())
    }

    fn count(&mut self, number: u64, now: Instant) {
        let listeners = self.listeners;
        let Some(slot) = self.slot(number) else {
            return;
        };
        slot.copies += 1;
        let due = slot.due;
        // Everybody gets messages in order, so the last copy of one comes after the last of those before.
        if slot.copies == listeners {
            self.completed = number;
        }
        self.deliveries += 1;
        self.latencies.record(now.saturating_duration_since(due));
    }
}

impl Room {
    /// A room as this protocol needs it.
    pub(crate) fn of(protocol: &dyn Protocol, listeners: usize) -> Self {
        Self::new(listeners, protocol.acks(), protocol.same_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(listeners: usize) -> (Room, Instant) {
        let now = Instant::now();
        let mut room = Room::new(listeners, true, true);
        for number in 1..=3 {
            assert_eq!(room.next(now).expect("room for it"), number);
        }
        (room, now)
    }

    fn refusal(answer: anyhow::Result<bool>) -> String {
        answer.expect_err("refused").to_string()
    }

    #[test]
    fn a_message_is_complete_when_everybody_has_it() {
        let (mut room, now) = room(2);
        assert!(room.take(Heard::Delivery(1), 1, b"one", now).expect("fine"));
        assert_eq!((room.completed, room.deliveries), (0, 1));
        assert_eq!(room.take_same(1, b"onetwo", now), Some(3));
        assert_eq!((room.completed, room.deliveries), (1, 2));
    }

    #[test]
    fn a_gap_and_a_double_are_refused() {
        let (mut room, now) = room(2);
        let said = refusal(room.take(Heard::Delivery(2), 1, b"two", now));
        assert!(said.contains("a gap"), "{said}");
        room.take(Heard::Delivery(1), 1, b"one", now).expect("fine");
        let said = refusal(room.take(Heard::Delivery(1), 2, b"one", now));
        assert!(said.contains("came twice"), "{said}");
        let said = refusal(room.take(Heard::Delivery(9), 9, b"nine", now));
        assert!(said.contains("never sent"), "{said}");
    }

    #[test]
    fn other_bytes_are_refused() {
        let (mut room, now) = room(2);
        room.take(Heard::Delivery(1), 1, b"one", now).expect("fine");
        assert_eq!(room.take_same(1, b"onf", now), None);
        let said = refusal(room.take(Heard::Delivery(1), 1, b"onf", now));
        assert!(said.contains("same bytes"), "{said}");
    }

    #[test]
    fn an_ack_counts_once() {
        let (mut room, now) = room(1);
        room.take(Heard::Ack(2), 1, b"", now).expect("fine");
        assert!(refusal(room.take(Heard::Ack(2), 1, b"", now)).contains("twice"));
        assert!(refusal(room.take(Heard::Ack(4), 1, b"", now)).contains("not under way"));
        assert_eq!(room.acked, 1);
    }

    #[test]
    fn a_reflection_is_a_copy_and_an_ack() {
        let (mut room, now) = room(1);
        assert!(
            room.take(Heard::Reflection(1), 1, b"one", now)
                .expect("fine")
        );
        assert_eq!((room.completed, room.acked), (1, 1));
        let again = refusal(room.take(Heard::Reflection(1), 2, b"one", now));
        assert!(again.contains("twice"), "{again}");
    }

    #[test]
    fn who_falls_too_far_behind_is_noticed() {
        let now = Instant::now();
        let mut room = Room::new(1, false, true);
        for _ in 0..UNDER_WAY_MAX {
            room.next(now).expect("room for it");
        }
        assert!(room.next(now).is_err());
    }

    #[test]
    fn a_message_is_finished_with_its_ack_and_its_copies() {
        let (mut room, now) = room(1);
        assert_eq!((room.unfinished(), room.unacked()), (3, vec![1, 2, 3]));
        room.take(Heard::Delivery(1), 1, b"one", now).expect("fine");
        room.take(Heard::Delivery(2), 2, b"two", now).expect("fine");
        assert_eq!(room.unfinished(), 3);
        room.take(Heard::Ack(1), 1, b"", now).expect("fine");
        assert_eq!((room.unfinished(), room.unacked()), (2, vec![2, 3]));
    }
}
