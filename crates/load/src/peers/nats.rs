//! The client protocol of nats-server, over bare TCP. A room is a subject.

use std::{
    collections::{HashMap, VecDeque},
    io::Write,
};

use anyhow::{Context, bail, ensure};

use crate::{
    payload::{TEXT_BYTES, number_in, write_text},
    peers::People,
    wire::{Heard, Protocol, Seat},
};

const LINE_END: &[u8] = b"\r\n";

/// The steps of a connection.
const OPENING: u8 = 0;
const SUBSCRIBING: u8 = 1;
const LIVE: u8 = 2;

#[derive(Debug)]
pub(crate) struct Nats {
    people: People,
    /// The messages of each member that the server has not confirmed. It confirms in their order, without
    /// a number.
    unconfirmed: HashMap<usize, VecDeque<u64>>,
}

impl Nats {
    pub(crate) fn new(people: People) -> Self {
        Self {
            people,
            unconfirmed: HashMap::new(),
        }
    }

    fn delivery(&self, seat: &Seat, frame: &[u8]) -> anyhow::Result<Heard> {
        let number = number_in(frame, TEXT_BYTES)?.context("a message without a number")?;
        let head = format!("MSG {} ", self.people.room(seat));
        let text = &frame[line_bytes(frame).context("half a message")?..];
        ensure!(
            frame.starts_with(head.as_bytes()) && text.len() == TEXT_BYTES + LINE_END.len(),
            "message {number} is another: {}",
            String::from_utf8_lossy(frame)
        );
        Ok(Heard::Delivery(number))
    }

    fn confirmed(&mut self, seat: &Seat) -> anyhow::Result<Heard> {
        if seat.step != LIVE {
            return Ok(Heard::Nothing);
        }
        let waiting = self.unconfirmed.get_mut(&seat.member);
        let number = waiting.and_then(VecDeque::pop_front);
        Ok(Heard::Ack(number.context("a confirmation of nothing")?))
    }
}

/// The length of the first line with its end.
fn line_bytes(bytes: &[u8]) -> Option<usize> {
    let end = bytes
        .windows(LINE_END.len())
        .position(|window| window == LINE_END)?;
    Some(end + LINE_END.len())
}

impl Protocol for Nats {
    fn open(&self, _seat: &Seat, _out: &mut Vec<u8>) {}

    fn split(&self, _seat: &Seat, bytes: &[u8]) -> anyhow::Result<Option<usize>> {
        let Some(line) = line_bytes(bytes) else {
            return Ok(None);
        };
        if !bytes.starts_with(b"MSG ") {
            return Ok(Some(line));
        }
        let head = std::str::from_utf8(&bytes[..line])?.trim_end();
        let length = head.rsplit(' ').next().unwrap_or_default();
        let whole = line + length.parse::<usize>()? + LINE_END.len();
        Ok((bytes.len() >= whole).then_some(whole))
    }

    fn hear(&mut self, seat: &mut Seat, frame: &[u8], out: &mut Vec<u8>) -> anyhow::Result<Heard> {
        match frame {
            [b'M', b'S', b'G', ..] => self.delivery(seat, frame),
            b"+OK\r\n" => self.confirmed(seat),
            b"PING\r\n" => {
                out.extend_from_slice(b"PONG\r\n");
                Ok(Heard::Nothing)
            }
            // The answer to our ping comes after all that was said before it.
            b"PONG\r\n" if seat.step == SUBSCRIBING => {
                seat.step = LIVE;
                Ok(Heard::Ready)
            }
            [b'I', b'N', b'F', b'O', ..] if seat.step == OPENING => {
                let options = r#"{"verbose":true,"pedantic":false,"user":"bench","pass":"bench"}"#;
                write!(out, "CONNECT {options}\r\n")?;
                for (place, room) in self.people.rooms(seat).iter().enumerate() {
                    write!(out, "SUB {room} {}\r\n", place + 1)?;
                }
                out.extend_from_slice(b"PING\r\n");
                seat.step = SUBSCRIBING;
                Ok(Heard::Nothing)
            }
            [b'I', b'N', b'F', b'O', ..] => Ok(Heard::Nothing),
            other => bail!("unexpected: {}", String::from_utf8_lossy(other)),
        }
    }

    fn send(&mut self, seat: &Seat, number: u64, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "PUB {} {TEXT_BYTES}\r\n", self.people.room(seat));
        write_text(number, TEXT_BYTES, out);
        out.extend_from_slice(LINE_END);
        self.unconfirmed
            .entry(seat.member)
            .or_default()
            .push_back(number);
    }

    fn acks(&self) -> bool {
        true
    }

    fn same_bytes(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_whole_with_its_text() {
        let nats = Nats::new(People::new("secret".to_owned()));
        let seat = Seat {
            member: 0,
            room: 0,
            step: LIVE,
        };
        let bytes = b"MSG room 1 5\r\nhe\r\no\r\n+OK\r\n";
        for cut in 0..21 {
            assert_eq!(nats.split(&seat, &bytes[..cut]).expect("fine"), None);
        }
        assert_eq!(nats.split(&seat, bytes).expect("fine"), Some(21));
        assert_eq!(nats.split(&seat, &bytes[21..]).expect("fine"), Some(5));
    }
    #[test]
    fn what_the_server_says_is_understood() {
        let mut nats = Nats::new(People::new("secret".to_owned()));
        let mut seat = Seat {
            member: 0,
            room: 0,
            step: OPENING,
        };
        let room = nats.people.room(&seat);
        let mut out = Vec::new();
        let mut text = Vec::new();
        write_text(1, TEXT_BYTES, &mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        assert_eq!(
            nats.hear(&mut seat, b"INFO {}\r\n", &mut out)
                .expect("fine"),
            Heard::Nothing
        );
        assert!(out.ends_with(b" 1\r\nPING\r\n"));
        let mut hear =
            |nats: &mut Nats, frame: &str| nats.hear(&mut seat, frame.as_bytes(), &mut Vec::new());
        assert_eq!(hear(&mut nats, "+OK\r\n").expect("fine"), Heard::Nothing);
        assert_eq!(hear(&mut nats, "PONG\r\n").expect("fine"), Heard::Ready);
        nats.send(
            &Seat {
                member: 0,
                room: 0,
                step: LIVE,
            },
            1,
            &mut out,
        );
        assert_eq!(hear(&mut nats, "+OK\r\n").expect("fine"), Heard::Ack(1));
        assert!(hear(&mut nats, "+OK\r\n").is_err(), "nothing is under way");
        let delivery = format!("MSG {room} 1 200\r\n{text}\r\n");
        assert_eq!(
            hear(&mut nats, &delivery).expect("fine"),
            Heard::Delivery(1)
        );
        assert!(hear(&mut nats, &delivery.replace(&room, "elsewhere")).is_err());
        assert!(hear(&mut nats, "-ERR 'Authorization Violation'\r\n").is_err());
    }
}
