//! Parlor's own protocol.

use std::io::Write;

use anyhow::{Context, bail, ensure};
use parlor_protocol::{ClientFrame, ConversationId, Ref, ServerFrame};

use crate::{
    payload::{TEXT_BYTES, number_in, write_text},
    wire::{
        protocol::{Heard, Protocol, Seat},
        websocket::{TEXT, payload, split, split_handshake, write_frame, write_handshake},
    },
};

/// Events that may come between messages and say nothing that is counted. They are told by how they
/// begin: taking them apart would cost more than the server spent on them.
const SKIPPED: [&[u8]; 5] = [
    br#"{"type":"presence.update""#,
    br#"{"type":"typing."#,
    br#"{"type":"message.delivered""#,
    br#"{"type":"message.read""#,
    br#"{"type":"pong""#,
];

/// The steps of a connection.
const OPENING: u8 = 0;
const AUTHENTICATING: u8 = 1;
const LIVE: u8 = 2;

/// Members with their tokens, and the conversations that the rooms are. Each conversation is new: its
/// `seq` is the message's number.
#[derive(Debug)]
pub(crate) struct Parlor {
    host: String,
    tokens: Vec<String>,
    conversations: Vec<ConversationId>,
    json: Vec<u8>,
}

impl Parlor {
    pub(crate) fn new(
        host: String,
        tokens: Vec<String>,
        conversations: Vec<ConversationId>,
    ) -> Self {
        Self {
            host,
            tokens,
            conversations,
            json: Vec::new(),
        }
    }

    fn live(&self, seat: &Seat, text: &[u8]) -> anyhow::Result<Heard> {
        if SKIPPED.iter().any(|begin| text.starts_with(begin)) {
            return Ok(Heard::Nothing);
        }
        match serde_json::from_slice(text)? {
            ServerFrame::MessageNew {
                conversation_id,
                message,
                ..
            } => {
                let number = number_in(message.content.as_bytes(), TEXT_BYTES)?
                    .context("a message without a number")?;
                ensure!(
                    message.content.len() == TEXT_BYTES
                        && conversation_id == self.conversations[seat.room]
                        && message.seq == number.cast_signed()
                        && message.client_id == Some(number.to_string()),
                    "message {number} is another: {message:?}"
                );
                Ok(Heard::Delivery(number))
            }
            ServerFrame::Ack {
                reference: Some(Ref::Number(number)),
                message: Some(message),
                ..
            } => {
                ensure!(
                    message.seq == number.cast_signed(),
                    "the ack of message {number} names seq {}",
                    message.seq
                );
                Ok(Heard::Ack(number))
            }
            ServerFrame::Error { code, detail, .. } => {
                bail!("refused: {} {detail}", code.as_str())
            }
            other => bail!("unexpected: {other:?}"),
        }
    }
}

impl Protocol for Parlor {
    fn open(&self, _seat: &Seat, out: &mut Vec<u8>) {
        write_handshake(&self.host, "/api/v1/ws", &[], out);
    }

    fn split(&self, seat: &Seat, bytes: &[u8]) -> anyhow::Result<Option<usize>> {
        if seat.step == OPENING {
            return split_handshake(bytes);
        }
        Ok(split(bytes)?.map(|frame| frame.bytes))
    }

    fn hear(&mut self, seat: &mut Seat, frame: &[u8], out: &mut Vec<u8>) -> anyhow::Result<Heard> {
        if seat.step == OPENING {
            let token = self.tokens[seat.member % self.tokens.len()].clone();
            let auth = ClientFrame::Auth {
                reference: None,
                token,
                cursor: None,
            };
            write_frame(TEXT, &serde_json::to_vec(&auth)?, out);
            seat.step = AUTHENTICATING;
            return Ok(Heard::Nothing);
        }
        let Some(text) = payload(frame, out)? else {
            return Ok(Heard::Nothing);
        };
        if seat.step == LIVE {
            return self.live(seat, text);
        }
        match serde_json::from_slice(text)? {
            ServerFrame::Connected { .. } => seat.step = LIVE,
            other => bail!("not connected but {other:?}"),
        }
        Ok(Heard::Ready)
    }

    fn send(&mut self, seat: &Seat, number: u64, out: &mut Vec<u8>) {
        write_send(self.conversations[seat.room], number, &mut self.json, out);
    }

    fn acks(&self) -> bool {
        true
    }

    fn same_bytes(&self) -> bool {
        true
    }
}

/// Appends the frame that sends message `number`; `json` is a buffer that is reused.
pub(crate) fn write_send(
    conversation: ConversationId,
    number: u64,
    json: &mut Vec<u8>,
    out: &mut Vec<u8>,
) {
    json.clear();
    // Writing to a Vec cannot fail; nothing in it needs an escape.
    let _ = write!(
        json,
        r#"{{"type":"message.send","ref":{number},"conversationId":"{conversation}","clientId":"{number}","content":""#
    );
    write_text(number, TEXT_BYTES, json);
    json.extend_from_slice(br#""}"#);
    write_frame(TEXT, json, out);
}
