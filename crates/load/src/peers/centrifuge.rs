//! Centrifuge's JSON protocol, version 1: the rooms of a token are subscribed to by the server.

use std::io::Write;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::{
    payload::{TEXT_BYTES, number_in, write_text},
    peers::{
        People,
        lines::{self, Piece},
    },
    wire::{
        Heard, Protocol, Seat,
        websocket::{self, TEXT, split_handshake, write_frame, write_handshake},
    },
};

/// The steps of a connection.
const OPENING: u8 = 0;
const LIVE: u8 = 1;

/// The id of the first command, which connects. That of a message follows its number.
const CONNECT: u64 = 1;

#[derive(Debug)]
pub(crate) struct Centrifuge {
    host: String,
    people: People,
    json: Vec<u8>,
}

/// A reply to the command with this id, or a push, which has none.
#[derive(Debug, Deserialize)]
struct Reply {
    id: Option<u64>,
    error: Option<serde_json::Value>,
    #[serde(default)]
    result: Push,
}

#[derive(Debug, Default, Deserialize)]
struct Push {
    #[serde(default)]
    channel: String,
    #[serde(default)]
    data: Publication,
}

#[derive(Debug, Default, Deserialize)]
struct Publication {
    #[serde(default)]
    data: Data,
}

#[derive(Debug, Default, Deserialize)]
struct Data {
    text: String,
}

impl Centrifuge {
    pub(crate) fn new(host: String, people: People) -> Self {
        Self {
            host,
            people,
            json: Vec::new(),
        }
    }

    fn said(&self, seat: &Seat, text: &[u8]) -> anyhow::Result<Heard> {
        let reply: Reply = serde_json::from_slice(text)?;
        if let Some(error) = reply.error {
            bail!("refused: {error}");
        }
        match reply.id {
            Some(CONNECT) => Ok(Heard::Ready),
            Some(id) => Ok(Heard::Ack(id - CONNECT)),
            None => self.push(seat, reply.result),
        }
    }

    fn push(&self, seat: &Seat, push: Push) -> anyhow::Result<Heard> {
        let text = push.data.data.text;
        let number = number_in(text.as_bytes(), TEXT_BYTES)?.context("a push without a message")?;
        ensure!(
            push.channel == self.people.room(seat) && text.len() == TEXT_BYTES,
            "message {number} is another: {} {text}",
            push.channel
        );
        Ok(Heard::Delivery(number))
    }
}

impl Protocol for Centrifuge {
    fn open(&self, _seat: &Seat, out: &mut Vec<u8>) {
        write_handshake(&self.host, "/connection/websocket", &[], out);
    }

    fn split(&self, seat: &Seat, bytes: &[u8]) -> anyhow::Result<Option<usize>> {
        if seat.step == OPENING {
            return split_handshake(bytes);
        }
        lines::split(bytes)
    }

    fn hear(&mut self, seat: &mut Seat, frame: &[u8], out: &mut Vec<u8>) -> anyhow::Result<Heard> {
        if seat.step == OPENING {
            let token = self.people.token(seat)?;
            let connect = format!(r#"{{"id":{CONNECT},"params":{{"token":"{token}"}}}}"#);
            write_frame(TEXT, connect.as_bytes(), out);
            seat.step = LIVE;
            return Ok(Heard::Nothing);
        }
        match lines::piece(frame) {
            Piece::Object(text) => self.said(seat, text),
            Piece::Control(frame) => websocket::payload(frame, out).map(|_| Heard::Nothing),
            Piece::Between => Ok(Heard::Nothing),
        }
    }

    fn send(&mut self, seat: &Seat, number: u64, out: &mut Vec<u8>) {
        let room = self.people.room(seat);
        let id = number + CONNECT;
        self.json.clear();
        // Writing to a Vec cannot fail; nothing in it needs an escape.
        let _ = write!(
            self.json,
            r#"{{"id":{id},"method":3,"params":{{"channel":"{room}","data":{{"ref":"{number}","text":""#
        );
        write_text(number, TEXT_BYTES, &mut self.json);
        self.json.extend_from_slice(br#""}}}"#);
        write_frame(TEXT, &self.json, out);
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
    fn what_the_server_says_is_understood() {
        let mut server = Centrifuge::new(String::new(), People::new("secret".to_owned()));
        let mut seat = Seat {
            member: 0,
            room: 0,
            step: LIVE,
        };
        let room = server.people.room(&seat);
        let mut text = Vec::new();
        write_text(7, TEXT_BYTES, &mut text);
        let text = String::from_utf8_lossy(&text);
        let push = |room: &str| {
            format!(
                r#"{{"result":{{"channel":"{room}","data":{{"data":{{"ref":"7","text":"{text}"}}}}}}}}"#
            )
        };
        let mut hear = |text: &str| server.hear(&mut seat, text.as_bytes(), &mut Vec::new());
        let connected = r#"{"id":1,"result":{"client":"5586","version":"","subs":{"r":{}}}}"#;
        assert_eq!(hear(connected).expect("fine"), Heard::Ready);
        assert_eq!(
            hear(r#"{"id":8,"result":{}}"#).expect("fine"),
            Heard::Ack(7)
        );
        assert_eq!(hear(&push(&room)).expect("fine"), Heard::Delivery(7));
        assert!(hear(&push("elsewhere")).is_err());
        assert!(hear(r#"{"id":8,"error":{"code":103,"message":"permission denied"}}"#).is_err());
    }
}
