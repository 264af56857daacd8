//! WebSocket frames that hold several JSON objects, one a line, as gorilla's and Centrifuge's writers
//! make them of what waits for a client.
//!
//! How objects are put together differs from one recipient to the next, the objects do not. So the
//! event loop is given pieces: a frame's header by itself, each object by itself. What a piece is
//! shows in its first byte: text begins with `{` or a line end, a header with a byte above ASCII.

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
        [_, length, ..] => {
            let header_bytes = match length {
                126 => 4,
                127 => websocket::HEADER_BYTES_MAX,
                _ => 2,
            };
            Ok((bytes.len() >= header_bytes).then_some(header_bytes))
        }
        [_] => Ok(None),
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

/// Where the object at the front ends: at its last bracket that stands in no string.
fn object_bytes(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (place, byte) in bytes.iter().enumerate() {
        match byte {
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
    fn a_ping_is_a_whole_frame() {
        let mut bytes = Vec::new();
        write_server_frame(PING, b"7", &mut bytes);
        assert_eq!(split(&bytes[..2]).expect("fine"), None);
        assert_eq!(piece(&bytes), Piece::Control(&bytes[..]));
    }
}
