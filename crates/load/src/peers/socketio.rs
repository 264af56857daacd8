//! Socket.IO 4: packets of Engine.IO 4, over WebSocket from the start.

use std::io::Write;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::{
    payload::{TEXT_BYTES, number_in, write_text},
    peers::People,
    wire::{
        Heard, Protocol, Seat,
        websocket::{TEXT, payload, split, split_handshake, write_frame, write_handshake},
    },
};

/// The steps of a connection.
const OPENING: u8 = 0;
const LIVE: u8 = 1;

#[derive(Debug)]
pub(crate) struct SocketIo {
    host: String,
    people: People,
    packet: Vec<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    conversation: String,
    seq: u64,
    client_id: String,
    text: String,
}

#[derive(Debug, Deserialize)]
struct Ack {
    seq: Option<u64>,
    error: Option<String>,
}

impl SocketIo {
    pub(crate) fn new(host: String, people: People) -> Self {
        Self {
            host,
            people,
            packet: Vec::new(),
        }
    }

    fn event(&self, seat: &Seat, json: &[u8]) -> anyhow::Result<Heard> {
        let (name, message): (String, Message) = serde_json::from_slice(json)?;
        let text = message.text.as_bytes();
        let number = number_in(text, TEXT_BYTES)?.context("a message without a number")?;
        ensure!(
            name == "new_message"
                && text.len() == TEXT_BYTES
                && message.conversation == self.people.room(seat)
                && message.seq == number
                && message.client_id == number.to_string(),
            "message {number} is another: {message:?}"
        );
        Ok(Heard::Delivery(number))
    }

    /// The number of an ack is that of the message: it was asked for with it.
    fn ack(packet: &[u8]) -> anyhow::Result<Heard> {
        let at = packet.iter().position(|byte| *byte == b'[');
        let (number, json) = packet.split_at(at.context("an ack without words")?);
        let number = std::str::from_utf8(number)?.parse::<u64>()?;
        let [ack]: [Ack; 1] = serde_json::from_slice(json)?;
        ensure!(
            ack.seq == Some(number),
            "the ack of message {number} says {ack:?}"
        );
        ensure!(ack.error.is_none(), "message {number} is refused: {ack:?}");
        Ok(Heard::Ack(number))
    }
}

impl Protocol for SocketIo {
    fn open(&self, _seat: &Seat, out: &mut Vec<u8>) {
        let path = "/socket.io/?EIO=4&transport=websocket";
        write_handshake(&self.host, path, &[], out);
    }

    fn split(&self, seat: &Seat, bytes: &[u8]) -> anyhow::Result<Option<usize>> {
        if seat.step == OPENING {
            return split_handshake(bytes);
        }
        Ok(split(bytes)?.map(|frame| frame.bytes))
    }

    fn hear(&mut self, seat: &mut Seat, frame: &[u8], out: &mut Vec<u8>) -> anyhow::Result<Heard> {
        if seat.step == OPENING {
            seat.step = LIVE;
            return Ok(Heard::Nothing);
        }
        match payload(frame, out)? {
            None => Ok(Heard::Nothing),
            Some([b'4', b'2', json @ ..]) => self.event(seat, json),
            Some([b'4', b'3', ack @ ..]) => Self::ack(ack),
            Some([b'4', b'0', ..]) => Ok(Heard::Ready),
            Some(b"2") => {
                write_frame(TEXT, b"3", out);
                Ok(Heard::Nothing)
            }
            Some([b'0', ..]) => {
                let connect = format!(r#"40{{"token":"{}"}}"#, self.people.token(seat)?);
                write_frame(TEXT, connect.as_bytes(), out);
                Ok(Heard::Nothing)
            }
            Some(other) => bail!("unexpected: {}", String::from_utf8_lossy(other)),
        }
    }

    fn send(&mut self, seat: &Seat, number: u64, out: &mut Vec<u8>) {
        let room = self.people.room(seat);
        self.packet.clear();
        // Writing to a Vec cannot fail; nothing in it needs an escape.
        let _ = write!(
            self.packet,
            r#"42{number}["send_message",{{"conversation":"{room}","clientId":"{number}","text":""#
        );
        write_text(number, TEXT_BYTES, &mut self.packet);
        self.packet.extend_from_slice(br#""}]"#);
        write_frame(TEXT, &self.packet, out);
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
    use crate::wire::websocket::write_server_frame;

    fn hear(packet: impl Fn(&str, &str) -> String) -> (anyhow::Result<Heard>, Vec<u8>) {
        let mut server = SocketIo::new(String::new(), People::new("secret".to_owned()));
        let mut seat = Seat {
            member: 0,
            room: 0,
            step: LIVE,
        };
        let (mut text, mut frame, mut out) = (Vec::new(), Vec::new(), Vec::new());
        write_text(7, TEXT_BYTES, &mut text);
        let packet = packet(&server.people.room(&seat), &String::from_utf8_lossy(&text));
        write_server_frame(TEXT, packet.as_bytes(), &mut frame);
        (server.hear(&mut seat, &frame, &mut out), out)
    }

    fn message(room: &str, seq: u64, text: &str) -> String {
        format!(
            r#"42["new_message",{{"conversation":"{room}","seq":{seq},"sender":"u0","clientId":"7","text":"{text}","createdAt":1795189955455}}]"#
        )
    }

    #[test]
    fn what_the_server_says_is_understood() {
        let heard = |packet: &str| hear(|_, _| packet.to_owned()).0.expect("fine");
        assert_eq!(heard(r#"40{"sid":"9pI0E5M24fxuZrFvAAAA"}"#), Heard::Ready);
        assert_eq!(heard(r#"437[{"ok":true,"seq":7}]"#), Heard::Ack(7));
        let delivery = hear(|room, text| message(room, 7, text)).0;
        assert_eq!(delivery.expect("fine"), Heard::Delivery(7));
    }

    #[test]
    fn an_open_packet_and_a_ping_are_answered() {
        let (_, token) = hear(|_, _| r#"0{"sid":"Y3wcjtY7AtuaW_HkAAAA"}"#.to_owned());
        assert!(token.windows(11).any(|part| part == br#"40{"token":"#));
        let (_, pong) = hear(|_, _| "2".to_owned());
        assert_eq!(pong.last(), Some(&b'3'));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let refused = |packet: &str| hear(|_, _| packet.to_owned()).0.is_err();
        assert!(refused(r#"44{"message":"unauthorized"}"#));
        assert!(refused(r#"437[{"error":"text"}]"#));
        assert!(refused(r#"437[{"ok":true,"seq":8}]"#));
        assert!(hear(|_, text| message("elsewhere", 7, text)).0.is_err());
        assert!(hear(|room, text| message(room, 8, text)).0.is_err());
    }
}
