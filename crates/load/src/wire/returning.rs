//! Clients of Parlor that come, and come back: token and cursor stand in the handshake, what was missed
//! is read to its end before a client counts as back.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use anyhow::{Context, bail, ensure};
use parlor_protocol::{ConversationId, ServerFrame, SyncPage};
use serde::Deserialize;

use crate::{
    payload::{TEXT_BYTES, number_in},
    wire::{
        protocol::{Heard, Protocol, Seat},
        websocket::{PING, TEXT, payload, split, split_handshake, write_frame, write_handshake},
    },
};

/// The steps of a connection.
const OPENING: u8 = 0;
const CONNECTING: u8 = 1;
const ASKING: u8 = 2;
const SYNCING: u8 = 3;
const LIVE: u8 = 4;

/// One client, whether it is connected or not.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) token: String,
    /// Where it stands; nothing before its first visit, which asks for it.
    pub(crate) cursor: Option<String>,
    /// What it must hear of when it comes back; nothing where anything is right.
    pub(crate) missed: Option<Missed>,
}

/// Messages 1, 2, 3 … of one conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Missed {
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) messages: u64,
    /// How many of them it has heard of on this visit.
    heard: u64,
}

impl Missed {
    pub(crate) fn nothing() -> Self {
        Self {
            conversation: None,
            messages: 0,
            heard: 0,
        }
    }

    pub(crate) fn messages(conversation: ConversationId, messages: u64) -> Self {
        Self {
            conversation: Some(conversation),
            messages,
            heard: 0,
        }
    }
}

/// What outlives a visit.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    clients: Rc<RefCell<Vec<Client>>>,
    /// What was read and checked of a conversation, as it stood on the page.
    checked: Rc<RefCell<HashMap<ConversationId, Box<[u8]>>>>,
    /// Pings of the server that were answered.
    pings: Rc<Cell<u64>>,
    /// Whether a client stands, after it is back, where it came to.
    pub(crate) moves_on: bool,
}

impl Clients {
    pub(crate) fn new(tokens: impl Iterator<Item = String>) -> Self {
        let clients = tokens.map(|token| Client {
            token,
            cursor: None,
            missed: Some(Missed::nothing()),
        });
        Self {
            clients: Rc::new(RefCell::new(clients.collect())),
            checked: Rc::default(),
            pings: Rc::default(),
            moves_on: true,
        }
    }

    pub(crate) fn each(&self, change: impl FnMut((usize, &mut Client))) {
        self.clients
            .borrow_mut()
            .iter_mut()
            .enumerate()
            .for_each(change);
    }

    pub(crate) fn pings(&self) -> u64 {
        self.pings.get()
    }
}

/// The protocol of one visit.
#[derive(Debug)]
pub(crate) struct Returning {
    host: String,
    clients: Clients,
}

/// A `sync` frame by itself: read as one of all frames it would be made into a tree first.
#[derive(Deserialize)]
struct SyncFrame {
    page: SyncPage,
}

impl Returning {
    pub(crate) fn new(host: String, clients: Clients) -> Self {
        Self { host, clients }
    }

    fn connected(&self, seat: &mut Seat, text: &[u8], out: &mut Vec<u8>) -> anyhow::Result<()> {
        let ServerFrame::Connected { resumed, .. } = serde_json::from_slice(text)? else {
            bail!("not connected but {}", String::from_utf8_lossy(text));
        };
        let mut clients = self.clients.clients.borrow_mut();
        let client = &mut clients[seat.member];
        ensure!(
            resumed == client.cursor.is_some(),
            "who gave a cursor resumes, and nobody else"
        );
        if let Some(missed) = &mut client.missed {
            missed.heard = 0;
        }
        if resumed {
            seat.step = SYNCING;
        } else {
            write_frame(TEXT, br#"{"type":"ping"}"#, out);
            seat.step = ASKING;
        }
        Ok(())
    }

    fn asked(&self, seat: &mut Seat, text: &[u8]) -> anyhow::Result<Heard> {
        let ServerFrame::Pong {
            cursor: Some(cursor),
            ..
        } = serde_json::from_slice(text)?
        else {
            bail!("no cursor but {}", String::from_utf8_lossy(text));
        };
        self.clients.clients.borrow_mut()[seat.member].cursor = Some(cursor);
        seat.step = LIVE;
        Ok(Heard::Ready)
    }

    fn synced(&self, seat: &mut Seat, text: &[u8]) -> anyhow::Result<Heard> {
        ensure!(
            text.starts_with(br#"{"type":"sync""#),
            "before what was missed: {}",
            String::from_utf8_lossy(text)
        );
        let mut clients = self.clients.clients.borrow_mut();
        let client = &mut clients[seat.member];
        let talk = client.missed.and_then(|missed| missed.conversation);
        let mut checked = self.clients.checked.borrow_mut();
        // Ten people have missed the same, and it is read once: of the others' pages the same bytes are
        // as good. The generator must not be what is measured.
        let known = talk.and_then(|talk| checked.get(&talk));
        let rest = known.and_then(|known| without(text, known));
        let SyncFrame { page } = serde_json::from_slice(rest.as_deref().unwrap_or(text))?;
        ensure!(!page.reset, "a client that must start over");
        if let Some(missed) = &mut client.missed {
            if rest.is_some() {
                missed.take_checked(&page)?;
            } else {
                missed.take(&page)?;
                if missed.heard == missed.messages
                    && let Some((talk, messages)) = talk.zip(messages(text))
                {
                    checked.insert(talk, messages.into());
                }
            }
        }
        if self.clients.moves_on {
            client.cursor = Some(page.cursor);
        }
        if page.has_more {
            return Ok(Heard::Nothing);
        }
        if let Some(missed) = client.missed {
            ensure!(
                missed.heard == missed.messages,
                "{} of {} missed messages",
                missed.heard,
                missed.messages
            );
        }
        seat.step = LIVE;
        Ok(Heard::Ready)
    }
}

/// How a page's messages begin, and what follows upon them.
const MESSAGES: &[u8] = br#""messages":["#;
const BEHIND_MESSAGES: &[u8] = br#"],"gap":"#;

fn place(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// The messages of a page's only conversation, from their name to the last of them.
fn messages(text: &[u8]) -> Option<&[u8]> {
    let text = &text[place(text, MESSAGES)?..];
    Some(&text[..place(text, BEHIND_MESSAGES)?])
}

/// The page without its messages, where they are exactly these.
fn without(text: &[u8], messages: &[u8]) -> Option<Vec<u8>> {
    let begin = place(text, MESSAGES)?;
    let (before, found) = text.split_at(begin);
    let behind = found.strip_prefix(messages)?;
    behind
        .starts_with(BEHIND_MESSAGES)
        .then(|| [before, MESSAGES, behind].concat())
}

impl Missed {
    /// Takes a page of one conversation whose messages are known to be right.
    fn take_checked(&mut self, page: &SyncPage) -> anyhow::Result<()> {
        let [synced] = page.conversations.as_slice() else {
            bail!("{} conversations on a page", page.conversations.len());
        };
        let id = synced.conversation.summary.id;
        ensure!(!synced.gap, "a gap in {id}");
        ensure!(self.conversation == Some(id), "messages of {id}");
        self.heard = self.messages;
        Ok(())
    }

    fn take(&mut self, page: &SyncPage) -> anyhow::Result<()> {
        for synced in &page.conversations {
            let id = synced.conversation.summary.id;
            ensure!(!synced.gap, "a gap in {id}");
            for message in &synced.messages {
                self.heard += 1;
                let number = number_in(message.content.as_bytes(), TEXT_BYTES)?;
                ensure!(
                    self.conversation == Some(id)
                        && number == Some(self.heard)
                        && message.content.len() == TEXT_BYTES
                        && message.seq == self.heard.cast_signed(),
                    "in place of missed message {}: {message:?}",
                    self.heard
                );
            }
        }
        Ok(())
    }
}

impl Protocol for Returning {
    fn open(&self, seat: &Seat, out: &mut Vec<u8>) {
        let clients = self.clients.clients.borrow();
        let client = &clients[seat.member];
        let path = match &client.cursor {
            Some(cursor) => format!("/api/v1/ws?cursor={cursor}"),
            None => "/api/v1/ws".to_owned(),
        };
        let bearer = format!("Bearer {}", client.token);
        write_handshake(&self.host, &path, &[("authorization", &bearer)], out);
    }

    fn split(&self, seat: &Seat, bytes: &[u8]) -> anyhow::Result<Option<usize>> {
        if seat.step == OPENING {
            return split_handshake(bytes);
        }
        Ok(split(bytes)?.map(|frame| frame.bytes))
    }

    fn hear(&mut self, seat: &mut Seat, frame: &[u8], out: &mut Vec<u8>) -> anyhow::Result<Heard> {
        if seat.step == OPENING {
            seat.step = CONNECTING;
            return Ok(Heard::Nothing);
        }
        let whole = split(frame)?.context("half a frame")?;
        if whole.opcode == PING {
            self.clients.pings.set(self.clients.pings.get() + 1);
        }
        let Some(text) = payload(frame, out)? else {
            return Ok(Heard::Nothing);
        };
        match seat.step {
            CONNECTING => self.connected(seat, text, out).map(|()| Heard::Nothing),
            // Others come as well, and that is told.
            ASKING if text.starts_with(br#"{"type":"presence."#) => Ok(Heard::Nothing),
            ASKING => self.asked(seat, text),
            SYNCING => self.synced(seat, text),
            // Whatever goes on in its conversations is no business of this scenario.
            _ => Ok(Heard::Nothing),
        }
    }

    fn send(&mut self, _seat: &Seat, _number: u64, _out: &mut Vec<u8>) {}

    fn acks(&self) -> bool {
        false
    }

    fn same_bytes(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use parlor_protocol::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::payload::write_text;

    fn talk() -> ConversationId {
        ConversationId(uuid::Uuid::from_u128(7))
    }

    /// A page with messages that have these numbers in their texts, from `seq` 1 on.
    fn page(conversation: ConversationId, numbers: &[u64], gap: bool) -> SyncPage {
        let at = serde_json::to_value(Timestamp(0)).expect("plain data");
        let messages: Vec<_> = numbers
            .iter()
            .zip(1..)
            .map(|(number, seq)| {
                let mut text = Vec::new();
                write_text(*number, TEXT_BYTES, &mut text);
                json!({
                    "id": uuid::Uuid::nil(), "conversationId": conversation, "seq": seq, "version": seq, "senderId": "ada",
                    "sender": {"id": "ada", "handle": "ada", "name": "Ada", "avatarUrl": null},
                    "clientId": null, "kind": "text", "content": String::from_utf8(text).expect("text"),
                    "attachments": [], "replyTo": null, "threadId": null, "mentions": [], "reactions": [],
                    "createdAt": at, "editedAt": null, "deletedAt": null,
                })
            })
            .collect();
        let page = json!({
            "cursor": "c", "epoch": "e", "reset": false, "hasMore": false, "removed": [],
            "user": {"id": "ada", "handle": "ada", "name": "Ada", "avatarUrl": null, "email": null, "bio": null, "createdAt": at, "userVersion": 1},
            "conversations": [{"gap": gap, "messages": messages, "conversation": {
                "id": conversation, "kind": "group", "title": null, "label": null, "metadata": {},
                "avatarUrl": null, "encrypted": false, "createdAt": at, "updatedAt": at, "lastSeq": 3,
                "version": 4, "lastMessage": null, "memberCount": 1, "members": [], "unreadCount": 3,
                "me": {"role": "member", "readSeq": 0, "deliveredSeq": 0, "mutedUntil": null,
                       "pinned": false, "archived": false, "hidden": false},
            }}],
        });
        serde_json::from_value(page).expect("a page")
    }

    #[test]
    fn what_was_missed_is_all_there_and_in_its_order() {
        let mut missed = Missed::messages(talk(), 3);
        missed
            .take(&page(talk(), &[1, 2, 3], false))
            .expect("right");
        assert_eq!(missed.heard, 3);
        let refused = |page: SyncPage| Missed::messages(talk(), 3).take(&page).is_err();
        assert!(refused(page(talk(), &[1, 3, 2], false)), "another order");
        assert!(refused(page(talk(), &[1, 1, 2], false)), "one twice");
        assert!(refused(page(talk(), &[1, 2, 3], true)), "a gap");
        let elsewhere = ConversationId(uuid::Uuid::from_u128(8));
        assert!(refused(page(elsewhere, &[1, 2, 3], false)), "elsewhere");
        assert!(Missed::nothing().take(&page(talk(), &[1], false)).is_err());
    }

    #[test]
    fn messages_that_are_known_need_not_be_read_again() {
        let as_written = |numbers: &[u64]| {
            let page = page(talk(), numbers, false);
            let page = serde_json::to_string(&page).expect("plain data");
            format!(r#"{{"type":"sync","page":{page}}}"#).into_bytes()
        };
        let first = as_written(&[1, 2, 3]);
        let known = messages(&first).expect("there are some");
        let rest = without(&as_written(&[1, 2, 3]), known).expect("the same");
        let SyncFrame { page } = serde_json::from_slice(&rest).expect("still a page");
        let mut missed = Missed::messages(talk(), 3);
        missed.take_checked(&page).expect("right");
        assert_eq!(missed.heard, 3);
        for other in [&[1, 2][..], &[1, 2, 4], &[1, 3, 2], &[1, 2, 3, 4]] {
            assert_eq!(without(&as_written(other), known), None, "{other:?}");
        }
        assert_eq!(without(&as_written(&[]), known), None);
        let mut elsewhere = Missed::messages(ConversationId(uuid::Uuid::from_u128(8)), 3);
        assert!(elsewhere.take_checked(&page).is_err());
    }
}
