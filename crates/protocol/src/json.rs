//! A look at JSON text before it is parsed: nesting and NUL characters.
//!
//! One pass over the bytes without allocation. It does not validate JSON (serde does); it refuses
//! what must never reach a parser or a database: nesting that grows a stack, and `\u0000`, which
//! PostgreSQL cannot store and SQLite would cut a text at.

use crate::limits::JSON_DEPTH_MAX;

/// Why a JSON text is refused before parsing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Objects and arrays are nested deeper than [`JSON_DEPTH_MAX`].
    #[error("nested deeper than {JSON_DEPTH_MAX} levels")]
    TooDeep,
    /// A NUL character, raw or escaped.
    #[error("contains a NUL character")]
    Nul,
}

/// Refuses text that is too deep or holds a NUL character.
pub fn inspect(json: &[u8]) -> Result<(), Malformed> {
    if memchr::memchr(0, json).is_some() {
        return Err(Malformed::Nul);
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => at = end_of_string(json, at + 1)?,
            b'{' | b'[' => {
                depth += 1;
                if depth > JSON_DEPTH_MAX {
                    return Err(Malformed::TooDeep);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// Where the quote stands that ends a string; the end of the text if none does.
fn end_of_string(json: &[u8], mut at: usize) -> Result<usize, Malformed> {
    while let Some(rest) = json.get(at..)
        && let Some(found) = memchr::memchr2(b'"', b'\\', rest)
    {
        at += found;
        if json[at] == b'"' {
            return Ok(at);
        }
        if json.get(at + 1..at + 6) == Some(b"u0000") {
            return Err(Malformed::Nul);
        }
        // The escaped character cannot end the string.
        at += 2;
    }
    Ok(json.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    #[test]
    fn depth_is_bounded_and_brackets_in_strings_do_not_count() {
        assert_eq!(inspect(nested(JSON_DEPTH_MAX).as_bytes()), Ok(()));
        assert_eq!(
            inspect(nested(JSON_DEPTH_MAX + 1).as_bytes()),
            Err(Malformed::TooDeep)
        );
        assert_eq!(inspect(nested(100_000).as_bytes()), Err(Malformed::TooDeep));
        assert_eq!(
            inspect(format!("\"{}\"", "[".repeat(100)).as_bytes()),
            Ok(())
        );
        assert_eq!(
            inspect(format!("\"\\\"{}\"", "[".repeat(100)).as_bytes()),
            Ok(())
        );
    }

    #[test]
    fn nul_is_refused_raw_and_escaped_but_its_escaped_text_is_not() {
        assert_eq!(inspect(b"\"a\\u0000b\""), Err(Malformed::Nul));
        assert_eq!(inspect(b"\"a\0b\""), Err(Malformed::Nul));
        assert_eq!(inspect(br#""a\\u0000b""#), Ok(()));
    }

    proptest! {
        /// Whatever passes has no NUL in any string once it is parsed.
        #[test]
        fn parsed_strings_hold_no_nul(text in ".{0,40}") {
            let json = serde_json::to_string(&text).expect("a string serialises");
            prop_assert_eq!(inspect(json.as_bytes()).is_err(), text.contains('\0'));
        }
    }
}
