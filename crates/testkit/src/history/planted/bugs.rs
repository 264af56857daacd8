//! Bugs of a server or of a client, planted into a good history: each is found, and by its rule.

use parlor_protocol::{Code, MessageId};
use uuid::Uuid;

use super::script::{GROUP, Script, user};
use crate::history::{
    History, check,
    entry::{Call, Change, Entry, Held, Line, Place},
    read_folder,
};

/// The rules that a planted bug breaks.
fn broken_by(plant: impl FnOnce(&mut Vec<Line>)) -> Vec<&'static str> {
    let mut lines = Script::good();
    plant(&mut lines);
    let mut rules: Vec<_> = check(&lines).into_iter().map(|it| it.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// Asserts that a planted bug breaks this rule, whatever else it breaks.
fn breaks(rule: &str, plant: impl FnOnce(&mut Vec<Line>)) {
    let rules = broken_by(plant);
    assert!(rules.contains(&rule), "{rule} is not among {rules:?}");
}

/// The place of the first line for which this holds.
fn first(lines: &[Line], fits: impl Fn(&Line) -> bool) -> usize {
    lines.iter().position(fits).expect("there is one")
}

/// Takes out every line for which this holds.
fn drop_lines(lines: &mut Vec<Line>, fits: impl Fn(&Line) -> bool) {
    let before = lines.len();
    lines.retain(|line| !fits(line));
    assert!(lines.len() < before, "there is one");
}

fn stored(lines: &mut [Line], place: i64) -> Vec<&mut Held> {
    let messages = lines.iter_mut().filter_map(|line| match &mut line.entry {
        Entry::Stored { message, .. } if message.seq == place => Some(message),
        _ => None,
    });
    messages.collect()
}

/// What every device holds of a message, and what is stored of it.
fn everywhere(lines: &mut [Line], place: i64, change: impl Fn(&mut Held)) {
    for line in lines {
        match &mut line.entry {
            Entry::Stored { message, .. } if message.seq == place => change(message),
            Entry::Replica { messages, .. } => {
                messages
                    .iter_mut()
                    .filter(|message| message.seq == place)
                    .for_each(&change);
            }
            _ => {}
        }
    }
}

fn is_stored(line: &Line, place: i64) -> bool {
    matches!(&line.entry, Entry::Stored { message, .. } if message.seq == place)
}

fn is_done_at(line: &Line, place: i64) -> bool {
    matches!(&line.entry, Entry::Done { place: Some(it), .. } if it.seq == place)
}

fn heard(line: &Line, device: &str, version: i64) -> bool {
    line.client == device && matches!(line.entry, Entry::Heard { version: it, .. } if it == version)
}

fn applied(line: &Line, device: &str, version: i64) -> bool {
    line.client == device
        && matches!(line.entry, Entry::Applied { version: it, .. } if it == version)
}

/// The version of the new message at this place.
fn version_at(lines: &[Line], place: i64) -> i64 {
    let found = lines.iter().find_map(|line| match &line.entry {
        Entry::Heard {
            version,
            change: Change::New { message },
            ..
        } if message.seq == place => Some(*version),
        _ => None,
    });
    found.expect("heard")
}

fn renumber(lines: &mut [Line]) {
    for (at, line) in lines.iter_mut().enumerate() {
        line.at = at as u64;
    }
}

#[test]
fn a_good_history_keeps_every_rule() {
    assert_eq!(check(&Script::good()), []);
    assert_eq!(check(&[]), []);
}

#[test]
fn a_history_is_the_same_from_its_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = History::kept_in(folder.path()).expect("a folder");
    for line in Script::good() {
        history.write(&line.client, line.entry);
    }
    history.flush().expect("written");
    let read = read_folder(folder.path()).expect("read");
    assert_eq!(read, history.lines());
    assert_eq!(check(&read), []);
}

#[test]
fn ack_before_commit() {
    // The newest message was never answered; an answer to it, and it is gone: nothing after it shows a gap.
    breaks("R3", |lines| {
        drop_lines(lines, |line| is_stored(line, 11));
        let sent = lines.iter().find_map(|line| match &line.entry {
            Entry::Invoked {
                operation,
                call: Call::Send { client_id, .. },
                ..
            } if client_id == "c11" => Some(*operation),
            _ => None,
        });
        let mut ack = lines.last().expect("lines").clone();
        ack.entry = Entry::Done {
            operation: sent.expect("sent"),
            place: Some(Place {
                message_id: MessageId(Uuid::from_u128(111)),
                seq: 11,
            }),
        };
        lines.push(ack);
    });
}

#[test]
fn a_lost_message_in_the_middle() {
    breaks("R3", |lines| drop_lines(lines, |line| is_stored(line, 6)));
    breaks("R1", |lines| drop_lines(lines, |line| is_stored(line, 6)));
}

#[test]
fn a_place_that_is_skipped() {
    breaks("R1", |lines| {
        everywhere(lines, 11, |message| message.seq = 12);
    });
}

#[test]
fn a_message_that_is_stored_twice() {
    breaks("R4", |lines| {
        let again = lines[first(lines, |line| is_stored(line, 10))].clone();
        let at = first(lines, |line| is_stored(line, 11));
        lines.insert(at + 1, again);
        if let Entry::Stored { message, .. } = &mut lines[at + 1].entry {
            message.seq = 12;
        }
    });
}

#[test]
fn a_repetition_that_is_acked_elsewhere() {
    breaks("R4", |lines| {
        let at = first(lines, |line| is_done_at(line, 5));
        let after = at + 1;
        let (mut invoked, mut done) = (lines[at].clone(), lines[at].clone());
        let call = lines.iter().find_map(|line| match &line.entry {
            Entry::Invoked {
                by,
                call: call @ Call::Send { client_id, .. },
                ..
            } if client_id == "c5" => Some((by.clone(), call.clone())),
            _ => None,
        });
        let (by, call) = call.expect("sent");
        let operation = 999;
        invoked.entry = Entry::Invoked {
            operation,
            by,
            call,
        };
        if let Entry::Done {
            operation: it,
            place: Some(place),
        } = &mut done.entry
        {
            *it = operation;
            place.seq = 6;
        }
        lines.splice(after..after, [invoked, done]);
    });
}

#[test]
fn a_client_id_that_takes_another_text() {
    breaks("R4", |lines| {
        let at = first(lines, |line| is_done_at(line, 5));
        let after = at + 1;
        let sender = lines[at].client.clone();
        let Entry::Done { place, .. } = lines[at].entry else {
            unreachable!("it was found");
        };
        let mut invoked = lines[at].clone();
        invoked.entry = Entry::Invoked {
            operation: 999,
            by: user(&sender),
            call: Call::Send {
                conversation_id: GROUP,
                client_id: "c5".into(),
                content: "another".into(),
            },
        };
        let mut done = lines[at].clone();
        done.entry = Entry::Done {
            operation: 999,
            place,
        };
        lines.splice(after..after, [invoked, done]);
    });
}

#[test]
fn a_refused_message_that_is_stored() {
    breaks("R3", |lines| {
        for message in stored(lines, 4) {
            message.client_id = "c12".into();
            message.sender_id = user("ada");
        }
    });
}

#[test]
fn a_message_that_nobody_sent() {
    breaks("R3", |lines| {
        for message in stored(lines, 4) {
            message.client_id = "c99".into();
        }
    });
}

#[test]
fn a_text_that_nobody_wrote() {
    breaks("R3", |lines| {
        everywhere(lines, 4, |message| message.content = "other".into());
    });
}

#[test]
fn an_edit_that_is_lost() {
    breaks("R3", |lines| {
        everywhere(lines, 2, |message| message.content = "text 2".into());
    });
}

#[test]
fn an_edit_that_undoes_a_later_one() {
    breaks("R3", |lines| {
        everywhere(lines, 3, |message| message.content = "edited 3".into());
    });
}

#[test]
fn a_delete_that_is_lost() {
    breaks("R3", |lines| {
        everywhere(lines, 1, |message| {
            message.deleted = false;
            message.content = "text 1".into();
        });
    });
}

#[test]
fn a_deleted_message_that_still_speaks() {
    breaks("R3", |lines| {
        everywhere(lines, 1, |message| message.content = "text 1".into());
    });
}

#[test]
fn a_delete_that_nobody_asked_for() {
    breaks("R3", |lines| {
        everywhere(lines, 4, |message| message.delete(message.version));
    });
}

#[test]
fn an_edit_of_what_is_deleted() {
    breaks("R3", |lines| {
        let end = first(lines, |line| is_stored(line, 1));
        let Entry::Stored { message, .. } = &lines[end].entry else {
            unreachable!("it was found");
        };
        let call = Call::Edit {
            conversation_id: GROUP,
            message_id: message.id,
            content: "late".into(),
        };
        let mut invoked = lines[end].clone();
        invoked.entry = Entry::Invoked {
            operation: 999,
            by: user("grace"),
            call,
        };
        let mut done = invoked.clone();
        done.entry = Entry::Done {
            operation: 999,
            place: None,
        };
        lines.splice(end..end, [invoked, done]);
        renumber(lines);
    });
}

#[test]
fn an_emoji_that_is_lost_or_comes_back() {
    breaks("R3", |lines| {
        everywhere(lines, 3, |message| message.reactions.clear());
    });
    breaks("R3", |lines| {
        everywhere(lines, 3, |message| {
            message.react(message.version, "🎉", &user("linus"), true);
        });
    });
    breaks("R3", |lines| {
        everywhere(lines, 4, |message| {
            message.react(message.version, "🎉", &user("ada"), true);
        });
    });
}

#[test]
fn an_event_that_is_not_published() {
    let rules = broken_by(|lines| {
        let version = version_at(lines, 5);
        drop_lines(lines, |line| {
            heard(line, "ada-phone", version) || applied(line, "ada-phone", version)
        });
    });
    assert!(rules.contains(&"R2") && rules.contains(&"R14"), "{rules:?}");
}

#[test]
fn an_event_that_is_published_twice() {
    let rules = broken_by(|lines| {
        let version = version_at(lines, 5);
        let at = first(lines, |line| heard(line, "ada-phone", version));
        let again = lines[at].clone();
        lines.insert(at, again);
    });
    assert_eq!(rules, ["R2"]);
}

#[test]
fn events_out_of_order() {
    let rules = broken_by(|lines| {
        let version = version_at(lines, 4);
        let one = first(lines, |line| heard(line, "ada-phone", version));
        let next = first(lines, |line| heard(line, "ada-phone", version + 1));
        let (a, b) = (lines[one].entry.clone(), lines[next].entry.clone());
        (lines[one].entry, lines[next].entry) = (b, a);
    });
    assert_eq!(rules, ["R2"]);
}

#[test]
fn an_event_that_says_something_else_to_somebody() {
    breaks("R2", |lines| {
        let version = version_at(lines, 5);
        let at = first(lines, |line| heard(line, "grace-phone", version));
        if let Entry::Heard {
            change: Change::New { message },
            ..
        } = &mut lines[at].entry
        {
            message.content = "other".into();
        }
    });
}

#[test]
fn a_resume_that_skips_a_page() {
    breaks("R8", |lines| {
        let again = |line: &Line| {
            line.client == "grace-laptop"
                && matches!(&line.entry, Entry::Synced { seqs, .. } if !seqs.is_empty())
        };
        drop_lines(lines, again);
    });
}

#[test]
fn a_cursor_that_is_too_high() {
    // The device resumes, and is told of less than it has missed.
    breaks("R16", |lines| {
        for line in lines {
            if let ("grace-laptop", Entry::Synced { seqs, .. }) =
                (line.client.as_str(), &mut line.entry)
            {
                seqs.retain(|seq| *seq != 7);
            }
        }
    });
}

#[test]
fn a_page_with_a_hole() {
    breaks("R17", |lines| {
        for line in lines {
            if let ("grace-laptop", Entry::Synced { seqs, .. }) =
                (line.client.as_str(), &mut line.entry)
                && !seqs.is_empty()
            {
                *seqs = vec![8];
            }
        }
    });
}

#[test]
fn a_page_that_goes_back() {
    breaks("R16", |lines| {
        for line in lines {
            if let ("grace-laptop", Entry::Synced { version, seqs, .. }) =
                (line.client.as_str(), &mut line.entry)
                && !seqs.is_empty()
            {
                *version = 3;
            }
        }
    });
}

#[test]
fn a_cursor_that_is_not_taken() {
    breaks("R8", |lines| {
        for line in lines.iter_mut() {
            if let Entry::Connected { resumed, .. } = &mut line.entry {
                *resumed = false;
            }
        }
    });
    breaks("R13", |lines| {
        let at = first(lines, |line| matches!(line.entry, Entry::Closed { .. }));
        if let Entry::Closed { code, .. } = &mut lines[at].entry {
            *code = Some(4007);
        }
    });
}

#[test]
fn another_epoch() {
    breaks("R19", |lines| {
        let second = |line: &&mut Line| line.client == "grace-laptop";
        for line in lines.iter_mut().filter(second) {
            if let Entry::Connected { epoch, .. } = &mut line.entry {
                *epoch = "two".into();
            }
        }
    });
}

#[test]
fn a_device_that_skips_doubles_or_swaps() {
    breaks("R14", |lines| {
        let version = version_at(lines, 5);
        drop_lines(lines, |line| applied(line, "ada-phone", version));
    });
    breaks("R14", |lines| {
        let version = version_at(lines, 5);
        let at = first(lines, |line| applied(line, "ada-phone", version));
        let again = lines[at].clone();
        lines.insert(at, again);
    });
    breaks("R17", |lines| {
        let version = version_at(lines, 5);
        let at = first(lines, |line| applied(line, "ada-phone", version));
        if let Entry::Applied { seq, .. } = &mut lines[at].entry {
            *seq = Some(7);
        }
    });
}

#[test]
fn a_device_that_rests_with_something_else() {
    let replica = |change: fn(&mut i64, &mut Vec<Held>)| {
        move |lines: &mut Vec<Line>| {
            let at = first(lines, |line| matches!(line.entry, Entry::Replica { .. }));
            if let Entry::Replica {
                version, messages, ..
            } = &mut lines[at].entry
            {
                change(version, messages);
            }
        }
    };
    breaks("R14", replica(|version, _| *version -= 1));
    breaks("R14", replica(|_, all| all[1].content = "old".into()));
    breaks("R17", replica(|_, all| drop(all.pop())));
    breaks("R17", replica(|_, all| drop(all.remove(3))));
    breaks("R14", |lines| {
        let at = first(lines, |line| matches!(line.entry, Entry::Replica { .. }));
        lines.remove(at);
    });
}

#[test]
fn an_application_that_is_told_twice_or_not_at_all() {
    let shown = |place: i64| move |line: &Line| matches!(line.entry, Entry::Shown { seq, .. } if seq == place);
    breaks("R18", |lines| {
        let at = first(lines, shown(10));
        let again = lines[at].clone();
        lines.insert(at, again);
    });
    breaks("R17", |lines| drop_lines(lines, shown(10)));
    breaks("R17", |lines| {
        drop_lines(lines, |line| matches!(line.entry, Entry::Left { .. }));
    });
    breaks("R17", |lines| {
        let at = first(lines, |line| matches!(line.entry, Entry::View { .. }));
        if let Entry::View { messages, .. } = &mut lines[at].entry {
            messages.pop();
        }
    });
    breaks("R14", |lines| {
        let at = first(lines, |line| matches!(line.entry, Entry::View { .. }));
        lines.remove(at);
    });
}

#[test]
fn a_removed_member_who_still_hears() {
    breaks("refusals", |lines| {
        let version = version_at(lines, 9);
        let at = first(lines, |line| heard(line, "ada-phone", version));
        let mut theirs = lines[at].clone();
        theirs.client = "linus-phone".into();
        lines.insert(at, theirs);
    });
}

#[test]
fn a_stranger_who_may_read_or_write() {
    for stranger in ["linus", "eve"] {
        breaks("refusals", |lines| {
            let refused = |line: &Line| {
                line.client == stranger && matches!(line.entry, Entry::Refused { .. })
            };
            let at = first(lines, refused);
            if let Entry::Refused { operation, .. } = lines[at].entry {
                let place = None;
                lines[at].entry = Entry::Done { operation, place };
            }
        });
    }
}

#[test]
fn a_member_who_is_refused() {
    breaks("refusals", |lines| {
        let at = first(lines, |line| is_done_at(line, 4));
        if let Entry::Done { operation, .. } = lines[at].entry {
            let code = Code::NotFound;
            lines[at].entry = Entry::Refused { operation, code };
        }
    });
}

#[test]
fn a_membership_that_is_lost() {
    breaks("R3", |lines| {
        for line in lines {
            if let Entry::Listed { members, .. } = &mut line.entry {
                members.remove(&user("linus"));
            }
        }
    });
}

#[test]
fn members_who_are_told_different_things() {
    breaks("R2", |lines| {
        let at = first(lines, |line| matches!(line.entry, Entry::Listed { .. }));
        if let Entry::Listed { version, .. } = &mut lines[at].entry {
            *version += 1;
        }
    });
    breaks("R1", |lines| {
        let theirs = |line: &&mut Line| matches!(&line.entry, Entry::Stored { reader, .. } if *reader == user("linus"));
        let line = lines.iter_mut().find(theirs).expect("linus reads");
        if let Entry::Stored { message, .. } = &mut line.entry {
            message.content = "other".into();
        }
    });
}

#[test]
fn receipts_that_go_back_or_that_nobody_asked_for() {
    let at_6 = |line: &Line| {
        line.client == "ada-phone" && matches!(line.entry, Entry::Receipt { seq: 6, .. })
    };
    breaks("R6", |lines| {
        let at = first(lines, at_6);
        if let Entry::Receipt { seq, .. } = &mut lines[at].entry {
            *seq = 3;
        }
    });
    breaks("R6", |lines| {
        let at = first(lines, at_6);
        if let Entry::Receipt { seq, .. } = &mut lines[at].entry {
            *seq = 9;
        }
    });
}

#[test]
fn a_read_cursor_that_is_lost_and_unread_that_is_miscounted() {
    let listed = |line: &Line| matches!(&line.entry, Entry::Listed { user_id, .. } if *user_id == user("grace"));
    breaks("R6", |lines| {
        let at = first(lines, listed);
        if let Entry::Listed { unread, .. } = &mut lines[at].entry {
            *unread += 1;
        }
    });
    breaks("R6", |lines| {
        let at = first(lines, listed);
        if let Entry::Listed {
            unread, read_seq, ..
        } = &mut lines[at].entry
        {
            // Counted rightly, from a cursor that has gone back: 5 and 6 are of others.
            *read_seq = 4;
            *unread += 2;
        }
    });
}

#[test]
fn a_server_that_is_slow_to_come_back() {
    breaks("serving", |lines| {
        for line in lines {
            if let Entry::Serving { took_ms, .. } = &mut line.entry {
                *took_ms = 5_001;
            }
        }
    });
}
