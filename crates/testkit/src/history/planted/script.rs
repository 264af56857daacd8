//! A server of one group that makes no mistakes, and the lines that its clients write.

use std::collections::{BTreeMap, BTreeSet};

use parlor_protocol::{Code, ConversationId, MessageId, ReceiptStatus, UserId};
use uuid::Uuid;

use crate::history::{
    KILLED,
    entry::{Call, Change, Entry, Held, Line, Place},
};

pub(super) const GROUP: ConversationId = ConversationId(Uuid::from_u128(7));
/// Time between two lines, in milliseconds.
const STEP_MS: u64 = 10;
/// More than a removed member may go on to hear.
const LATER_MS: u64 = 6_000;

pub(super) fn user(name: &str) -> UserId {
    name.parse().expect("an id")
}

fn users(names: &[&str]) -> BTreeSet<UserId> {
    names.iter().map(|name| user(name)).collect()
}

/// A device and what it holds.
#[derive(Default)]
struct Device {
    owner: String,
    connection: u32,
    live: bool,
    /// Whether it holds the group at all.
    knows: bool,
    version: i64,
    window: Vec<Held>,
}

#[derive(Default)]
pub(super) struct Script {
    pub(super) lines: Vec<Line>,
    ms: u64,
    operations: u64,
    version: i64,
    log: Vec<Held>,
    members: BTreeSet<UserId>,
    read: BTreeMap<UserId, i64>,
    devices: BTreeMap<&'static str, Device>,
}

impl Script {
    /// Everything that can happen, once, without a mistake.
    pub(super) fn good() -> Vec<Line> {
        let mut it = Self::default();
        it.founds(&["ada", "grace", "linus"]);
        for (device, owner) in [
            ("ada-phone", "ada"),
            ("grace-phone", "grace"),
            ("grace-laptop", "grace"),
            ("linus-phone", "linus"),
        ] {
            it.connects(device, owner, false);
        }
        for n in 1..=6 {
            it.sends(["ada", "grace", "linus"][n % 3], n, "text");
        }
        it.edits("ada", 3, "edited");
        it.edits("ada", 3, "edited again");
        it.reacts("grace", 3, true);
        it.reacts("linus", 3, true);
        it.reacts("linus", 3, false);
        it.deletes("grace", 1);
        it.reads("grace", 4);
        it.reads("grace", 6);

        // Somebody misses a part and resumes.
        it.disconnects("grace-laptop");
        it.sends("ada", 7, "text");
        it.edits("linus", 2, "edited");
        it.connects("grace-laptop", "grace", true);
        it.sends("ada", 8, "text");

        // Somebody is no member for a while.
        it.sets_member("linus", false);
        it.ms += LATER_MS;
        it.sends("ada", 9, "text");
        it.is_refused("linus", Code::NotFound);
        it.sets_member("linus", true);
        it.sends("linus", 10, "text");
        it.is_refused("eve", Code::NotFound);

        // One send is never answered and is stored, another one is refused.
        it.sends("grace", 11, "text");
        it.forget_answer();
        it.refuses("ada", 12);
        it.write(
            "server",
            Entry::Serving {
                after: KILLED.into(),
                took_ms: 300,
            },
        );
        it.rests();
        it.lines
    }

    fn write(&mut self, client: &str, entry: Entry) {
        self.ms += STEP_MS;
        self.lines.push(Line {
            at: self.lines.len() as u64,
            ms: self.ms,
            client: client.to_owned(),
            entry,
        });
    }

    fn invokes(&mut self, by: &str, call: Call) -> u64 {
        self.operations += 1;
        let operation = self.operations;
        let by_user = user(by);
        let entry = Entry::Invoked {
            operation,
            by: by_user,
            call,
        };
        self.write(by, entry);
        operation
    }

    fn done(&mut self, by: &str, operation: u64, place: Option<Place>) {
        self.write(by, Entry::Done { operation, place });
    }

    fn founds(&mut self, names: &[&str]) {
        self.members = users(names);
        self.version = 1;
        let members = self.members.clone();
        self.write(
            "ada",
            Entry::Founded {
                conversation_id: GROUP,
                members,
            },
        );
    }

    fn connects(&mut self, name: &'static str, owner: &str, resumes: bool) {
        let device = self.devices.entry(name).or_default();
        owner.clone_into(&mut device.owner);
        device.connection += 1;
        device.live = true;
        device.knows = true;
        let connection = device.connection;
        let known = std::mem::replace(&mut device.version, self.version);
        let changed = self.log.iter().filter(|message| message.version > known);
        let seqs = changed.map(|message| message.seq).collect();
        device.window.clone_from(&self.log);
        self.write(
            name,
            Entry::Connected {
                user_id: user(owner),
                connection,
                epoch: "one".into(),
                asked_to_resume: resumes,
                resumed: resumes,
            },
        );
        self.synced(name, seqs);
    }

    fn synced(&mut self, name: &str, seqs: Vec<i64>) {
        let entry = Entry::Synced {
            conversation_id: GROUP,
            version: self.version,
            last_seq: self.log.len() as i64,
            gap: false,
            seqs,
        };
        self.write(name, entry);
    }

    fn disconnects(&mut self, name: &str) {
        let device = self.devices.get_mut(name).expect("a device");
        device.live = false;
        let connection = device.connection;
        self.write(
            name,
            Entry::Closed {
                connection,
                code: Some(1012),
            },
        );
    }

    /// One durable change: every live device of a member hears and applies it.
    fn changes(&mut self, change: &Change) {
        self.version += 1;
        let (version, log) = (self.version, self.log.clone());
        let seq = match change {
            Change::New { message } => Some(message.seq),
            _ => None,
        };
        let mut told = Vec::new();
        for (name, device) in &mut self.devices {
            if device.live && device.knows && self.members.contains(&user(&device.owner)) {
                device.version = version;
                device.window.clone_from(&log);
                told.push((*name, device.connection));
            }
        }
        for (name, connection) in told {
            self.write(
                name,
                Entry::Heard {
                    connection,
                    conversation_id: GROUP,
                    version,
                    change: change.clone(),
                },
            );
            self.write(
                name,
                Entry::Applied {
                    conversation_id: GROUP,
                    version,
                    seq,
                },
            );
        }
    }

    fn sends(&mut self, by: &str, n: usize, text: &str) {
        let (client_id, content) = (format!("c{n}"), format!("{text} {n}"));
        let operation = self.invokes(
            by,
            Call::Send {
                conversation_id: GROUP,
                client_id: client_id.clone(),
                content: content.clone(),
            },
        );
        let message = Held {
            id: MessageId(Uuid::from_u128(100 + n as u128)),
            seq: self.log.len() as i64 + 1,
            version: self.version + 1,
            sender_id: user(by),
            client_id,
            content,
            edited: false,
            deleted: false,
            reactions: BTreeMap::new(),
        };
        self.log.push(message.clone());
        let place = Place {
            message_id: message.id,
            seq: message.seq,
        };
        self.changes(&Change::New { message });
        self.done(by, operation, Some(place));
    }

    /// Takes back the last answer.
    fn forget_answer(&mut self) {
        let answer = self.lines.pop();
        assert!(matches!(
            answer.map(|line| line.entry),
            Some(Entry::Done { .. })
        ));
    }

    fn refuses(&mut self, by: &str, n: usize) {
        let operation = self.invokes(
            by,
            Call::Send {
                conversation_id: GROUP,
                client_id: format!("c{n}"),
                content: String::new(),
            },
        );
        let code = Code::InvalidRequest;
        self.write(by, Entry::Refused { operation, code });
    }

    fn is_refused(&mut self, by: &str, code: Code) {
        let call = Call::Look {
            conversation_id: GROUP,
        };
        let operation = self.invokes(by, call);
        self.write(by, Entry::Refused { operation, code });
    }

    fn edits(&mut self, by: &str, seq: usize, content: &str) {
        let message_id = self.log[seq - 1].id;
        let content = format!("{content} {seq}");
        let operation = self.invokes(
            by,
            Call::Edit {
                conversation_id: GROUP,
                message_id,
                content: content.clone(),
            },
        );
        let message = &mut self.log[seq - 1];
        message.content = content;
        message.edited = true;
        message.version = self.version + 1;
        let message = message.clone();
        self.changes(&Change::Updated { message });
        self.done(by, operation, None);
    }

    fn deletes(&mut self, by: &str, seq: usize) {
        let message_id = self.log[seq - 1].id;
        let operation = self.invokes(
            by,
            Call::Delete {
                conversation_id: GROUP,
                message_id,
            },
        );
        self.log[seq - 1].delete(self.version + 1);
        let seq = seq as i64;
        self.changes(&Change::Deleted { message_id, seq });
        self.done(by, operation, None);
    }

    fn reacts(&mut self, by: &str, seq: usize, on: bool) {
        let message_id = self.log[seq - 1].id;
        let operation = self.invokes(
            by,
            Call::React {
                conversation_id: GROUP,
                message_id,
                emoji: "🎉".into(),
                on,
            },
        );
        self.log[seq - 1].react(self.version + 1, "🎉", &user(by), on);
        let seq = seq as i64;
        self.changes(&Change::Reacted {
            message_id,
            seq,
            emoji: "🎉".into(),
            user_id: user(by),
            on,
        });
        self.done(by, operation, None);
    }

    fn reads(&mut self, by: &str, seq: i64) {
        let operation = self.invokes(
            by,
            Call::Read {
                conversation_id: GROUP,
                seq,
            },
        );
        self.read.insert(user(by), seq);
        let live: Vec<_> = self.devices.iter().filter(|(_, it)| it.live).collect();
        let live: Vec<_> = live
            .iter()
            .map(|(name, it)| (**name, it.connection))
            .collect();
        for (name, connection) in live {
            self.write(
                name,
                Entry::Receipt {
                    connection,
                    conversation_id: GROUP,
                    user_id: user(by),
                    status: ReceiptStatus::Read,
                    seq,
                },
            );
        }
        self.done(by, operation, None);
    }

    fn sets_member(&mut self, whom: &str, member: bool) {
        let operation = self.invokes(
            "ada",
            Call::SetMember {
                conversation_id: GROUP,
                user_id: user(whom),
                member,
            },
        );
        let theirs: Vec<&'static str> = self
            .devices
            .iter()
            .filter_map(|(name, device)| (device.owner == whom).then_some(*name))
            .collect();
        if member {
            self.members.insert(user(whom));
            self.changes(&Change::Joined {
                users: users(&[whom]),
            });
        } else {
            self.members.remove(&user(whom));
            self.changes(&Change::Left {
                user_id: user(whom),
            });
        }
        for name in theirs {
            let device = self.devices.get_mut(name).expect("a device");
            device.knows = member;
            device.version = self.version;
            device.window.clone_from(&self.log);
            let connection = device.connection;
            if member {
                let seqs = self.log.iter().map(|message| message.seq).collect();
                self.synced(name, seqs);
            } else {
                self.write(
                    name,
                    Entry::Gone {
                        connection,
                        conversation_id: GROUP,
                        applied: true,
                    },
                );
            }
        }
        self.done("ada", operation, None);
    }

    /// An application of ada's is told of everything, and misses a part, of which it is told.
    fn shows(&mut self) {
        let shown = |seq| Entry::Shown {
            conversation_id: GROUP,
            seq,
        };
        for seq in [2, 3, 4] {
            self.write("ada-app", shown(seq));
        }
        let left = Entry::Left {
            conversation_id: Some(GROUP),
            cause: "gap".into(),
        };
        self.write("ada-app", left);
        for seq in 9..=self.log.len() as i64 {
            self.write("ada-app", shown(seq));
        }
        let entry = Entry::View {
            user_id: user("ada"),
            conversation_id: GROUP,
            messages: self.log[6..].to_vec(),
        };
        self.write("ada-app", entry);
        let user_id = user("ada");
        self.write("ada-app", Entry::Rested { user_id });
    }

    fn rests(&mut self) {
        self.shows();
        for reader in self.members.clone() {
            for message in self.log.clone() {
                self.write(
                    "ada",
                    Entry::Stored {
                        reader: reader.clone(),
                        conversation_id: GROUP,
                        message,
                    },
                );
            }
            let read_seq = self.read.get(&reader).copied().unwrap_or(0);
            let unread = self
                .log
                .iter()
                .filter(|message| message.seq > read_seq && !message.deleted)
                .filter(|message| message.sender_id != reader)
                .count();
            let entry = Entry::Listed {
                user_id: reader,
                conversation_id: GROUP,
                version: self.version,
                last_seq: self.log.len() as i64,
                members: self.members.clone(),
                read_seq,
                unread: unread as i64,
            };
            self.write("ada", entry);
        }
        let devices: Vec<_> = self
            .devices
            .iter()
            .map(|(name, device)| (*name, device.owner.clone(), device.window.clone()))
            .collect();
        for (name, owner, messages) in devices {
            let user_id = user(&owner);
            let version = self.devices[name].version;
            self.write(
                name,
                Entry::Replica {
                    user_id: user_id.clone(),
                    conversation_id: GROUP,
                    version,
                    messages,
                },
            );
            self.write(name, Entry::Rested { user_id });
        }
    }
}
