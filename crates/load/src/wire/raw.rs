//! The floor's side of the wire: frames as long as Parlor's, asked for by number.

use anyhow::{Context, ensure};

use crate::{
    payload::{TEXT_BYTES, number_in, write_text},
    wire::{
        protocol::{Heard, Protocol, Seat},
        websocket::{HEADER_BYTES_MAX, TEXT, split, write_server_frame},
    },
};

/// What the sender writes for each message, in bytes: its number.
pub(crate) const TRIGGER_BYTES: usize = 8;
/// What the floor says to a connection that it has accepted: an empty frame.
pub(crate) const WELCOME: [u8; 2] = [0x81, 0x00];

/// A raw server of `crate::raw`. Its frames are those of a WebSocket, so that the generator does for
/// them what it does for a server's.
#[derive(Debug)]
pub(crate) struct Raw;

impl Protocol for Raw {
    fn open(&self, _seat: &Seat, _out: &mut Vec<u8>) {}

    fn split(&self, _seat: &Seat, bytes: &[u8]) -> anyhow::Result<Option<usize>> {
        Ok(split(bytes)?.map(|frame| frame.bytes))
    }

    fn hear(&mut self, _seat: &mut Seat, frame: &[u8], _: &mut Vec<u8>) -> anyhow::Result<Heard> {
        let payload = split(frame)?.context("half a frame")?.payload(frame);
        if payload.is_empty() {
            return Ok(Heard::Ready);
        }
        let number = number_in(payload, TEXT_BYTES)?.context("a frame without a message")?;
        Ok(Heard::Delivery(number))
    }

    fn send(&mut self, _seat: &Seat, number: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&number.to_be_bytes());
    }

    fn acks(&self) -> bool {
        false
    }

    fn same_bytes(&self) -> bool {
        true
    }
}

/// Appends the floor's frame of a message, `bytes` long with its header.
pub(crate) fn write_message(number: u64, bytes: usize, out: &mut Vec<u8>) -> anyhow::Result<()> {
    let begin = out.len();
    let header_bytes = match bytes {
        0..=127 => 2,
        128..=0xFFFF => 4,
        _ => HEADER_BYTES_MAX,
    };
    let mut payload = Vec::with_capacity(bytes);
    write_text(number, TEXT_BYTES, &mut payload);
    ensure!(
        bytes >= header_bytes + payload.len(),
        "a frame of {bytes} bytes has no room for a text"
    );
    payload.resize(bytes - header_bytes, b' ');
    write_server_frame(TEXT, &payload, out);
    debug_assert_eq!(out.len() - begin, bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_writes_what_it_hears() {
        for bytes in [220, 700, 70_000] {
            let mut frame = Vec::new();
            write_message(7, bytes, &mut frame).expect("fits");
            assert_eq!(frame.len(), bytes);
            let mut seat = Seat {
                member: 0,
                room: 0,
                step: 0,
            };
            let heard = Raw.hear(&mut seat, &frame, &mut Vec::new()).expect("fine");
            assert_eq!(heard, Heard::Delivery(7));
        }
        assert!(write_message(7, 100, &mut Vec::new()).is_err());
    }
}
