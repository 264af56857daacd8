//! Any order of what can happen to a client: live frames, pages, breaks, repetitions, refusals, reads
//! that come late. Whatever it was, the application is told each message once and in order, and in the
//! end the client holds what the server holds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use parlor_client::{
    Event, Status,
    session::{Entry, Input, Output, Read, Session},
};
use parlor_protocol::{ClientFrame, Code, ConversationId, Message, MessagePage, ServerFrame};
use proptest::prelude::*;

use crate::{fill::Defaults, server::Server};

/// Steps until everything must have come to rest.
const REST_STEPS_MAX: usize = 20_000;
/// Conversations, so that each has its share of events.
const ROOMS_MAX: usize = 4;
/// Heartbeats without anything else, after which it has.
const QUIET_HEARTBEATS: usize = 8;

/// What the application makes of what it is told.
#[derive(Default)]
struct Application {
    shown: BTreeMap<ConversationId, BTreeMap<i64, Message>>,
    /// The newest `seq` applied.
    last: BTreeMap<ConversationId, i64>,
    /// Conversations that may go on with any `seq`.
    gaps: BTreeSet<ConversationId>,
    sent: Vec<String>,
    failed: Vec<String>,
    /// Conversations that the client was put out of at some time.
    left: BTreeSet<ConversationId>,
}

impl Application {
    fn hears(&mut self, event: &Event, new_epoch: bool) {
        match event {
            Event::Applied(message) => {
                let id = message.conversation_id;
                let gap = self.gaps.remove(&id);
                if let Some(last) = self.last.insert(id, message.seq) {
                    let next = if gap {
                        message.seq > last
                    } else {
                        message.seq == last + 1
                    };
                    assert!(next, "{} was applied after {last}", message.seq);
                }
                self.show(message);
            }
            Event::Updated(message) => {
                let last = self.last.get(&message.conversation_id);
                assert!(
                    last.is_some_and(|last| message.seq <= *last),
                    "updated before applied"
                );
                self.show(message);
            }
            Event::Gap(id) => {
                self.shown.remove(id);
                self.gaps.insert(*id);
            }
            Event::Removed(id) => {
                self.shown.remove(id);
                self.left.insert(*id);
            }
            Event::StartedOver => {
                self.shown.clear();
                if new_epoch {
                    self.last.clear();
                    self.gaps.clear();
                }
            }
            Event::Sent { client_id, .. } => {
                assert!(!self.sent.contains(client_id), "{client_id} was told twice");
                self.sent.push(client_id.clone());
            }
            Event::Failed {
                client_id, code, ..
            } => {
                assert_eq!(*code, Code::NotFound);
                self.failed.push(client_id.clone());
            }
            _ => {}
        }
    }

    fn show(&mut self, message: &Message) {
        let messages = self.shown.entry(message.conversation_id).or_default();
        messages.insert(message.seq, message.clone());
    }
}

struct World {
    server: Server,
    session: Session,
    application: Application,
    now_ms: u64,
    opening: bool,
    socket: bool,
    commands: VecDeque<ClientFrame>,
    reads: VecDeque<Read>,
    answers: VecDeque<(Read, Option<MessagePage>)>,
    heard: Vec<ServerFrame>,
    epoch: String,
    written: usize,
    /// Messages on their way to the device's disk, and those that are there.
    storing: VecDeque<String>,
    stored: BTreeSet<String>,
    restored: bool,
}

impl World {
    fn new() -> Self {
        let mut out = Vec::new();
        let mut world = Self {
            server: Server::new(Defaults::read(include_str!(
                "../../scenarios/defaults.json"
            ))),
            session: Session::new("t", [], None, &mut out),
            application: Application::default(),
            now_ms: 0,
            opening: false,
            socket: false,
            commands: VecDeque::new(),
            reads: VecDeque::new(),
            answers: VecDeque::new(),
            heard: Vec::new(),
            epoch: "1".to_owned(),
            written: 0,
            storing: VecDeque::new(),
            stored: BTreeSet::new(),
            restored: false,
        };
        world.server.makes_a_room();
        world.perform(out, false);
        world.comes_to_rest();
        world
    }

    fn on(&mut self, input: Input) {
        self.on_epoch(input, false);
    }

    fn on_epoch(&mut self, input: Input, new_epoch: bool) {
        let mut out = Vec::new();
        self.session.handle(input, self.now_ms, 0.5, &mut out);
        self.perform(out, new_epoch);
    }

    fn perform(&mut self, outputs: Vec<Output>, new_epoch: bool) {
        for output in outputs {
            match output {
                Output::Open => {
                    assert!(!self.opening && !self.socket, "two sockets at once");
                    self.opening = true;
                }
                Output::Write(frame) => {
                    assert!(self.socket, "nothing is written without a socket");
                    if let ClientFrame::MessageSend { client_id, .. } = &frame {
                        let client_id = client_id.as_ref().expect("a client id");
                        assert!(self.stored.contains(client_id), "sent before it was stored");
                    }
                    let is_sync = |it: &ClientFrame| matches!(it, ClientFrame::Sync { .. });
                    let another = self.commands.iter().any(is_sync);
                    assert!(!(another && is_sync(&frame)), "two syncs at once");
                    self.commands.push_back(frame);
                }
                Output::Close => self.hang_up(),
                Output::Store(entry) => self.storing.push_back(entry.client_id),
                Output::Fetch(read) => self.reads.push_back(read),
                Output::Tell(event) => self.application.hears(&event, new_epoch),
                Output::Forget(_) | Output::Claim(_) => {}
            }
        }
    }

    fn hang_up(&mut self) {
        self.opening = false;
        self.socket = false;
        self.commands.clear();
        self.server.hang_up();
    }

    fn closes(&mut self, code: Option<u16>) {
        if self.opening || self.socket {
            self.hang_up();
            self.on(Input::Closed(code));
        }
    }

    /// One thing happens. `what` chooses it and `n` its details.
    fn step(&mut self, what: u8, n: usize) {
        match (what, self.server.room(n)) {
            (0..=3, Some(id)) => self.server.writes(id, "grace", None, &format!("text {n}")),
            (4..=8, Some(id)) => self.server.changes(id, n / 7, n),
            (9, Some(id)) => {
                for text in 0..n % 9 {
                    self.server
                        .writes(id, "grace", None, &format!("burst {text}"));
                }
            }
            (10, Some(id)) => self.server.renames(id),
            (11, Some(id)) => self.server.pins(id),
            (12, _) if self.server.rooms.len() < ROOMS_MAX => self.server.makes_a_room(),
            (13, _) => self.server.joins_or_leaves(n),
            (14..=16, Some(id)) => {
                self.written += 1;
                self.on(Input::Send(Entry {
                    client_id: format!("client-id-{:05}", self.written),
                    conversation_id: id,
                    content: format!("mine {n}"),
                }));
            }
            (17, Some(id)) => self.on(Input::Open(id)),
            (18..=20, _) => drop(self.stores()),
            (21..=28, _) => drop(self.serves(n)),
            (29..=45, _) => drop(self.hears()),
            // A frame that was heard before comes again.
            (46..=47, _) if self.session.status() == Status::Live && !self.heard.is_empty() => {
                let again = self.heard[n % self.heard.len()].clone();
                self.on(Input::Frame(again));
            }
            (48, _) => self.loses(),
            (49..=51, _) => {
                if self.session.status() == Status::Waiting {
                    self.waits();
                }
                self.opens();
            }
            (52, _) if n.is_multiple_of(2) => {
                let codes = [
                    None,
                    Some(1006),
                    Some(1012),
                    Some(4007),
                    Some(4008),
                    Some(4029),
                ];
                self.closes(codes[n / 2 % codes.len()]);
            }
            (53..=55, _) => drop(self.reads_over_rest()),
            (56..=59, _) => drop(self.hears_of_a_read(n)),
            (60, _) => self.waits(),
            (61, _) if n.is_multiple_of(8) => {
                self.restored = true;
                self.server.restore();
                self.closes(Some(1012));
            }
            _ => {}
        }
    }

    /// An event gets lost, or is of a kind that this client does not know.
    fn loses(&mut self) {
        let outgoing = &mut self.server.outgoing;
        let is_event = |frame: &ServerFrame| {
            matches!(
                frame,
                ServerFrame::MessageNew { .. }
                    | ServerFrame::MessageUpdated { .. }
                    | ServerFrame::ReactionAdded { .. }
                    | ServerFrame::ConversationUpdated { .. }
            )
        };
        let Some(at) = outgoing.iter().position(is_event) else {
            return;
        };
        // Only what a later event of the same conversation gives away can be noticed, and a pong before
        // it would say that nothing was lost.
        let of = |frame: &ServerFrame| {
            serde_json::to_value(frame).expect("JSON")["conversationId"].clone()
        };
        let id = of(&outgoing[at]);
        let later = outgoing.iter().skip(at + 1);
        let mut until_pong = later.take_while(|it| !matches!(it, ServerFrame::Pong { .. }));
        if until_pong.any(|later| is_event(later) && of(later) == id) {
            outgoing.remove(at);
        }
    }

    /// The oldest message that is not on the device's disk yet comes there.
    fn stores(&mut self) -> bool {
        let Some(client_id) = self.storing.pop_front() else {
            return false;
        };
        self.stored.insert(client_id.clone());
        self.on(Input::Stored { client_id });
        true
    }

    fn opens(&mut self) -> bool {
        let opening = std::mem::take(&mut self.opening);
        if opening {
            self.socket = true;
            self.on(Input::Opened);
        }
        opening
    }

    fn serves(&mut self, n: usize) -> bool {
        if self.server.is_resuming() {
            self.server.goes_on();
            return true;
        }
        let trouble = match n % 12 {
            0 => Some(Code::Unavailable),
            1 => Some(Code::UnknownOutcome),
            2 => Some(Code::RateLimited),
            _ => None,
        };
        let command = self.commands.pop_front();
        let served = command.is_some();
        if let Some(command) = command {
            self.server.serves(command, trouble);
        }
        served
    }

    fn hears(&mut self) -> bool {
        let Some(frame) = self.server.outgoing.pop_front() else {
            return false;
        };
        let epoch = match &frame {
            ServerFrame::Connected { epoch, .. } => Some(epoch),
            ServerFrame::Sync { page } => Some(&page.epoch),
            ServerFrame::Ack { page, .. } => page.as_ref().map(|page| &page.epoch),
            _ => None,
        };
        let epoch = epoch.unwrap_or(&self.epoch).clone();
        let new_epoch = epoch != self.epoch;
        self.epoch = epoch;
        let is_event = matches!(
            frame,
            ServerFrame::MessageNew { .. }
                | ServerFrame::MessageUpdated { .. }
                | ServerFrame::MessageDeleted { .. }
                | ServerFrame::ReactionAdded { .. }
                | ServerFrame::ReactionRemoved { .. }
                | ServerFrame::ConversationUpdated { .. }
                | ServerFrame::ConversationRemoved { .. }
        );
        if new_epoch {
            self.heard.clear();
        } else if is_event {
            self.heard.push(frame.clone());
        }
        self.on_epoch(Input::Frame(frame), new_epoch);
        true
    }

    fn reads_over_rest(&mut self) -> bool {
        let Some(read) = self.reads.pop_front() else {
            return false;
        };
        let page = self.server.history(read.conversation_id, read.after);
        self.answers.push_back((read, page));
        true
    }

    fn hears_of_a_read(&mut self, n: usize) -> bool {
        let Some((read, page)) = self.answers.pop_front() else {
            return false;
        };
        let page = page.filter(|_| n % 5 < 4);
        self.on(Input::Fetched { read, page });
        true
    }

    fn waits(&mut self) {
        if let Some(at_ms) = self.session.deadline(self.now_ms) {
            self.now_ms = self.now_ms.max(at_ms);
            self.on(Input::Timer);
        }
    }

    /// Lets everything happen that is still under way, without new trouble.
    fn comes_to_rest(&mut self) {
        let mut quiet = 0;
        for _ in 0..REST_STEPS_MAX {
            let moved = self.stores()
                || self.opens()
                || self.hears()
                || self.serves(3)
                || self.reads_over_rest()
                || self.hears_of_a_read(0);
            if moved {
                continue;
            }
            if quiet >= QUIET_HEARTBEATS {
                return;
            }
            quiet += usize::from(self.session.status() == Status::Live);
            self.waits();
        }
        panic!("no rest: {:#?}", self.session);
    }

    fn check(&self) {
        let replica = self.session.replica();
        let joined = self.server.rooms.iter().filter(|(_, room)| room.joined);
        let expected: Vec<_> = joined.clone().map(|(id, _)| *id).collect();
        let held: Vec<_> = replica.conversations().map(|it| it.summary.id).collect();
        assert_eq!(held, expected, "conversations");
        for (held, (id, room)) in replica.conversations().zip(joined) {
            let expected = &room.conversation;
            assert_eq!(held.summary.version, expected.summary.version);
            assert_eq!(held.summary.last_seq, expected.summary.last_seq);
            assert_eq!(held.summary.title, expected.summary.title);
            assert_eq!(held.me.pinned, expected.me.pinned);
            let window: Vec<_> = replica.messages(*id).collect();
            if self.application.last.contains_key(id) && !self.application.left.contains(id) {
                assert!(
                    !window.is_empty() || room.messages.is_empty(),
                    "what was shown is shown"
                );
            }
            let newest = room
                .messages
                .iter()
                .skip(room.messages.len() - window.len());
            assert_eq!(
                window,
                newest.collect::<Vec<_>>(),
                "the window is not the newest messages"
            );
            for message in window {
                let shown = self.application.shown.get(id);
                let shown = shown.and_then(|messages| messages.get(&message.seq));
                assert_eq!(shown, Some(message), "the application shows something else");
            }
        }
        assert!(self.session.waiting().is_empty(), "messages still wait");
        if self.restored {
            return;
        }
        let all = self.server.rooms.values().flat_map(|room| &room.messages);
        let mut stored: Vec<_> = all
            .filter_map(|message| message.client_id.clone())
            .collect();
        // Who was put out between an unknown outcome and the second try is told that it was refused.
        stored.retain(|client_id| !self.application.failed.contains(client_id));
        for room in self.server.rooms.values() {
            let own = room
                .messages
                .iter()
                .filter_map(|message| message.client_id.as_ref());
            assert!(
                own.is_sorted(),
                "one's own messages stand in the order in which they were written"
            );
        }
        let mut sent = self.application.sent.clone();
        stored.sort();
        sent.sort();
        assert_eq!(sent, stored, "what was told to be sent is what is stored");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r14_to_r21_whatever_happens(steps in prop::collection::vec((0u8..62, 0usize..1000), 1..400)) {
        let mut world = World::new();
        for (what, n) in steps {
            world.step(what, n);
        }
        world.comes_to_rest();
        world.check();
    }
}
