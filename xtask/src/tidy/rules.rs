//! What may stand in a file: one function per rule, from a file to what breaks the rule in it.
//!
//! Each function decides itself which files it is about, so that the caller gives every file to every rule.

use super::source::{Source, Violation, has_word, lines_with};

/// A file with more lines is two rooms.
const LINES_MAX: usize = 800;

/// I/O, clocks, chance and runtimes, as Rust spells them.
const NOT_IN_CORE: &[&str] = &[
    "tokio",
    "std::fs",
    "std::net",
    "std::io",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "async fn",
    "rand::",
    "reqwest",
    "sqlx",
];

/// The same modules of std inside a grouped `use std::{…}`.
const NOT_IN_CORE_OF_STD: &[&str] = &["fs", "net", "io", "thread"];

/// What says that something is not finished, or was looked at and forgotten. Spelled in two parts, or this file
/// would break its own rule.
const UNFINISHED_RUST: &[&str] = &[
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("#[", "ignore"),
];
const UNFINISHED_WEB: &[&str] = &[concat!(".only", "(")];

const WEB_FOLDERS: &[&str] = &["web/packages", "web/app", "web/e2e"];
const RUST_FOLDERS: &[&str] = &["crates/*/src", "crates/*/tests", "xtask/src"];

/// Core is arguments in, decisions out: it names no I/O, no clock, no chance and no runtime.
pub(crate) fn core_is_pure(file: &Source) -> Vec<Violation> {
    if file.below("crates/core/src").is_none() || !file.has_extension(&["rs"]) {
        return Vec::new();
    }
    let text = file.without_comments();
    let mut violations = Vec::new();
    for word in NOT_IN_CORE {
        for line in lines_with(&text, word) {
            violations.push(file.violation(line, format!("core may not name `{word}`")));
        }
    }
    for (at, _) in text.match_indices("std::{") {
        let group = text[at..].split(';').next().unwrap_or_default();
        let line = text[..at].lines().count().max(1);
        for word in NOT_IN_CORE_OF_STD
            .iter()
            .filter(|word| has_word(group, word))
        {
            violations.push(file.violation(line, format!("core may not name `std::{word}`")));
        }
    }
    violations
}

/// Only the store knows that there is SQL.
pub(crate) fn sql_only_in_store(file: &Source) -> Vec<Violation> {
    if file.below("crates/store").is_some() {
        return Vec::new();
    }
    let text = if file.below("crates/*/src").is_some() && file.has_extension(&["rs"]) {
        file.without_comments()
    } else if file.below("crates/*") == Some("Cargo.toml") {
        let code = file
            .text
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default());
        code.collect::<Vec<_>>().join("\n")
    } else {
        return Vec::new();
    };
    lines_with(&text, "sqlx")
        .into_iter()
        .map(|line| file.violation(line, "only store may name `sqlx`"))
        .collect()
}

/// Every module says at its door what lives in it.
pub(crate) fn opens_with_purpose(file: &Source) -> Vec<Violation> {
    let within = |folders: &[&str]| folders.iter().any(|folder| file.below(folder).is_some());
    if within(RUST_FOLDERS) && file.has_extension(&["rs"]) && !file.text.starts_with("//!") {
        return vec![file.violation(1, "a module opens with `//!` and what lives in it")];
    }
    let opens = file.text.starts_with("//") || file.text.starts_with("/*");
    if within(WEB_FOLDERS) && file.has_extension(&["ts", "tsx"]) && file.is_written() && !opens {
        return vec![file.violation(1, "a module opens with a comment and what lives in it")];
    }
    Vec::new()
}

/// `lib.rs` and `mod.rs` are signposts: documentation, attributes, `mod` and `use`.
pub(crate) fn roots_only_reexport(file: &Source) -> Vec<Violation> {
    let name = file
        .below("crates/*/src")
        .or_else(|| file.below("xtask/src"));
    let is_root =
        name.is_some_and(|name| matches!(name.rsplit('/').next(), Some("lib.rs" | "mod.rs")));
    if !is_root {
        return Vec::new();
    }
    let text = file.without_comments();
    let mut rest = text.as_str();
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else {
            return Vec::new();
        };
        let item = if first == '#' {
            attribute(rest)
        } else {
            signpost(rest)
        };
        let Some(length) = item else {
            let line = text[..text.len() - rest.len()].matches('\n').count() + 1;
            return vec![file.violation(
                line,
                "lib.rs and mod.rs hold only documentation, `mod` and `use`",
            )];
        };
        rest = &rest[length..];
    }
}

/// The length of `#[…]` or `#![…]` at the start of the text.
fn attribute(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, character) in text.char_indices() {
        match character {
            '[' => depth += 1,
            ']' if depth == 1 => return Some(at + 1),
            ']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// The length of `mod …;` or `use …;` at the start of the text, with its visibility.
fn signpost(text: &str) -> Option<usize> {
    let end = text.find(';')?;
    let mut item = text[..end]
        .strip_prefix("pub")
        .unwrap_or(&text[..end])
        .trim_start();
    if item.starts_with('(') {
        item = item.split_once(')')?.1.trim_start();
    }
    let module = item
        .strip_prefix("mod ")
        .is_some_and(|name| !name.contains(['{', '(']));
    (module || item.starts_with("use ")).then_some(end + 1)
}

/// Nothing is left for later, and no test is left out.
pub(crate) fn nothing_unfinished(file: &Source) -> Vec<Violation> {
    let words = if file.has_extension(&["rs"]) {
        UNFINISHED_RUST
    } else if file.has_extension(&["ts", "tsx", "js", "mjs", "cjs", "jsx"]) && file.is_written() {
        UNFINISHED_WEB
    } else {
        return Vec::new();
    };
    let mut violations = Vec::new();
    for word in words {
        for line in lines_with(&file.text, word) {
            violations.push(file.violation(line, format!("`{word}` may not be committed")));
        }
    }
    violations
}

/// A file is one room, and one can see from wall to wall.
pub(crate) fn not_too_long(file: &Source) -> Vec<Violation> {
    let rust = file.has_extension(&["rs"])
        && (file.below("crates/*/src").is_some() || file.below("xtask/src").is_some());
    let web = file.has_extension(&["ts", "tsx", "css"])
        && WEB_FOLDERS
            .iter()
            .any(|folder| file.below(folder).is_some());
    let lines = file.text.lines().count();
    if (rust || web) && file.is_written() && lines > LINES_MAX {
        return vec![file.violation(
            LINES_MAX + 1,
            format!("{lines} lines; {LINES_MAX} are the most"),
        )];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn found(violations: &[Violation]) -> Vec<String> {
        violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn core_names_no_clock_and_no_runtime() {
        let text = "//! Rules; no tokio here.\nuse std::fs;\n\nfn f() {\n    let now = Instant::now(); // why\n}\n";
        let violations = core_is_pure(&file("crates/core/src/rules.rs", text));
        assert_eq!(
            found(&violations),
            [
                "crates/core/src/rules.rs:2: core may not name `std::fs`",
                "crates/core/src/rules.rs:5: core may not name `Instant::now`",
            ]
        );
        assert_eq!(core_is_pure(&file("crates/hub/src/rules.rs", text)), []);
    }

    #[test]
    fn core_hides_no_io_in_a_group() {
        let text = "//! Rules.\nuse std::{\n    collections::HashMap,\n    io::{self, Read},\n};\n";
        let violations = core_is_pure(&file("crates/core/src/rules.rs", text));
        assert_eq!(
            found(&violations),
            ["crates/core/src/rules.rs:2: core may not name `std::io`"]
        );
        let clean = "use std::{collections::HashMap, ops::Range};\nfn io(fs: u8, net: u8) {}\n";
        assert_eq!(core_is_pure(&file("crates/core/src/rules.rs", clean)), []);
    }

    #[test]
    fn sql_outside_of_store_is_found() {
        let text = "//! Use cases; sqlx is far away.\nuse sqlx::Row;\n";
        let code = sql_only_in_store(&file("crates/app/src/send.rs", text));
        assert_eq!(
            found(&code),
            ["crates/app/src/send.rs:2: only store may name `sqlx`"]
        );
        let manifest = "[dependencies]\n# not sqlx\nsqlx.workspace = true\n";
        assert_eq!(
            sql_only_in_store(&file("crates/app/Cargo.toml", manifest))[0].line,
            3
        );
        assert_eq!(
            sql_only_in_store(&file("crates/store/src/page.rs", text)),
            []
        );
        assert_eq!(sql_only_in_store(&file("docs/SCALE.md", "sqlx")), []);
    }

    #[test]
    fn a_module_without_its_purpose_is_found() {
        let rust = "use std::fmt;\n";
        for path in [
            "crates/hub/src/topic.rs",
            "crates/hub/tests/hub.rs",
            "xtask/src/main.rs",
        ] {
            assert_eq!(opens_with_purpose(&file(path, rust)).len(), 1, "{path}");
            assert_eq!(
                opens_with_purpose(&file(path, "//! Topics.\nuse std::fmt;\n")),
                []
            );
        }
        let web = "import { x } from './x';\n";
        for path in [
            "web/app/src/list.tsx",
            "web/packages/client/src/outbox.ts",
            "web/e2e/send.test.ts",
        ] {
            assert_eq!(opens_with_purpose(&file(path, web)).len(), 1, "{path}");
            assert_eq!(opens_with_purpose(&file(path, "// The list.\n")), []);
            assert_eq!(opens_with_purpose(&file(path, "/** The list. */\n")), []);
        }
        for path in [
            "web/packages/client/src/generated/frames.ts",
            "web/app/src/vite-env.d.ts",
        ] {
            assert_eq!(opens_with_purpose(&file(path, web)), [], "{path}");
        }
    }

    #[test]
    fn a_signpost_holds_no_goods() {
        let signs = "//! The hub.\n#![warn(\n    missing_docs,\n)]\n\nmod topic;\npub(crate) mod outbox;\n\n\
                     #[cfg(test)]\nmod tests;\n\npub use topic::{\n    Topic,\n    Topics,\n};\n";
        assert_eq!(
            roots_only_reexport(&file("crates/hub/src/lib.rs", signs)),
            []
        );
        let goods = format!("{signs}\npub const LIMIT: usize = 8;\n");
        let violations = roots_only_reexport(&file("crates/hub/src/lib.rs", &goods));
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].line, 17);
        let inline = "//! The hub.\nmod inside {\n    use super::x;\n}\n";
        assert_eq!(
            roots_only_reexport(&file("crates/hub/src/bus/mod.rs", inline)).len(),
            1
        );
        assert_eq!(
            roots_only_reexport(&file("crates/hub/src/topic.rs", &goods)),
            []
        );
    }

    #[test]
    fn what_is_unfinished_is_found() {
        let rust = format!("fn f() {{\n    {})\n}}\n", UNFINISHED_RUST[0]);
        assert_eq!(
            nothing_unfinished(&file("crates/app/src/send.rs", &rust))[0].line,
            2
        );
        let left_out = format!("{} = \"slow\"]\nfn f() {{}}\n", UNFINISHED_RUST[3]);
        assert_eq!(
            nothing_unfinished(&file("crates/app/tests/app.rs", &left_out)).len(),
            1
        );
        let web = format!("test{}'sends', () => {{}});\n", UNFINISHED_WEB[0]);
        assert_eq!(
            nothing_unfinished(&file("web/e2e/send.test.ts", &web)).len(),
            1
        );
        assert_eq!(nothing_unfinished(&file("docs/TESTING.md", &web)), []);
    }

    #[test]
    fn a_hall_is_found() {
        let hall = "// line\n".repeat(LINES_MAX + 1);
        let room = "// line\n".repeat(LINES_MAX);
        for path in [
            "crates/hub/src/topic.rs",
            "web/app/src/thread.tsx",
            "web/app/src/app.css",
        ] {
            assert_eq!(not_too_long(&file(path, &hall)).len(), 1, "{path}");
            assert_eq!(not_too_long(&file(path, &room)), [], "{path}");
        }
        assert_eq!(
            not_too_long(&file("web/packages/client/src/generated/api.ts", &hall)),
            []
        );
        assert_eq!(not_too_long(&file("crates/hub/tests/hub.rs", &hall)), []);
    }
}
