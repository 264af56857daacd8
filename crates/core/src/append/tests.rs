//! Single decisions, and a batch's properties whatever is asked in whatever order.

use std::collections::HashMap;

use parlor_protocol::{
    Code, ConversationId, ConversationKind, Message, MessageId, ReceiptStatus, Role, Timestamp,
    UserId, UserSummary,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::Cursors;

fn conversation(n: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(n))
}

fn user(name: &str) -> UserId {
    name.parse().expect("a valid id")
}

fn summary(name: &str) -> UserSummary {
    UserSummary {
        id: user(name),
        handle: name.into(),
        name: name.into(),
        avatar_url: None,
    }
}

fn message_id(n: u128) -> MessageId {
    MessageId(Uuid::from_u128(n))
}

fn item(n: u128, actor: &str, change: Change) -> Item {
    Item {
        conversation_id: conversation(n),
        actor: user(actor),
        now: Timestamp(9),
        change,
    }
}

fn send(n: u128, actor: &str, client_id: Option<&str>, content: &str) -> Item {
    let change = Change::Send {
        id: message_id(7),
        client_id: client_id.map(str::to_owned),
        content: content.to_owned(),
    };
    item(n, actor, change)
}

fn member(name: &str, role: Role) -> LockedMember {
    LockedMember::joining(summary(name), role, Timestamp(1), 0)
}

/// A group of ada (owner), grace and linus with four messages, and a channel in which grace is a member.
fn locked() -> Locked {
    let state = |kind, last_seq, version| LockedConversation {
        kind,
        last_seq,
        version,
        member_count: 3,
        owner_count: 1,
    };
    let mut locked = Locked {
        conversations: HashMap::from([
            (conversation(1), state(ConversationKind::Group, 4, 9)),
            (conversation(2), state(ConversationKind::Channel, 0, 1)),
        ]),
        ..Locked::default()
    };
    for (n, name, role) in [
        (1, "ada", Role::Owner),
        (1, "grace", Role::Member),
        (1, "linus", Role::Member),
        (2, "grace", Role::Member),
    ] {
        locked
            .members
            .insert((conversation(n), user(name)), member(name, role));
    }
    let good = LockedLink {
        conversation_id: conversation(1),
        expires_at: None,
        max_uses: Some(3),
        uses: 0,
        is_revoked: false,
    };
    locked.links.insert(link(), good);
    for n in [1, 2] {
        let settings = Settings {
            title: Some("old".into()),
            label: None,
            metadata: "{}".into(),
            avatar_url: None,
        };
        locked.settings.insert(conversation(n), settings);
    }
    for name in ["ada", "grace", "linus", "mary"] {
        locked.users.insert(user(name), (summary(name), 10));
    }
    let old = Message {
        id: message_id(3),
        conversation_id: conversation(1),
        seq: 3,
        version: 5,
        sender_id: user("ada"),
        sender: summary("ada"),
        client_id: Some("old".into()),
        kind: parlor_protocol::MessageKind::Text,
        content: "first".into(),
        attachments: Vec::new(),
        reply_to: None,
        thread_id: None,
        mentions: Vec::new(),
        reactions: Vec::new(),
        created_at: Timestamp(3),
        edited_at: None,
        deleted_at: None,
    };
    locked.messages.insert(old.id, old.into());
    let earlier = Earlier {
        message_id: message_id(3),
        hash: body_hash("first"),
    };
    let key = (conversation(1), user("ada"), "old".to_owned());
    locked.earlier.insert(key, earlier);
    locked
}

fn refused(outcome: &Outcome) -> Option<Code> {
    match outcome {
        Outcome::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

fn run(items: &[Item]) -> (Vec<Outcome>, Vec<Event>, Locked) {
    let mut state = locked();
    let (outcomes, events) = plan(items, &mut state);
    (outcomes, events, state)
}

fn place(outcome: &Outcome) -> Option<(i64, i64)> {
    match outcome {
        Outcome::New(message) => Some((message.seq, message.version)),
        _ => None,
    }
}

#[test]
fn r4_the_same_client_id_makes_one_message() {
    let edit = Change::Edit {
        message_id: message_id(3),
        content: "edited".into(),
    };
    let (outcomes, events, _) = run(&[
        send(1, "ada", Some("a"), "x"),
        send(1, "ada", Some("a"), "x"),
        send(1, "grace", Some("a"), "x"),
        send(1, "ada", Some("a"), "y"),
        item(1, "ada", edit),
        send(1, "ada", Some("old"), "first"),
        send(1, "ada", Some("old"), "edited"),
        send(1, "ada", None, "x"),
    ]);
    assert_eq!(place(&outcomes[0]), Some((5, 10)));
    assert_eq!(outcomes[1], Outcome::Repeated(message_id(7)));
    assert_eq!(place(&outcomes[2]), Some((6, 11)));
    assert_eq!(refused(&outcomes[3]), Some(Code::ClientIdReused));
    assert!(matches!(&outcomes[4], Outcome::Edited(message) if message.content == "edited"));
    assert_eq!(
        outcomes[5],
        Outcome::Repeated(message_id(3)),
        "by its first text"
    );
    assert_eq!(refused(&outcomes[6]), Some(Code::ClientIdReused));
    assert_eq!(place(&outcomes[7]), Some((7, 13)));
    assert_eq!(events.len(), 4, "what is repeated is announced once");
}

#[test]
fn who_is_no_member_learns_nothing() {
    let delete = Change::Delete {
        message_id: message_id(3),
    };
    let (outcomes, _, _) = run(&[
        send(2, "ada", None, "x"),
        send(3, "ada", None, "x"),
        item(2, "ada", delete.clone()),
        item(2, "grace", delete),
        send(2, "grace", None, "x"),
    ]);
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0], outcomes[2]);
    assert_eq!(
        refused(&outcomes[3]),
        Some(Code::NotFound),
        "of another conversation"
    );
    assert_eq!(refused(&outcomes[4]), Some(Code::Forbidden));
}

#[test]
fn whoever_is_removed_within_the_batch_writes_no_more() {
    let remove = Change::RemoveMember {
        user_id: user("grace"),
    };
    let (outcomes, events, state) = run(&[
        send(1, "grace", None, "before"),
        item(1, "ada", remove),
        send(1, "grace", None, "after"),
        send(1, "linus", None, "goes on"),
    ]);
    assert_eq!(place(&outcomes[0]), Some((5, 10)));
    assert_eq!(refused(&outcomes[2]), Some(Code::NotFound));
    assert_eq!(place(&outcomes[3]), Some((6, 12)));
    assert!(matches!(
        &events[1..3],
        [
            Event::Removed {
                user_version: 11,
                hidden: false,
                ..
            },
            Event::MemberLeft {
                version: 11,
                member_count: 2,
                ..
            },
        ]
    ));
    assert_eq!(state.conversations[&conversation(1)].member_count, 2);
}

#[test]
fn r4_who_has_left_still_learns_what_came_of_their_message() {
    let leave = Change::RemoveMember {
        user_id: user("grace"),
    };
    let (outcomes, _, _) = run(&[
        send(1, "grace", Some("c"), "mine"),
        item(1, "grace", leave),
        send(1, "grace", Some("c"), "mine"),
        send(1, "grace", Some("d"), "another"),
    ]);
    assert_eq!(outcomes[2], Outcome::Repeated(message_id(7)));
    assert_eq!(refused(&outcomes[3]), Some(Code::NotFound));
}

#[test]
fn an_owner_who_was_just_made_lets_the_first_one_leave() {
    let add = Change::AddMembers {
        user_ids: vec![user("mary")],
        role: Role::Owner,
    };
    let leave = Change::RemoveMember {
        user_id: user("ada"),
    };
    let (outcomes, ..) = run(&[item(1, "ada", add), item(1, "ada", leave)]);
    assert_eq!(outcomes, [Outcome::Done, Outcome::Done]);
}

#[test]
fn who_cleared_their_history_and_comes_again_does_not_get_it_back() {
    let change = |change| item(1, "grace", change);
    let leave = Change::RemoveMember {
        user_id: user("grace"),
    };
    let add = Change::AddMembers {
        user_ids: vec![user("grace")],
        role: Role::Member,
    };
    let (outcomes, _, state) = run(&[change(Change::Hide), change(leave), item(1, "ada", add)]);
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done));
    let grace = &state.members[&(conversation(1), user("grace"))];
    assert_eq!((grace.cleared_seq, grace.hidden), (4, false));
}

#[test]
fn only_the_sender_edits_and_admins_may_delete() {
    let id = message_id(3);
    let edit = |content: &str| Change::Edit {
        message_id: id,
        content: content.into(),
    };
    let delete = || Change::Delete { message_id: id };
    let (outcomes, events, state) = run(&[
        item(1, "grace", edit("no")),
        item(1, "grace", delete()),
        item(1, "ada", edit("second")),
        item(1, "ada", edit("second")),
        item(1, "ada", delete()),
        item(1, "ada", delete()),
        item(1, "ada", edit("third")),
    ]);
    let codes: Vec<_> = outcomes.iter().map(refused).collect();
    let forbidden = Some(Code::Forbidden);
    assert_eq!(
        codes,
        [
            forbidden,
            forbidden,
            None,
            None,
            None,
            None,
            Some(Code::MessageDeleted)
        ]
    );
    assert!(matches!(&events[..], [
        Event::MessageUpdated { version: 10, message },
        Event::MessageDeleted { version: 11, seq: 3, .. },
    ] if message.content == "second" && message.version == 10));
    let message = &state.messages[&id];
    assert_eq!((message.content.as_str(), message.version), ("", 11));
}

#[test]
fn a_reaction_counts_each_person_once() {
    let react = |on| Change::React {
        message_id: message_id(3),
        emoji: "👍".into(),
        on,
    };
    let (outcomes, events, state) = run(&[
        item(1, "ada", react(true)),
        item(1, "ada", react(true)),
        item(1, "grace", react(true)),
        item(1, "linus", react(false)),
        item(1, "ada", react(false)),
    ]);
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done));
    assert_eq!(events.len(), 3);
    let reactions = &state.messages[&message_id(3)].reactions;
    assert_eq!(reactions.len(), 1);
    assert_eq!(
        (reactions[0].count, &reactions[0].user_ids[..]),
        (1, &[user("grace")][..])
    );
}

#[test]
fn r6_cursors_move_up_and_unread_sets_them_back() {
    let receipt = |status, seq| Change::Receipt { status, seq };
    let (_, events, state) = run(&[
        item(1, "grace", receipt(ReceiptStatus::Read, 99)),
        item(1, "grace", receipt(ReceiptStatus::Delivered, 2)),
        item(1, "grace", Change::Unread { seq: 3 }),
        item(1, "grace", Change::Unread { seq: 4 }),
    ]);
    assert!(matches!(
        events[..],
        [
            Event::Cursors {
                after: Cursors {
                    read_seq: 4,
                    delivered_seq: 4
                },
                ..
            },
            Event::Membership {
                user_version: 11,
                ..
            },
        ]
    ));
    let grace = &state.members[&(conversation(1), user("grace"))];
    assert_eq!(
        (grace.cursors.read_seq, grace.cursors.delivered_seq),
        (2, 4)
    );
    assert_eq!(
        state.conversations[&conversation(1)].version,
        9,
        "not versioned"
    );
}

#[test]
fn members_come_and_go_by_their_roles() {
    let add = |names: &[&str], role| Change::AddMembers {
        user_ids: names.iter().map(|name| user(name)).collect(),
        role,
    };
    let remove = |name: &str| Change::RemoveMember {
        user_id: user(name),
    };
    let (outcomes, events, _) = run(&[
        item(1, "grace", add(&["mary"], Role::Member)),
        item(1, "ada", add(&["nobody"], Role::Member)),
        item(1, "ada", add(&["mary", "grace"], Role::Admin)),
        item(1, "mary", add(&["linus"], Role::Owner)),
        item(1, "mary", remove("ada")),
        item(1, "mary", remove("grace")),
        item(1, "ada", remove("ada")),
        item(1, "linus", remove("linus")),
        item(1, "linus", Change::Hide),
    ]);
    let codes: Vec<_> = outcomes.iter().map(refused).collect();
    assert_eq!(
        codes,
        [
            Some(Code::Forbidden),
            Some(Code::InvalidRequest),
            None,
            Some(Code::Forbidden),
            Some(Code::Forbidden),
            None,
            Some(Code::LastOwner),
            None,
            Some(Code::NotFound),
        ]
    );
    assert!(matches!(&events[..2], [
        Event::MembersJoined { version: 10, members, member_count: 4, .. },
        Event::Added { user_version: 11, .. },
    ] if members.len() == 1 && members[0].read_seq == 4));
}

#[test]
fn a_hidden_conversation_is_back_with_the_next_message() {
    let (_, events, state) = run(&[
        item(1, "grace", Change::Hide),
        item(1, "grace", Change::Hide),
    ]);
    assert!(matches!(
        events[..],
        [
            Event::Cursors {
                after: Cursors { read_seq: 4, .. },
                ..
            },
            Event::Removed { hidden: true, .. }
        ]
    ));
    let grace = &state.members[&(conversation(1), user("grace"))];
    assert!(grace.own(4).hidden);
    assert!(!grace.own(5).hidden);
}

fn link() -> parlor_protocol::LinkId {
    parlor_protocol::LinkId(Uuid::from_u128(5))
}

fn renamed(title: &str) -> Change {
    let body = parlor_protocol::ChangeConversation {
        title: Some(title.to_owned()),
        ..Default::default()
    };
    Change::Settings(crate::conversation::decide_change(body).expect("good"))
}

#[derive(Debug, Clone)]
enum Step {
    Send(Option<u8>, u8),
    Edit(u8),
    Delete,
    React(u8, bool),
    Read(i64),
    Unread(i64),
    Add(u8),
    Remove(u8),
    Role(u8, Role),
    Rename(u8),
    Join,
    Own(Option<bool>),
    Hide,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (prop::option::of(0_u8..4), 0_u8..2).prop_map(|(client, body)| Step::Send(client, body)),
        1 => (0_u8..3).prop_map(Step::Edit),
        1 => Just(Step::Delete),
        2 => (0_u8..2, any::<bool>()).prop_map(|(emoji, on)| Step::React(emoji, on)),
        1 => (0_i64..9).prop_map(Step::Read),
        1 => (0_i64..9).prop_map(Step::Unread),
        1 => (0_u8..4).prop_map(Step::Add),
        1 => (0_u8..4).prop_map(Step::Remove),
        2 => (0_u8..4, prop::sample::select(vec![Role::Member, Role::Admin, Role::Owner])).prop_map(|(who, role)| Step::Role(who, role)),
        1 => (0_u8..3).prop_map(Step::Rename),
        2 => Just(Step::Join),
        1 => any::<Option<bool>>().prop_map(Step::Own),
        1 => Just(Step::Hide),
    ]
}

const NAMES: [&str; 4] = ["ada", "grace", "linus", "mary"];

proptest! {
    /// R1, R2: whatever is refused or repeated, places and versions are gapless and in order, each
    /// version is announced once, counters of people too, and what is counted is what is there.
    #[test]
    fn r2_places_and_versions_are_gapless(steps in prop::collection::vec((0_usize..4, 1_u128..3, step()), 0..80)) {
        let items: Vec<Item> = steps.into_iter().enumerate().map(|(at, (actor, n, step))| {
            let change = match step {
                Step::Send(client, body) => Change::Send {
                    id: message_id(1000 + at as u128),
                    client_id: client.map(|n| n.to_string()),
                    content: body.to_string(),
                },
                Step::Edit(body) => Change::Edit { message_id: message_id(3), content: body.to_string() },
                Step::Delete => Change::Delete { message_id: message_id(3) },
                Step::React(emoji, on) => Change::React { message_id: message_id(3), emoji: emoji.to_string(), on },
                Step::Read(seq) => Change::Receipt { status: ReceiptStatus::Read, seq },
                Step::Unread(seq) => Change::Unread { seq },
                Step::Add(who) => Change::AddMembers { user_ids: vec![user(NAMES[who as usize])], role: Role::Member },
                Step::Remove(who) => Change::RemoveMember { user_id: user(NAMES[who as usize]) },
                Step::Role(who, role) => Change::SetRole { user_id: user(NAMES[who as usize]), role },
                Step::Join => Change::Join { link_id: link() },
                Step::Rename(title) => renamed(&title.to_string()),
                Step::Own(on) => Change::Own { muted_until: on.map(|on| on.then_some(Timestamp(7))), pinned: on, archived: None },
                Step::Hide => Change::Hide,
            };
            item(n, NAMES[actor], change)
        }).collect();
        let (_, events, state) = run(&items);
        let mut seqs = HashMap::from([(conversation(1), 4_i64), (conversation(2), 0)]);
        let mut versions = HashMap::from([(conversation(1), 9_i64), (conversation(2), 1)]);
        let mut user_versions: HashMap<UserId, i64> = HashMap::new();
        for event in &events {
            let versioned = match event {
                Event::MessageNew(message) => {
                    let seq = seqs.get_mut(&message.conversation_id).expect("known");
                    *seq += 1;
                    prop_assert_eq!(message.seq, *seq);
                    Some((message.conversation_id, message.version))
                }
                Event::MessageUpdated { version, message } => Some((message.conversation_id, *version)),
                Event::MessageDeleted { conversation_id, version, .. }
                | Event::Reaction { conversation_id, version, .. }
                | Event::MembersJoined { conversation_id, version, .. }
                | Event::MemberLeft { conversation_id, version, .. }
                | Event::MemberUpdated { conversation_id, version, .. }
                | Event::Settings { conversation_id, version, .. } => Some((*conversation_id, *version)),
                Event::Added { user_id, user_version, .. }
                | Event::Removed { user_id, user_version, .. }
                | Event::Membership { user_id, user_version, .. } => {
                    let held = user_versions.entry(user_id.clone()).or_insert(10);
                    *held += 1;
                    prop_assert_eq!(*user_version, *held);
                    None
                }
                Event::Cursors { before, after, .. } => {
                    prop_assert!(after.read_seq >= before.read_seq && after.delivered_seq >= before.delivered_seq);
                    None
                }
            };
            if let Some((id, version)) = versioned {
                let held = versions.get_mut(&id).expect("known");
                *held += 1;
                prop_assert_eq!(version, *held);
            }
        }
        for (id, conversation) in &state.conversations {
            prop_assert_eq!(conversation.last_seq, seqs[id]);
            prop_assert_eq!(conversation.version, versions[id]);
        }
        for (user_id, version) in user_versions {
            prop_assert_eq!(state.users[&user_id].1, version);
        }
        let members = state.members.iter().filter(|((id, _), member)| *id == conversation(1) && member.left_at.is_none());
        let members: Vec<_> = members.map(|(_, member)| member.role).collect();
        let group = &state.conversations[&conversation(1)];
        prop_assert_eq!(members.len() as i64, group.member_count);
        prop_assert!(state.links[&link()].uses <= 3);
        // Whoever is still there has an owner.
        let owners = members.iter().filter(|role| **role == Role::Owner).count() as i64;
        prop_assert_eq!(owners, group.owner_count);
        prop_assert!(owners > 0 || members.is_empty());
        for reaction in &state.messages[&message_id(3)].reactions {
            let there = state.reactions.iter().filter(|(_, _, emoji)| *emoji == reaction.emoji).count();
            prop_assert_eq!(reaction.count as usize, there);
        }
    }
}
