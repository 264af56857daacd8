//! The text of message number n: always the same for the same number, found again in any frame.
//!
//! It is plain ASCII that JSON and XML leave as it is: a marker, the number, and letters that depend
//! on both the number and their place, so that a text that was cut, mixed or repeated is noticed.

use std::io::Write;

use anyhow::{Context, ensure};

const MARKER: &[u8] = b"parlor-load:";
const DIGITS: usize = 12;
/// The shortest text: marker, number and a colon.
pub(crate) const TEXT_BYTES_MIN: usize = MARKER.len() + DIGITS + 1;
/// The length that the goals speak of.
pub(crate) const TEXT_BYTES: usize = 200;

/// Appends the text of a message to a buffer that is reused.
pub(crate) fn write_text(number: u64, bytes: usize, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(MARKER);
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{number:0DIGITS$}:");
    for place in TEXT_BYTES_MIN..bytes {
        out.push(letter(number, place));
    }
    debug_assert_eq!(out.len() - begin, bytes.max(TEXT_BYTES_MIN));
}

fn letter(number: u64, place: usize) -> u8 {
    let mixed = (number.wrapping_mul(31) + place as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    b'a' + ((mixed >> 32) % 26) as u8
}

/// The number of the message whose text stands in these bytes, checked to the last letter; none when
/// no text begins here.
pub(crate) fn number_in(frame: &[u8], bytes: usize) -> anyhow::Result<Option<u64>> {
    let Some(at) = frame
        .windows(MARKER.len())
        .position(|window| window == MARKER)
    else {
        return Ok(None);
    };
    let text = &frame[at..];
    ensure!(text.len() >= bytes, "a text of a message is cut");
    let number = std::str::from_utf8(&text[MARKER.len()..MARKER.len() + DIGITS])
        .ok()
        .and_then(|digits| digits.parse().ok())
        .context("a text of a message has no number")?;
    let is_whole = text[TEXT_BYTES_MIN - 1] == b':'
        && (TEXT_BYTES_MIN..bytes).all(|place| text[place] == letter(number, place));
    ensure!(is_whole, "the text of message {number} is another");
    Ok(Some(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_a_frame() {
        let mut frame = br#"{"content":""#.to_vec();
        write_text(42, TEXT_BYTES, &mut frame);
        frame.extend_from_slice(br#""}"#);
        assert_eq!(number_in(&frame, TEXT_BYTES).expect("whole"), Some(42));
        assert_eq!(number_in(b"{}", TEXT_BYTES).expect("none"), None);
    }

    #[test]
    fn a_text_that_was_changed_anywhere_is_refused() {
        let mut text = Vec::new();
        write_text(42, TEXT_BYTES, &mut text);
        for place in MARKER.len()..TEXT_BYTES {
            let mut changed = text.clone();
            changed[place] ^= 1;
            assert!(
                number_in(&changed, TEXT_BYTES).is_err(),
                "changed at {place}"
            );
        }
        assert!(number_in(&text[..TEXT_BYTES - 1], TEXT_BYTES).is_err());
    }
}
