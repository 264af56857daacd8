//! The outbox's file: what it keeps through a crash, a torn line, a second process, and how much.

use std::{fs, path::PathBuf};

use parlor_client::{
    OutboxError,
    outbox::{Entry, OUTBOX_MESSAGES_MAX, Outbox},
};
use parlor_protocol::ConversationId;
use tempfile::TempDir;
use uuid::Uuid;

fn entry(n: usize) -> Entry {
    Entry {
        client_id: format!("client-id-{n}"),
        conversation_id: ConversationId(Uuid::from_u128(1)),
        content: format!("text {n}"),
    }
}

fn file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("outbox.jsonl");
    (folder, path)
}

fn waiting(outbox: &Outbox) -> Vec<Entry> {
    outbox.entries().cloned().collect()
}

#[test]
fn r20_what_waits_outlives_the_process_in_its_order() {
    let (_folder, path) = file();
    let mut outbox = Outbox::open(&path).expect("opened");
    let ada = "ada".parse().expect("an id");
    outbox.claim(&ada).expect("claimed");
    for n in 0..4 {
        outbox.store(entry(n)).expect("stored");
    }
    outbox.leave("client-id-1").expect("written");
    drop(outbox);
    let outbox = Outbox::open(&path).expect("opened again");
    assert_eq!(waiting(&outbox), [entry(0), entry(2), entry(3)]);
    assert_eq!(outbox.owner(), Some(&ada));
}

#[test]
fn r20_a_torn_last_line_is_dropped_and_what_follows_is_whole() {
    let (_folder, path) = file();
    let mut outbox = Outbox::open(&path).expect("opened");
    outbox.store(entry(0)).expect("stored");
    outbox.store(entry(1)).expect("stored");
    drop(outbox);
    let text = fs::read(&path).expect("read");
    for cut in 1..40 {
        fs::write(&path, &text[..text.len() - cut]).expect("written");
        let mut outbox = Outbox::open(&path).expect("opened in spite of it");
        assert_eq!(waiting(&outbox), [entry(0)], "cut by {cut}");
        outbox.store(entry(2)).expect("stored");
        drop(outbox);
        let outbox = Outbox::open(&path).expect("opened");
        assert_eq!(waiting(&outbox), [entry(0), entry(2)], "cut by {cut}");
    }
}

#[test]
fn r20_a_damaged_line_in_the_middle_is_told_and_nothing_is_lost() {
    let (_folder, path) = file();
    let mut outbox = Outbox::open(&path).expect("opened");
    outbox.store(entry(0)).expect("stored");
    outbox.store(entry(1)).expect("stored");
    drop(outbox);
    let text = fs::read_to_string(&path).expect("read");
    let damaged = text.replacen('{', "?", 1);
    fs::write(&path, &damaged).expect("written");
    let error = Outbox::open(&path).expect_err("refused");
    assert!(
        matches!(error, OutboxError::Damaged { line: 1, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("line 1"), "{error}");
    assert_eq!(
        fs::read_to_string(&path).expect("read"),
        damaged,
        "left as it is"
    );
}

#[test]
fn r20_a_second_process_is_kept_out_until_the_first_has_gone() {
    let (_folder, path) = file();
    let mut first = Outbox::open(&path).expect("opened");
    let error = Outbox::open(&path).expect_err("refused");
    assert!(matches!(error, OutboxError::InUse(_)), "{error}");
    // Also after the file was written anew, which replaces it.
    for n in 0..1200 {
        first.store(entry(n)).expect("stored");
        first.leave(&entry(n).client_id).expect("written");
    }
    assert!(matches!(Outbox::open(&path), Err(OutboxError::InUse(_))));
    drop(first);
    Outbox::open(&path).expect("opened");
}

#[test]
fn r20_the_file_does_not_grow_with_what_has_left() {
    let (_folder, path) = file();
    let mut outbox = Outbox::open(&path).expect("opened");
    outbox.store(entry(0)).expect("stored");
    let mut longest = 0;
    for n in 1..3000 {
        outbox.store(entry(n)).expect("stored");
        outbox.leave(&entry(n).client_id).expect("written");
        longest = longest.max(fs::metadata(&path).expect("there").len());
    }
    // A thousand dead lines of some 100 bytes, whatever the number of messages was.
    assert!(longest < 200_000, "{longest} bytes");
    outbox.store(entry(3000)).expect("stored");
    drop(outbox);
    let outbox = Outbox::open(&path).expect("opened");
    assert_eq!(waiting(&outbox), [entry(0), entry(3000)]);
}

#[test]
fn r20_a_full_outbox_says_so_and_takes_more_when_something_has_left() {
    let mut outbox = Outbox::in_memory();
    for n in 0..OUTBOX_MESSAGES_MAX {
        outbox.store(entry(n)).expect("stored");
    }
    let error = outbox.store(entry(OUTBOX_MESSAGES_MAX)).expect_err("full");
    assert!(matches!(error, OutboxError::Full));
    assert!(
        error.to_string().contains("10000 messages or 64 MiB"),
        "{error}"
    );
    outbox.leave("client-id-7").expect("left");
    outbox.store(entry(OUTBOX_MESSAGES_MAX)).expect("stored");

    let mut outbox = Outbox::in_memory();
    let large = |n| Entry {
        content: "x".repeat(48 * 1024),
        ..entry(n)
    };
    let taken = (0..OUTBOX_MESSAGES_MAX).take_while(|n| outbox.store(large(*n)).is_ok());
    let taken = taken.count();
    assert!(
        (1360..1366).contains(&taken),
        "64 MiB are {taken} messages of 48 KiB"
    );
}

#[test]
fn r20_a_file_that_cannot_be_made_is_told() {
    let (folder, _) = file();
    let error = Outbox::open(&folder.path().join("nowhere/outbox")).expect_err("no such folder");
    assert!(
        matches!(error, OutboxError::Io { verb: "opened", .. }),
        "{error}"
    );
}
