//! The rules of applying, one by one.

use serde_json::{Value, json};

use super::*;

const TALK: &str = "0190b2c8-0000-7000-8000-000000000001";

fn talk() -> ConversationId {
    TALK.parse().expect("an id")
}

fn user() -> Value {
    json!({"id": "ada", "handle": "ada", "name": "Ada", "avatarUrl": null})
}

fn message(seq: i64, version: i64, content: &str) -> Value {
    json!({
        "id": format!("0190b2c8-0000-7000-8000-{:012}", seq + 100), "conversationId": TALK,
        "seq": seq, "version": version, "senderId": "ada", "sender": user(),
        "clientId": format!("c{seq}"), "kind": "text", "content": content, "attachments": [],
        "replyTo": null, "threadId": null, "mentions": [], "reactions": [],
        "createdAt": "2026-03-01T12:00:00.000Z", "editedAt": null, "deletedAt": null,
    })
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("of the contract")
}

fn new(seq: i64, version: i64) -> ServerFrame {
    read(json!({
        "type": "message.new", "conversationId": TALK, "version": version,
        "message": message(seq, version, "text"),
    }))
}

fn reacted(seq: i64, version: i64) -> ServerFrame {
    read(json!({
        "type": "reaction.added", "conversationId": TALK, "version": version, "seq": seq,
        "messageId": format!("0190b2c8-0000-7000-8000-{:012}", seq + 100),
        "emoji": "👍", "userId": "ada",
    }))
}

fn removed(user_version: i64) -> ServerFrame {
    read(json!({
        "type": "conversation.removed", "conversationId": TALK, "userVersion": user_version,
    }))
}

fn connected(resumed: bool) -> ServerFrame {
    read(json!({
        "type": "connected", "userId": "ada", "sessionId": null, "epoch": "one", "cursor": "now",
        "heartbeatMs": 25_000, "resumed": resumed,
    }))
}

fn pong(cursor: &str) -> ServerFrame {
    read(json!({"type": "pong", "cursor": cursor}))
}

/// A page with the conversation at this version, and these messages of it.
fn page(version: i64, last_seq: i64, gap: bool, messages: &[(i64, i64)]) -> SyncPage {
    let messages: Vec<Value> = messages
        .iter()
        .map(|(seq, version)| message(*seq, *version, "text"))
        .collect();
    let conversation = json!({
        "id": TALK, "kind": "group", "title": "Kitchen", "label": null, "metadata": {},
        "avatarUrl": null, "encrypted": false, "createdAt": "2026-03-01T12:00:00.000Z",
        "updatedAt": "2026-03-01T12:00:00.000Z", "lastSeq": last_seq, "version": version,
        "lastMessage": null, "memberCount": 1, "members": [], "unreadCount": 0,
        "me": {"role": "member", "readSeq": 0, "deliveredSeq": 0, "mutedUntil": null,
               "pinned": false, "archived": false, "hidden": false},
    });
    read(json!({
        "cursor": format!("at {version}"), "epoch": "one", "reset": false, "hasMore": false,
        "user": user_of(5), "removed": [],
        "conversations": [{"conversation": conversation, "messages": messages, "gap": gap}],
    }))
}

fn user_of(user_version: i64) -> Value {
    json!({
        "id": "ada", "handle": "ada", "name": "Ada", "avatarUrl": null, "bio": null, "email": null,
        "createdAt": "2026-03-01T12:00:00.000Z", "lastSeenAt": null, "userVersion": user_version,
    })
}

fn history(messages: &[(i64, i64)]) -> MessagePage {
    let items: Vec<Value> = messages
        .iter()
        .map(|(seq, version)| message(*seq, *version, "text"))
        .collect();
    read(json!({"items": items, "hasMore": false}))
}

/// A device that holds two messages at version 3.
fn device() -> Replica {
    let mut replica = Replica::default();
    replica.opened(1);
    assert!(replica.take(connected(false)).contains(&Output::Sync(None)));
    replica.take_page(page(3, 2, false, &[(1, 2), (2, 3)]));
    assert_eq!(seqs(&replica), [1, 2]);
    replica
}

fn seqs(replica: &Replica) -> Vec<i64> {
    let held = replica.conversations.get(&talk());
    held.map_or_else(Vec::new, |it| it.messages.keys().copied().collect())
}

fn version(replica: &Replica) -> Option<i64> {
    replica.conversations.get(&talk()).map(|held| held.version)
}

fn applied(outputs: &[Output]) -> Vec<i64> {
    let versions = outputs.iter().filter_map(|output| match output {
        Output::Write(Entry::Applied { version, .. }) => Some(*version),
        _ => None,
    });
    versions.collect()
}

#[test]
fn r14_the_next_version_is_applied_and_an_old_one_is_not() {
    let mut replica = device();
    assert_eq!(applied(&replica.take(new(3, 4))), [4]);
    assert!(applied(&replica.take(new(3, 4))).is_empty());
    assert_eq!(applied(&replica.take(reacted(1, 5))), [5]);
    assert_eq!(
        (version(&replica), seqs(&replica)),
        (Some(5), vec![1, 2, 3])
    );
}

#[test]
fn r14_what_is_ahead_waits_for_a_sync_from_the_cursor_that_is_held() {
    let mut replica = device();
    let outputs = replica.take(new(4, 5));
    assert!(outputs.contains(&Output::Sync(Some("at 3".into()))));
    assert!(applied(&outputs).is_empty());
    assert!(replica.at_rest().is_none());
    // One sync at a time; the page covers the first and not the second.
    assert!(applied(&replica.take(new(5, 6))).is_empty());
    let outputs = replica.take_page(page(5, 4, false, &[(3, 4), (4, 5)]));
    assert_eq!(applied(&outputs), [6]);
    assert_eq!(seqs(&replica), [1, 2, 3, 4, 5]);
    assert!(replica.at_rest().is_some());
}

#[test]
fn r10_the_cursor_of_a_pong_is_kept_unless_something_is_missing() {
    let mut replica = device();
    replica.take(pong("later"));
    assert_eq!(replica.cursor(), Some("later"));
    replica.take(new(4, 5));
    replica.take(pong("too late"));
    assert_eq!(replica.cursor(), Some("later"));
}

#[test]
fn r16_a_page_that_is_older_than_what_is_held_changes_nothing() {
    let mut replica = device();
    replica.take(new(3, 4));
    replica.take_page(page(3, 2, true, &[]));
    assert_eq!(
        (version(&replica), seqs(&replica)),
        (Some(4), vec![1, 2, 3])
    );
}

#[test]
fn r16_a_gap_drops_the_window_and_reads_it_anew() {
    let mut replica = device();
    let outputs = replica.take_page(page(200, 150, true, &[]));
    let Some(Output::Read(_, attempt)) = outputs.last() else {
        panic!("no read in {outputs:?}");
    };
    assert!(seqs(&replica).is_empty());
    // Meanwhile one change that the page of history knows already, and one that it does not.
    replica.take(new(151, 201));
    replica.take(reacted(150, 202));
    replica.take_history(talk(), *attempt, Some(history(&[(150, 190), (151, 201)])));
    assert_eq!(seqs(&replica), [150, 151]);
    let messages = &replica.conversations[&talk()].messages;
    assert_eq!(messages[&150].version, 202);
    assert_eq!(messages[&150].reactions.len(), 1);
    assert!(replica.at_rest().is_some());
}

#[test]
fn r16_a_read_from_before_a_second_gap_is_not_used() {
    let mut replica = device();
    let first = replica.take_page(page(200, 150, true, &[]));
    let second = replica.take_page(page(400, 300, true, &[]));
    let attempt = |outputs: &[Output]| match outputs.last() {
        Some(Output::Read(_, attempt)) => *attempt,
        other => panic!("{other:?}"),
    };
    replica.take_history(talk(), attempt(&first), Some(history(&[(150, 190)])));
    assert!(seqs(&replica).is_empty());
    replica.take_history(talk(), attempt(&second), Some(history(&[(300, 400)])));
    assert_eq!(seqs(&replica), [300]);
}

#[test]
fn r17_a_page_that_leaves_a_hole_is_read_anew() {
    let mut replica = device();
    let outputs = replica.take_page(page(6, 5, false, &[(5, 6)]));
    assert!(matches!(outputs.last(), Some(Output::Read(..))));
}

#[test]
fn r15_a_removal_outlives_a_page_that_is_older() {
    let mut replica = device();
    replica.take(new(4, 5));
    assert!(replica.syncing);
    replica.take(removed(6));
    // The page was read before the removal.
    replica.take_page(page(5, 4, false, &[(3, 4), (4, 5)]));
    assert_eq!(version(&replica), None);
    assert!(replica.at_rest().is_some());
}

#[test]
fn r19_another_epoch_forgets_everything() {
    let mut replica = device();
    replica.opened(2);
    let mut frame = connected(false);
    if let ServerFrame::Connected { epoch, .. } = &mut frame {
        *epoch = "two".into();
    }
    let outputs = replica.take(frame);
    assert_eq!((version(&replica), replica.cursor()), (None, None));
    assert!(outputs.contains(&Output::Sync(None)));
}
