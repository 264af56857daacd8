//! The plain JSON of the `ws` and the gorilla server.

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

#[derive(Debug)]
pub(crate) struct WebSocketJson {
    host: String,
    people: People,
    json: Vec<u8>,
}

/// What the server says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Said {
    Ready,
    Message {
        room: String,
        seq: u64,
        text: String,
    },
    Ack {
        #[serde(rename = "ref")]
        reference: String,
        seq: u64,
    },
    Error {
        reason: String,
    },
}

impl WebSocketJson {
    pub(crate) fn new(host: String, people: People) -> Self {
        Self {
            host,
            people,
            json: Vec::new(),
        }
    }

    fn said(&self, seat: &Seat, text: &[u8]) -> anyhow::Result<Heard> {
        match serde_json::from_slice(text)? {
            Said::Ready => Ok(Heard::Ready),
            Said::Message { room, seq, text } => {
                let number = number_in(text.as_bytes(), TEXT_BYTES)?
                    .context("a message without a number")?;
                ensure!(
                    room == self.people.room(seat) && seq == number && text.len() == TEXT_BYTES,
                    "message {number} is another: {room} {seq} {text}"
                );
                Ok(Heard::Delivery(number))
            }
            Said::Ack { reference, seq } => {
                ensure!(
                    reference == seq.to_string(),
                    "the ack of message {reference} names seq {seq}"
                );
                Ok(Heard::Ack(seq))
            }
            Said::Error { reason } => bail!("refused: {reason}"),
        }
    }
}

impl Protocol for WebSocketJson {
    fn open(&self, seat: &Seat, out: &mut Vec<u8>) {
        // The server refuses an empty token, and says so.
        let token = self.people.token(seat).unwrap_or_default();
        write_handshake(&self.host, &format!("/ws?token={token}"), &[], out);
    }

    fn split(&self, seat: &Seat, bytes: &[u8]) -> anyhow::Result<Option<usize>> {
        if seat.step == OPENING {
            return split_handshake(bytes);
        }
        lines::split(bytes)
    }

    fn hear(&mut self, seat: &mut Seat, frame: &[u8], out: &mut Vec<u8>) -> anyhow::Result<Heard> {
        if seat.step == OPENING {
            seat.step = LIVE;
            return Ok(Heard::Nothing);
        }
        match lines::piece(frame) {
            Piece::Object(object) => self.said(seat, &lines::text(object)),
            Piece::Control(frame) => websocket::payload(frame, out).map(|_| Heard::Nothing),
            Piece::Between => Ok(Heard::Nothing),
        }
    }

    fn send(&mut self, seat: &Seat, number: u64, out: &mut Vec<u8>) {
        let room = self.people.room(seat);
        self.json.clear();
        // Writing to a Vec cannot fail; nothing in it needs an escape.
        let _ = write!(
            self.json,
            r#"{{"type":"send","ref":"{number}","room":"{room}","text":""#
        );
        write_text(number, TEXT_BYTES, &mut self.json);
        self.json.extend_from_slice(br#""}"#);
        write_frame(TEXT, &self.json, out);
    }

    fn acks(&self) -> bool {
        true
    }

    fn same_bytes(&self) -> bool {
        // gorilla cuts texts where its buffer ends, which depends on what else waits for a client.
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> (WebSocketJson, Seat, String) {
        let server = WebSocketJson::new(String::new(), People::new("secret".to_owned()));
        let seat = Seat {
            member: 0,
            room: 0,
            step: LIVE,
        };
        let room = server.people.room(&seat);
        (server, seat, room)
    }

    fn message(room: &str, seq: u64, number: u64) -> String {
        let mut text = Vec::new();
        write_text(number, TEXT_BYTES, &mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        format!(
            r#"{{"type":"message","room":"{room}","seq":{seq},"sender":"u0","ref":"{number}","text":"{text}"}}"#
        )
    }

    #[test]
    fn what_the_server_says_is_understood() {
        let (mut server, mut seat, room) = live();
        let mut hears = |text: &str| {
            server
                .hear(&mut seat, text.as_bytes(), &mut Vec::new())
                .expect("fine")
        };
        assert_eq!(hears(r#"{"type":"ready","user":"u0"}"#), Heard::Ready);
        assert_eq!(hears(r#"{"type":"ack","seq":7,"ref":"7"}"#), Heard::Ack(7));
        assert_eq!(hears("\n"), Heard::Nothing);
        assert_eq!(hears(&message(&room, 7, 7)), Heard::Delivery(7));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let (mut server, mut seat, room) = live();
        let wrong = [
            message("elsewhere", 7, 7),
            message(&room, 8, 7),
            message(&room, 7, 7).replace("\"}", "x\"}"),
            r#"{"type":"ack","seq":7,"ref":"8"}"#.to_owned(),
            r#"{"type":"error","ref":"7","reason":"refused"}"#.to_owned(),
        ];
        for text in wrong {
            let heard = server.hear(&mut seat, text.as_bytes(), &mut Vec::new());
            assert!(heard.is_err(), "{text}");
        }
    }
}
