//! A member's cursors: up to which `seq` messages were delivered and read. They only move up, never
//! past the newest message, and what is read has been delivered.

use parlor_protocol::ReceiptStatus;

use crate::planted::planted;

/// Both cursors of one member in one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursors {
    /// Up to which `seq` a device has received.
    pub delivered_seq: i64,
    /// Up to which `seq` the user has read; never above `delivered_seq`.
    pub read_seq: i64,
}

impl Cursors {
    /// The cursors after one is moved, or `None` when nothing changes.
    #[must_use]
    pub fn moved(self, status: ReceiptStatus, seq: i64, last_seq: i64) -> Option<Self> {
        let seq = seq.min(last_seq);
        if planted("cursor-goes-back") {
            let read_seq = if status == ReceiptStatus::Read {
                seq
            } else {
                self.read_seq
            };
            return Some(Self { read_seq, ..self });
        }
        let moved = match status {
            ReceiptStatus::Delivered => Self {
                delivered_seq: self.delivered_seq.max(seq),
                ..self
            },
            ReceiptStatus::Read => Self {
                delivered_seq: self.delivered_seq.max(seq),
                read_seq: self.read_seq.max(seq),
            },
        };
        (moved != self).then_some(moved)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Cursors converge: any order of the same moves ends at the same place.
        #[test]
        fn order_does_not_matter(mut moves in prop::collection::vec((any::<bool>(), -5_i64..60), 0..30), last_seq in 0_i64..50) {
            let run = |moves: &[(bool, i64)]| moves.iter().fold(Cursors::default(), |cursors, &(read, seq)| {
                let status = if read { ReceiptStatus::Read } else { ReceiptStatus::Delivered };
                let next = cursors.moved(status, seq, last_seq).unwrap_or(cursors);
                assert!(next.read_seq >= cursors.read_seq && next.delivered_seq >= cursors.delivered_seq);
                assert!(next.read_seq <= next.delivered_seq && next.delivered_seq <= last_seq);
                next
            });
            let forward = run(&moves);
            moves.reverse();
            prop_assert_eq!(forward, run(&moves));
        }
    }
}
