//! The bytes of RFC 6455, as a server reads and writes them. No I/O.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use parlor_protocol::limits::FRAME_BYTES_MAX;

/// Bytes of the key that masks what a client sends.
const MASK_BYTES: usize = 4;
/// Largest payload of a ping, pong or close, in bytes.
const CONTROL_BYTES_MAX: usize = 125;
const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Received {
    /// A whole message.
    Text(Box<str>),
    Binary,
    Ping(Bytes),
    Pong,
    /// Goodbye, with the code if it gave one.
    Close(Option<u16>),
}

/// Why a connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// Not this protocol.
    Protocol,
    /// A message of more than 64 KiB.
    TooBig,
    /// Text that is none.
    NotUtf8,
}

/// Takes bytes as they come and gives what they say. Between two frames it holds nothing.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The beginning of a frame whose end has not come yet.
    partial: Vec<u8>,
    /// The beginning of a message in several frames.
    message: Option<Box<Fragments>>,
}

#[derive(Debug)]
struct Fragments {
    is_text: bool,
    payload: Vec<u8>,
}

struct Header {
    is_final: bool,
    opcode: u8,
    mask: [u8; MASK_BYTES],
    header_bytes: usize,
    payload_bytes: usize,
}

impl Decoder {
    /// Takes what was read; it is unmasked in place.
    pub(super) fn take(
        &mut self,
        bytes: &mut [u8],
        out: &mut VecDeque<Received>,
    ) -> Result<(), Broken> {
        if self.partial.is_empty() {
            let rest = self.frames(bytes, out)?;
            self.partial.extend_from_slice(&bytes[rest..]);
            return Ok(());
        }
        let mut partial = std::mem::take(&mut self.partial);
        partial.extend_from_slice(bytes);
        let rest = self.frames(&mut partial, out)?;
        partial.drain(..rest);
        if !partial.is_empty() {
            self.partial = partial;
        }
        Ok(())
    }

    /// Takes the whole frames; answers where the rest begins.
    fn frames(&mut self, bytes: &mut [u8], out: &mut VecDeque<Received>) -> Result<usize, Broken> {
        let mut at = 0;
        while let Some(header) = self.header(&bytes[at..])? {
            let begin = at + header.header_bytes;
            let end = begin + header.payload_bytes;
            let Some(payload) = bytes.get_mut(begin..end) else {
                break;
            };
            unmask(payload, header.mask);
            self.frame(&header, payload, out)?;
            at = end;
        }
        Ok(at)
    }

    /// A header if it is whole. What is wrong with it is said before its payload is waited for.
    fn header(&self, bytes: &[u8]) -> Result<Option<Header>, Broken> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        let (is_final, opcode) = (first & FIN != 0, first & 0x0f);
        let is_control = matches!(opcode, CLOSE | PING | PONG);
        let is_known = is_control || matches!(opcode, CONTINUATION | TEXT | BINARY);
        if first & RESERVED != 0 || !is_known || second & MASKED == 0 {
            return Err(Broken::Protocol);
        }
        let (payload_bytes, extended) = match second & !MASKED {
            126 => match rest.first_chunk() {
                Some(length) => (u64::from(u16::from_be_bytes(*length)), 2),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(length) => (u64::from_be_bytes(*length), 8),
                None => return Ok(None),
            },
            length => (u64::from(length), 0),
        };
        if is_control && (!is_final || payload_bytes > CONTROL_BYTES_MAX as u64) {
            return Err(Broken::Protocol);
        }
        // A message goes on if and only if one has begun.
        if !is_control && (opcode == CONTINUATION) != self.message.is_some() {
            return Err(Broken::Protocol);
        }
        let before = self.message.as_ref().map_or(0, |begun| begun.payload.len());
        if payload_bytes > FRAME_BYTES_MAX as u64
            || (!is_control && before + payload_bytes as usize > FRAME_BYTES_MAX)
        {
            return Err(Broken::TooBig);
        }
        let Some(mask) = rest[extended..].first_chunk() else {
            return Ok(None);
        };
        Ok(Some(Header {
            is_final,
            opcode,
            mask: *mask,
            header_bytes: 2 + extended + MASK_BYTES,
            payload_bytes: payload_bytes as usize,
        }))
    }

    fn frame(
        &mut self,
        header: &Header,
        payload: &[u8],
        out: &mut VecDeque<Received>,
    ) -> Result<(), Broken> {
        let received = match header.opcode {
            PING => Received::Ping(Bytes::copy_from_slice(payload)),
            PONG => Received::Pong,
            CLOSE => Received::Close(close_code(payload)?),
            _ => match self.message(header, payload)? {
                Some(message) => message,
                None => return Ok(()),
            },
        };
        out.push_back(received);
        Ok(())
    }

    fn message(&mut self, header: &Header, payload: &[u8]) -> Result<Option<Received>, Broken> {
        let Some(mut begun) = self.message.take() else {
            if header.is_final {
                return message(header.opcode == TEXT, payload).map(Some);
            }
            self.message = Some(Box::new(Fragments {
                is_text: header.opcode == TEXT,
                payload: payload.to_vec(),
            }));
            return Ok(None);
        };
        begun.payload.extend_from_slice(payload);
        if header.is_final {
            return message(begun.is_text, &begun.payload).map(Some);
        }
        self.message = Some(begun);
        Ok(None)
    }
}

fn message(is_text: bool, payload: &[u8]) -> Result<Received, Broken> {
    if !is_text {
        return Ok(Received::Binary);
    }
    let text = std::str::from_utf8(payload).map_err(|_| Broken::NotUtf8)?;
    Ok(Received::Text(text.into()))
}

/// The code of a goodbye; the reason behind it must be text.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Broken> {
    match payload {
        [] => Ok(None),
        [_] => Err(Broken::Protocol),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            let is_allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            if !is_allowed {
                return Err(Broken::Protocol);
            }
            std::str::from_utf8(reason).map_err(|_| Broken::NotUtf8)?;
            Ok(Some(code))
        }
    }
}

fn unmask(payload: &mut [u8], mask: [u8; MASK_BYTES]) {
    let mut words = payload.chunks_exact_mut(8);
    let wide = u64::from_ne_bytes([
        mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3],
    ]);
    for word in &mut words {
        let masked = u64::from_ne_bytes(word.try_into().expect("eight bytes"));
        word.copy_from_slice(&(masked ^ wide).to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// A ping of the server's own.
pub(super) fn ping() -> Bytes {
    Bytes::from_static(&[FIN | PING, 0])
}

/// The answer to a ping.
pub(super) fn pong(payload: &[u8]) -> Bytes {
    control(PONG, |bytes| bytes.put_slice(payload))
}

/// A goodbye; without a code where the other side gave none.
pub(super) fn close(code: Option<u16>, reason: &str) -> Bytes {
    control(CLOSE, |bytes| {
        if let Some(code) = code {
            bytes.put_u16(code);
            bytes.put_slice(reason.as_bytes());
        }
    })
}

fn control(opcode: u8, payload: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_slice(&[FIN | opcode, 0]);
    payload(&mut bytes);
    let length = bytes.len() - 2;
    debug_assert!(length <= CONTROL_BYTES_MAX);
    bytes[1] = length as u8;
    bytes.freeze()
}

impl Broken {
    /// The code that says so.
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::NotUtf8 => 1007,
            Self::TooBig => 1009,
        }
    }
}

#[cfg(test)]
mod tests;
