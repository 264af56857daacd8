//! A finished frame: encoded once, the same bytes for everyone.

use std::sync::Arc;

use bytes::Bytes;
use parlor_protocol::{ConversationId, ServerFrame, UserId};
use serde::Serialize;

/// FIN and the opcode of text, the first byte of every frame here (RFC 6455, 5.2).
const FINAL_TEXT: u8 = 0x81;
/// Longest header of a frame that a server sends, in bytes: it is never masked.
const HEADER_BYTES_MAX: usize = 10;
/// Room for the JSON of most frames, in bytes.
const TYPICAL_BYTES: usize = 640;

/// A frame on its way.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Header and text as they go over a WebSocket: what a server sends is not masked, so the whole
    /// frame is shared and not only its text.
    pub bytes: Bytes,
    /// What a newer frame makes of it, and whether it may be left out.
    pub kind: FrameKind,
}

/// What may become of a frame that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameKind {
    /// It arrives, or the connection ends.
    Durable,
    /// Where a member's cursor stands: a newer one takes its place, and an outbox that is full
    /// leaves it out. The next one, or the next sync, says it again.
    Cursor(Arc<CursorOf>),
    /// What is true for some seconds: a newer one about the same takes its place, and a full outbox
    /// leaves it out. Nothing that was sent is less complete for it.
    Ephemeral(Arc<EphemeralOf>),
}

/// What an ephemeral frame is about.
#[derive(Debug, PartialEq, Eq)]
pub enum EphemeralOf {
    /// Whether somebody writes in a conversation.
    Typing(ConversationId, UserId),
    /// Whether somebody is here.
    Presence(UserId),
}

/// Which cursor a frame tells of.
#[derive(Debug, PartialEq, Eq)]
pub struct CursorOf {
    /// Where.
    pub conversation_id: ConversationId,
    /// Whose.
    pub user_id: UserId,
    /// The read cursor, not the delivered one.
    pub read: bool,
}

impl Frame {
    /// Encodes a frame.
    pub fn of(frame: &ServerFrame) -> Self {
        let cursor = |conversation_id: &ConversationId, user_id: &UserId, read| {
            FrameKind::Cursor(Arc::new(CursorOf {
                conversation_id: *conversation_id,
                user_id: user_id.clone(),
                read,
            }))
        };
        let kind = match frame {
            ServerFrame::MessageRead {
                conversation_id,
                user_id,
                ..
            } => cursor(conversation_id, user_id, true),
            ServerFrame::MessageDelivered {
                conversation_id,
                user_id,
                ..
            } => cursor(conversation_id, user_id, false),
            ServerFrame::TypingStart {
                conversation_id,
                user_id,
            }
            | ServerFrame::TypingStop {
                conversation_id,
                user_id,
            } => FrameKind::Ephemeral(Arc::new(EphemeralOf::Typing(
                *conversation_id,
                user_id.clone(),
            ))),
            ServerFrame::PresenceUpdate { user_id, .. } => {
                FrameKind::Ephemeral(Arc::new(EphemeralOf::Presence(user_id.clone())))
            }
            _ => FrameKind::Durable,
        };
        Self {
            bytes: text_frame(frame),
            kind,
        }
    }
}

/// Header and JSON in one piece. The header's length follows from the text's, so room for the
/// longest is left in front and the unused part cut off.
fn text_frame(frame: &impl Serialize) -> Bytes {
    let mut bytes = Vec::with_capacity(HEADER_BYTES_MAX + TYPICAL_BYTES);
    bytes.resize(HEADER_BYTES_MAX, 0);
    serde_json::to_writer(&mut bytes, frame).expect("frames hold nothing that JSON cannot say");
    let length = (bytes.len() - HEADER_BYTES_MAX) as u64;
    let extended = match length {
        0..126 => 0,
        126..=0xffff => 2,
        _ => 8,
    };
    let begin = HEADER_BYTES_MAX - 2 - extended;
    bytes[begin] = FINAL_TEXT;
    bytes[begin + 1] = match extended {
        0 => length as u8,
        2 => 126,
        _ => 127,
    };
    bytes[HEADER_BYTES_MAX - extended..HEADER_BYTES_MAX]
        .copy_from_slice(&length.to_be_bytes()[8 - extended..]);
    Bytes::from(bytes).slice(begin..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_how_long_its_text_is() {
        for (length, header) in [
            (2, vec![0x81, 2]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xff, 0xff]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let text = "x".repeat(length - 2);
            let bytes = text_frame(&text);
            assert_eq!(&bytes[..header.len()], header);
            assert_eq!(&bytes[header.len()..], format!("\"{text}\"").as_bytes());
        }
    }
}
