//! A file as the rules see it: its path and text, its text without comments, and words in it.
//!
//! The reading of Rust is as deep as the rules need it: comments, strings and characters are told apart, nothing more.

use std::fmt;

/// A text file; the path is relative to the root, with `/`.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A broken rule, printed as `path:line: what`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

impl Source {
    pub(crate) fn violation(&self, line: usize, what: impl Into<String>) -> Violation {
        Violation {
            path: self.path.clone(),
            line,
            what: what.into(),
        }
    }

    /// The rest of the path below a folder such as `crates/*/src`, where `*` is any one name.
    pub(crate) fn below(&self, folder: &str) -> Option<&str> {
        let mut rest = self.path.as_str();
        for expected in folder.split('/') {
            let (name, after) = rest.split_once('/')?;
            if expected != "*" && expected != name {
                return None;
            }
            rest = after;
        }
        Some(rest)
    }

    pub(crate) fn has_extension(&self, extensions: &[&str]) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.')
            .is_some_and(|(_, extension)| extensions.contains(&extension))
    }

    /// Whether a person wrote it: not generated, not installed, not built.
    pub(crate) fn is_written(&self) -> bool {
        !self.path.ends_with(".d.ts")
            && !self
                .path
                .split('/')
                .any(|name| matches!(name, "generated" | "node_modules" | "dist"))
    }

    /// Rust text with its comments blanked; every line stays where it is.
    pub(crate) fn without_comments(&self) -> String {
        without_comments(&self.text)
    }
}

/// The lines (from 1) on which `word` stands, not as a part of a longer name.
pub(crate) fn lines_with(text: &str, word: &str) -> Vec<usize> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| has_word(line, word))
        .map(|(at, _)| at + 1)
        .collect()
}

/// Whether `word` stands in the text with no letter of a name directly before or after it.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let in_name =
        |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let starts_name = in_name(word.chars().next());
    let ends_name = in_name(word.chars().next_back());
    text.match_indices(word).any(|(at, _)| {
        let before = in_name(text[..at].chars().next_back());
        let after = in_name(text[at + word.len()..].chars().next());
        !(starts_name && before || ends_name && after)
    })
}

/// Blanks line comments and (nested) block comments; keeps strings, characters and line ends.
fn without_comments(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let rest = &characters[at..];
        let (length, comment) = match rest {
            ['/', '/', ..] => (length_of_line(rest), true),
            ['/', '*', ..] => (length_of_block(rest), true),
            ['r', '"' | '#', ..] if !ends_in_name(&kept) => (length_of_raw(rest), false),
            // A quote opens a character, 'x' or '\…', where it does not begin a lifetime.
            ['"', ..] | ['\'', '\\', ..] => (length_of_quoted(rest), false),
            ['\'', _, '\'', ..] => (3, false),
            _ => (1, false),
        };
        for character in &rest[..length] {
            kept.push(if comment && *character != '\n' {
                ' '
            } else {
                *character
            });
        }
        at += length;
    }
    kept
}

/// `r` opens a raw string only where a word begins; `br` is one too.
fn ends_in_name(kept: &str) -> bool {
    let before = kept.strip_suffix('b').unwrap_or(kept);
    before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn length_of_line(rest: &[char]) -> usize {
    rest.iter().position(|c| *c == '\n').unwrap_or(rest.len())
}

fn length_of_block(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// A string or a character, up to and with the quote that opened it.
fn length_of_quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            character if character == rest[0] => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r"…"` or `r#"…"#`; a raw name such as `r#type` is one character here.
fn length_of_raw(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 1;
    }
    let start = hashes + 2;
    let closes = |at: &usize| {
        rest[*at] == '"'
            && rest[at + 1..]
                .iter()
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes
    };
    (start..rest.len())
        .find(closes)
        .map_or(rest.len(), |at| at + 1 + hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_blanked_and_strings_are_kept() {
        let text = "let a = \"// kept\"; // gone\nlet b = '\"'; /* gone /* nested */ gone */ let c = r#\"/* kept \"\"#;\n";
        let kept = without_comments(text);
        assert!(!kept.contains("gone"), "{kept}");
        assert_eq!(kept.matches("kept").count(), 2, "{kept}");
        assert!(kept.contains("let c"), "{kept}");
        assert_eq!(kept.lines().count(), text.lines().count());
    }

    #[test]
    fn lifetimes_and_raw_names_open_nothing() {
        let text = "fn f<'a>(r#type: &'a str, quote: char) -> &'a str { '\\'' ; b'\"'; x } // gone";
        let kept = without_comments(text);
        assert_eq!(kept.trim_end(), text.trim_end_matches("// gone").trim_end());
    }

    #[test]
    fn words_stand_alone() {
        assert!(has_word("use tokio::sync;", "tokio"));
        assert!(has_word("x = Instant::now();", "Instant::now"));
        assert!(has_word("rand::rng()", "rand::"));
        assert!(!has_word("let tokio_like = 1;", "tokio"));
        assert!(!has_word("operand::new()", "rand::"));
        assert!(!has_word("MyInstant::now()", "Instant::now"));
    }

    #[test]
    fn below_matches_folder_by_folder() {
        let file = Source {
            path: "crates/core/src/session/state.rs".to_owned(),
            text: String::new(),
        };
        assert_eq!(file.below("crates/*/src"), Some("session/state.rs"));
        assert_eq!(file.below("crates/store/src"), None);
        assert_eq!(file.below("web"), None);
    }
}
