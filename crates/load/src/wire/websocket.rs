//! WebSocket as a client speaks it, by hand: a handshake, masked frames out, frames in.

use std::io::Write;

use anyhow::{Context, bail, ensure};

pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

const FINAL: u8 = 0x80;
/// In place of a length: it follows in two bytes, or in eight.
const LENGTH_IN_TWO: u8 = 0x7E;
const LENGTH_IN_EIGHT: u8 = 0x7F;
const MASKED: u8 = 0x80;
/// The longest header of an unmasked frame, in bytes.
pub(crate) const HEADER_BYTES_MAX: usize = 10;

/// Appends the request that opens a socket.
pub(crate) fn write_handshake(host: &str, path: &str, headers: &[(&str, &str)], out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail. The key may be anything of 16 bytes; nobody here is a cache.
    let _ = write!(
        out,
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: cGFybG9yLWxvYWQtMDAwMQ==\r\n"
    );
    for (name, value) in headers {
        let _ = write!(out, "{name}: {value}\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// The length of the answer to the handshake, once it is whole; an error when it is a refusal.
pub(crate) fn split_handshake(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let status = head.lines().next().unwrap_or_default();
    ensure!(
        status.split_whitespace().nth(1) == Some("101"),
        "the socket was refused: {status}"
    );
    Ok(Some(end + 4))
}

/// A frame of the server: what kind it is, and where in the bytes its payload lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) header_bytes: usize,
    pub(crate) bytes: usize,
}

impl Frame {
    pub(crate) fn payload(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.header_bytes..self.bytes]
    }
}

/// The first frame in these bytes, if it is whole.
pub(crate) fn split(bytes: &[u8]) -> anyhow::Result<Option<Frame>> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    ensure!(first & FINAL != 0, "a fragmented frame");
    ensure!(second & MASKED == 0, "a masked frame from the server");
    let (header_bytes, payload_bytes) = match second {
        &LENGTH_IN_TWO => match rest.first_chunk::<2>() {
            Some(length) => (4, usize::from(u16::from_be_bytes(*length))),
            None => return Ok(None),
        },
        &LENGTH_IN_EIGHT => match rest.first_chunk::<8>() {
            Some(length) => (
                HEADER_BYTES_MAX,
                usize::try_from(u64::from_be_bytes(*length))?,
            ),
            None => return Ok(None),
        },
        short => (2, usize::from(*short)),
    };
    let whole = header_bytes
        .checked_add(payload_bytes)
        .context("an endless frame")?;
    Ok((bytes.len() >= whole).then_some(Frame {
        opcode: first & 0x0F,
        header_bytes,
        bytes: whole,
    }))
}

/// Appends a frame of the client. Its mask is zero, which leaves the payload as it is: a mask guards
/// caches between browsers and servers, and there are none.
pub(crate) fn write_frame(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    write_header(opcode, payload.len(), MASKED, out);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// Appends a frame as a server writes it.
pub(crate) fn write_server_frame(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    write_header(opcode, payload.len(), 0, out);
    out.extend_from_slice(payload);
}

fn write_header(opcode: u8, payload_bytes: usize, masked: u8, out: &mut Vec<u8>) {
    out.push(FINAL | opcode);
    match payload_bytes {
        0..=125 => out.push(masked | payload_bytes as u8),
        126..=0xFFFF => {
            out.push(masked | LENGTH_IN_TWO);
            out.extend_from_slice(&(payload_bytes as u16).to_be_bytes());
        }
        _ => {
            out.push(masked | LENGTH_IN_EIGHT);
            out.extend_from_slice(&(payload_bytes as u64).to_be_bytes());
        }
    }
}

/// What every protocol over WebSocket does with frames that carry nothing of its own: answers a ping,
/// fails on a close. Gives back the payload of the others.
pub(crate) fn payload<'a>(frame: &'a [u8], out: &mut Vec<u8>) -> anyhow::Result<Option<&'a [u8]>> {
    let whole = split(frame)?.context("half a frame")?;
    let payload = whole.payload(frame);
    match whole.opcode {
        TEXT | BINARY => Ok(Some(payload)),
        PING => {
            write_frame(PONG, payload, out);
            Ok(None)
        }
        PONG => Ok(None),
        CLOSE => {
            let code = payload
                .first_chunk::<2>()
                .map_or(1005, |code| u16::from_be_bytes(*code));
            bail!("the server closed a socket with code {code}")
        }
        other => bail!("a frame with opcode {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_however_its_bytes_are_split() {
        for length in [0, 1, 125, 126, 300, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut bytes = Vec::new();
            write_server_frame(TEXT, &payload, &mut bytes);
            let whole = bytes.len();
            write_server_frame(PING, b"next", &mut bytes);
            let cuts = (0..whole).filter(|cut| *cut < 400 || *cut + 5 > whole);
            for cut in cuts {
                assert_eq!(
                    split(&bytes[..cut]).expect("fine"),
                    None,
                    "{length} cut at {cut}"
                );
            }
            for end in whole..=bytes.len() {
                let frame = split(&bytes[..end]).expect("fine").expect("whole");
                assert_eq!((frame.opcode, frame.bytes), (TEXT, whole));
                assert_eq!(frame.payload(&bytes), payload);
            }
        }
    }

    #[test]
    fn a_client_frame_is_masked_with_nothing() {
        let mut out = Vec::new();
        write_frame(TEXT, b"hi", &mut out);
        assert_eq!(out, [0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
    }

    #[test]
    fn what_no_server_may_send_is_refused() {
        assert!(split(&[0x01, 0x00]).is_err(), "a fragment");
        assert!(split(&[0x81, 0x80]).is_err(), "a mask");
        assert!(payload(&[0x88, 0x02, 0x0F, 0xA8], &mut Vec::new()).is_err());
    }

    #[test]
    fn a_ping_is_answered_with_its_own_words() {
        let mut out = Vec::new();
        let mut ping = Vec::new();
        write_server_frame(PING, b"7", &mut ping);
        assert_eq!(payload(&ping, &mut out).expect("fine"), None);
        assert_eq!(out, [0x8A, 0x81, 0, 0, 0, 0, b'7']);
    }

    #[test]
    fn a_handshake_that_is_refused_says_so() {
        let refused = b"HTTP/1.1 503 Service Unavailable\r\n\r\n";
        let error = split_handshake(refused).expect_err("refused");
        assert!(error.to_string().contains("503"), "{error}");
        let taken = b"HTTP/1.1 101 Switching Protocols\r\na: b\r\n\r\nrest";
        assert_eq!(split_handshake(&taken[..30]).expect("fine"), None);
        assert_eq!(
            split_handshake(taken).expect("fine"),
            Some(taken.len() - b"rest".len())
        );
    }
}
