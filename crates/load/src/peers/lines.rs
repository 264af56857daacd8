//! WebSocket frames that hold several JSON objects, one a line, as gorilla's and Centrifuge's writers
//! make them of what waits for a client.
//!
//! How objects are put together differs from one recipient to the next, the objects do not. So the
//! event loop is given pieces: a frame's header by itself, each object by itself. What a piece is
//! shows in its first byte: text begins with `{` or a line end, which no header does.
//!
//! gorilla also cuts what is longer than its buffer into fragments, wherever that may be: an object
//! then has a header within. Text here is ASCII without control characters, so it is told from headers.

use std::borrow::Cow;

use crate::wire::websocket::{self, CLOSE, PING, PONG};

/// What a piece is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Object(&'a [u8]),
    /// A ping, a pong or a close: a whole frame.
    Control(&'a [u8]),
    /// A header of text, or a line end.
    Between,
}

/// The length of the first piece in these bytes, if it is whole.
pub(crate) fn split(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    match bytes {
        [] => Ok(None),
        [b'{', ..] => Ok(object_bytes(bytes)),
        [b'\n', ..] => Ok(Some(1)),
        [first, ..] if is_control(*first) => Ok(websocket::split(bytes)?.map(|frame| frame.bytes)),
        _ => Ok(header_bytes(bytes)),
    }
}

/// What a piece that `split` has found is.
pub(crate) fn piece(bytes: &[u8]) -> Piece<'_> {
    match bytes {
        [b'{', ..] => Piece::Object(bytes),
        [first, ..] if is_control(*first) => Piece::Control(bytes),
        _ => Piece::Between,
    }
}

fn is_control(first: u8) -> bool {
    first > 0x7F && [CLOSE, PING, PONG].contains(&(first & 0x0F))
}

/// The first byte of the header of a fragment that continues another: the last one, or one before.
fn continues(first: u8) -> bool {
    matches!(first, 0x00 | 0x80)
}

/// The length of the header at the front, if it is whole.
fn header_bytes(bytes: &[u8]) -> Option<usize> {
    let length = match bytes.get(1)? {
        126 => 4,
        127 => websocket::HEADER_BYTES_MAX,
        _ => 2,
    };
    (bytes.len() >= length).then_some(length)
}

/// An object without the headers within.
pub(crate) fn text(object: &[u8]) -> Cow<'_, [u8]> {
    if !object.iter().any(|byte| continues(*byte)) {
        return Cow::Borrowed(object);
    }
    let mut text = Vec::with_capacity(object.len());
    let mut rest = object;
    while let Some(first) = rest.first() {
        let skipped = if continues(*first) {
            header_bytes(rest).unwrap_or(rest.len())
        } else {
            text.push(*first);
            1
        };
        rest = &rest[skipped..];
    }
    Cow::Owned(text)
}

/// Where the object at the front ends: at its last bracket that stands in no string.
fn object_bytes(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        match byte {
            _ if continues(*byte) => {
                place += header_bytes(&bytes[place..])?;
                continue;
            }
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' if !in_string => depth += 1,
            b'}' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return Some(place + 1);
                }
            }
            _ => {}
        }
        place += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::websocket::{TEXT, write_server_frame};

    #[test]
    fn pieces_are_found_however_the_bytes_are_split() {
        let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(200));
        let objects = [r#"{"a":{"b":"}\""}}"#, &long, r#"{"c":1}"#];
        let mut bytes = Vec::new();
        write_server_frame(TEXT, objects[..2].join("\n").as_bytes(), &mut bytes);
        write_server_frame(PING, b"{", &mut bytes);
        write_server_frame(TEXT, objects[2].as_bytes(), &mut bytes);
        for cut in 0..bytes.len() {
            let (mut found, mut parsed) = (Vec::new(), 0);
            for end in [cut, bytes.len()] {
                while let Some(length) = split(&bytes[parsed..end]).expect("fine") {
                    if let Piece::Object(object) = piece(&bytes[parsed..parsed + length]) {
                        found.push(String::from_utf8_lossy(object).into_owned());
                    }
                    parsed += length;
                }
            }
            assert_eq!(
                (found.as_slice(), parsed),
                (&objects.map(str::to_owned)[..], bytes.len())
            );
        }
    }

    #[test]
    fn an_object_is_found_in_fragments() {
        let object = format!(r#"{{"text":"{}"}}"#, "x".repeat(300));
        for cut in 0..object.len() {
            let (begin, end) = object.as_bytes().split_at(cut);
            let mut bytes = Vec::new();
            write_server_frame(0x1, begin, &mut bytes);
            bytes[0] = 0x1;
            write_server_frame(0x0, end, &mut bytes);
            let mut found = Vec::new();
            let mut rest = bytes.as_slice();
            while let Some(length) = split(rest).expect("fine") {
                if let Piece::Object(object) = piece(&rest[..length]) {
                    found.push(text(object).into_owned());
                }
                rest = &rest[length..];
            }
            assert_eq!(found, [object.as_bytes()], "cut at {cut}");
        }
    }

    #[test]
    fn a_ping_is_a_whole_frame() {
        let mut bytes = Vec::new();
        write_server_frame(PING, b"7", &mut bytes);
        assert_eq!(split(&bytes[..2]).expect("fine"), None);
        assert_eq!(piece(&bytes), Piece::Control(&bytes[..]));
    }
}
