//! What a live connection does, without I/O: connect, authorise, resume, send, hear, come back.
//!
//! [`Session::handle`] takes what happened and appends what must be done; [`Session::deadline`]
//! says when the driver has to come back by itself. What is held of the server's state is the
//! [`Replica`]'s, messages on their way are in `sends`; here are the socket's life and the sync that
//! makes up for what was missed.

use std::collections::{BTreeMap, VecDeque};

use parlor_protocol::{
    AckedMessage, ClientFrame, Code, ConversationId, Message, MessagePage, Ref, ServerFrame,
    SyncPage, UserId, limits,
};

use crate::{
    backoff::backoff_ms,
    replica::Heard,
    sends::{self, ANSWER_MAX_MS, Sends},
};
pub use crate::{
    event::{Event, Status},
    outbox::Entry,
    reads::Read,
    replica::Replica,
};

/// How long `connected` may take after the socket is open, in milliseconds: longer than the server
/// waits for a credential.
const GREETING_MAX_MS: u64 = 15_000;
/// Pause after a close with 4029 for which the server named no wait, in milliseconds.
const LIMIT_WAIT_MS: u64 = 15_000;
/// Shortest heartbeat that is obeyed, in milliseconds: a server's mistake must not become a flood.
const HEARTBEAT_MS_MIN: u64 = 1000;
/// Events kept while a sync is under way because something before them is missing.
const EARLY_FRAMES_MAX: usize = 1000;
/// Commands that may wait for their answer.
const COMMANDS_MAX: usize = 1024;

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The socket is open.
    Opened,
    /// A frame came.
    Frame(ServerFrame),
    /// The socket ended, or did not open; the close code if there was one.
    Closed(Option<u16>),
    /// The deadline has passed.
    Timer,
    /// A newer token.
    Renew {
        /// The token.
        token: String,
    },
    /// The application sends a message. `client_id` must be unique.
    Send(Entry),
    /// The message is in the outbox.
    Stored {
        /// Our id for it.
        client_id: String,
    },
    /// The message could not be put into the outbox.
    NotStored {
        /// Our id for it.
        client_id: String,
        /// Why.
        code: Code,
        /// In words.
        detail: String,
    },
    /// The application wants to see a conversation's history.
    Open(ConversationId),
    /// The application edits, deletes, reacts or moves a cursor. Its `ref` must be a number that no
    /// other command has.
    Command(ClientFrame),
    /// A read has come to its end.
    Fetched {
        /// Which.
        read: Read,
        /// What it brought; nothing when it failed. Also a refusal is tried again: whoever may not
        /// read a conversation any more hears that too, and the read is forgotten with it.
        page: Option<MessagePage>,
    },
}

/// What must be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Open a socket.
    Open,
    /// Write a frame.
    Write(ClientFrame),
    /// Close the socket.
    Close,
    /// Put a message into the outbox and answer with [`Input::Stored`] or [`Input::NotStored`].
    Store(Entry),
    /// The message with this `clientId` has left the outbox.
    Forget(String),
    /// The outbox is this user's.
    Claim(UserId),
    /// Read history over REST and answer with [`Input::Fetched`].
    Fetch(Read),
    /// Tell the application.
    Tell(Event),
}

/// Where the making up for what was missed stands.
#[derive(Debug, PartialEq)]
enum Sync {
    /// Nothing is missing.
    Done,
    /// The server sends the pages by itself; when it last sent one.
    Resumed { since_ms: u64 },
    /// A page was asked for.
    Asked { number: u64, since_ms: u64 },
    /// A page is asked for at this time.
    Paused { until_ms: u64 },
}

/// The state machine of a live connection.
#[derive(Debug)]
pub struct Session {
    token: String,
    status: Status,
    owner: Option<UserId>,
    me: Option<UserId>,
    replica: Replica,
    sends: Sends,
    commands: BTreeMap<u64, u64>,
    /// Tries in a row that have not led to a state without anything missing.
    failures: u32,
    /// The server's wish of when to come back, after a `reconnect` frame.
    after_ms: Option<u64>,
    /// The wait named with the last refusal because of a limit.
    limit_wait_ms: u64,
    /// When to try again, or to give up waiting for `connected`.
    deadline_ms: Option<u64>,
    heartbeat_ms: u64,
    heard_ms: u64,
    ping_ms: u64,
    cursor: Option<String>,
    sync: Sync,
    sync_failures: u32,
    numbered: u64,
    /// Events whose predecessors are missing.
    early: VecDeque<ServerFrame>,
    /// How many of them the sync under way answers.
    early_asked: usize,
    /// Some that it does not answer could not be kept.
    early_lost: bool,
}

impl Session {
    /// A session that is about to connect, with the messages that an earlier process left and whose
    /// they are.
    pub fn new(
        token: &str,
        waiting: impl IntoIterator<Item = Entry>,
        owner: Option<UserId>,
        out: &mut Vec<Output>,
    ) -> Self {
        out.push(Output::Open);
        let mut sends = Sends::default();
        for entry in waiting {
            sends.add(entry, true);
        }
        Self {
            token: token.to_owned(),
            status: Status::Connecting,
            owner,
            me: None,
            replica: Replica::default(),
            sends,
            commands: BTreeMap::new(),
            failures: 0,
            after_ms: None,
            limit_wait_ms: LIMIT_WAIT_MS,
            deadline_ms: None,
            heartbeat_ms: limits::HEARTBEAT_MS,
            heard_ms: 0,
            ping_ms: 0,
            cursor: None,
            sync: Sync::Done,
            sync_failures: 0,
            numbered: 0,
            early: VecDeque::new(),
            early_asked: 0,
            early_lost: false,
        }
    }

    /// The state as the outside sees it.
    pub fn status(&self) -> Status {
        self.status
    }

    /// What is held of the server's state.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Where the next socket resumes.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The `clientId`s that wait for their ack, in the order in which they were written.
    pub fn waiting(&self) -> Vec<&str> {
        self.sends.waiting()
    }

    /// When [`Input::Timer`] is due.
    pub fn deadline(&self, now_ms: u64) -> Option<u64> {
        if self.status != Status::Live {
            return self.deadline_ms;
        }
        let sync_ms = match self.sync {
            Sync::Done => None,
            Sync::Resumed { since_ms } | Sync::Asked { since_ms, .. } => {
                Some(since_ms + ANSWER_MAX_MS)
            }
            Sync::Paused { until_ms } => Some(until_ms),
        };
        [
            Some(self.ping_ms),
            Some(self.heard_ms + 2 * self.heartbeat_ms),
            sync_ms,
            self.sends.deadline(now_ms),
            self.replica.reads.deadline(),
            self.commands
                .values()
                .min()
                .map(|since| since + ANSWER_MAX_MS),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Takes one input. `random` is between 0 and 1 and spreads what is tried again.
    pub fn handle(&mut self, input: Input, now_ms: u64, random: f64, out: &mut Vec<Output>) {
        if self.status == Status::Stopped {
            return;
        }
        match input {
            Input::Opened => {
                self.deadline_ms = Some(now_ms + GREETING_MAX_MS);
                self.authorise(self.cursor.clone(), out);
            }
            Input::Frame(frame) => {
                self.heard_ms = now_ms;
                self.frame(frame, now_ms, random, out);
            }
            Input::Closed(code) => self.closed(code, now_ms, random, out),
            Input::Timer => self.timer(now_ms, random, out),
            Input::Renew { token } => {
                self.token = token;
                match self.status {
                    Status::Live => self.authorise(None, out),
                    Status::TokenNeeded => {
                        self.set(Status::Connecting, out);
                        out.push(Output::Open);
                    }
                    Status::Connecting | Status::Waiting | Status::Stopped => {}
                }
            }
            Input::Send(entry) => self.send(entry, out),
            Input::Stored { client_id } => self.sends.stored(&client_id),
            Input::NotStored {
                client_id,
                code,
                detail,
            } => {
                self.sends.leave(&client_id);
                let failed = Event::Failed {
                    client_id,
                    code,
                    detail,
                };
                out.push(Output::Tell(failed));
            }
            Input::Open(id) => self.replica.open(id),
            Input::Command(frame) => self.command(frame, now_ms, out),
            Input::Fetched { read, page } => self.fetched(read, page, now_ms, random, out),
        }
        if self.status == Status::Live {
            out.extend(self.sends.next(now_ms).into_iter().map(Output::Write));
            out.extend(
                self.replica
                    .reads
                    .next(now_ms)
                    .into_iter()
                    .map(Output::Fetch),
            );
        }
    }

    fn set(&mut self, status: Status, out: &mut Vec<Output>) {
        if self.status != status {
            self.status = status;
            out.push(Output::Tell(Event::Status(status)));
        }
    }

    fn authorise(&self, cursor: Option<String>, out: &mut Vec<Output>) {
        out.push(Output::Write(ClientFrame::Auth {
            reference: None,
            token: self.token.clone(),
            cursor,
        }));
    }

    fn send(&mut self, entry: Entry, out: &mut Vec<Output>) {
        let Entry {
            client_id,
            conversation_id,
            content,
        } = entry.clone();
        let detail = if content.chars().count() > limits::CONTENT_CHARS_MAX
            || !fits(&sends::frame(conversation_id, client_id, content))
        {
            Some("the text is too long")
        } else if entry.client_id.len() > limits::REF_BYTES_MAX {
            Some("the client id is too long")
        } else {
            None
        };
        if let Some(detail) = detail {
            out.push(Output::Tell(Event::Failed {
                client_id: entry.client_id,
                code: Code::InvalidRequest,
                detail: detail.to_owned(),
            }));
            return;
        }
        self.sends.add(entry.clone(), false);
        out.push(Output::Store(entry));
    }

    fn command(&mut self, frame: ClientFrame, now_ms: u64, out: &mut Vec<Output>) {
        let Some(Ref::Number(number)) = frame.reference().cloned() else {
            return;
        };
        if !fits(&frame) {
            return refuse(number, Code::InvalidRequest, "the text is too long", out);
        }
        let detail = if self.status != Status::Live {
            "there is no connection"
        } else if self.commands.len() >= COMMANDS_MAX {
            "too many commands wait for their answer"
        } else {
            self.commands.insert(number, now_ms);
            out.push(Output::Write(frame));
            return;
        };
        refuse(number, Code::Unavailable, detail, out);
    }

    fn frame(&mut self, frame: ServerFrame, now_ms: u64, random: f64, out: &mut Vec<Output>) {
        match frame {
            ServerFrame::Connected {
                user_id,
                epoch,
                heartbeat_ms,
                resumed,
                ..
            } => self.greeted(&user_id, &epoch, heartbeat_ms, resumed, now_ms, out),
            ServerFrame::Ack {
                reference,
                message,
                page,
            } => match (reference, page) {
                (Some(Ref::Text(text)), Some(page)) if self.is_asked(&text) => {
                    self.page(*page, now_ms, out);
                }
                (Some(Ref::Text(client_id)), None) => {
                    if let Some(message) = message {
                        self.sent(client_id, message, out);
                    }
                }
                (Some(Ref::Number(number)), None) if self.commands.remove(&number).is_some() => {
                    out.push(Output::Tell(Event::Done { number }));
                }
                _ => {}
            },
            ServerFrame::Error {
                reference,
                code,
                detail,
                retry_after_ms,
            } => {
                if code == Code::RateLimited {
                    self.limit_wait_ms = retry_after_ms.unwrap_or(LIMIT_WAIT_MS);
                }
                match reference {
                    Some(Ref::Text(text)) if self.is_asked(&text) => {
                        self.sync_refused(code, retry_after_ms, now_ms, random, out);
                    }
                    Some(Ref::Text(client_id)) if may_work_later(code) => {
                        let everything = code == Code::RateLimited;
                        let sends = &mut self.sends;
                        sends.postpone(&client_id, retry_after_ms, everything, now_ms, random);
                    }
                    Some(Ref::Text(client_id)) => self.failed(client_id, code, detail, out),
                    Some(Ref::Number(number)) if self.commands.remove(&number).is_some() => {
                        refuse(number, code, &detail, out);
                    }
                    Some(Ref::Number(_)) | None => {}
                }
            }
            ServerFrame::Reconnect { after_ms } => self.after_ms = Some(after_ms),
            ServerFrame::Pong { cursor, .. } => {
                // With something missing, not everything before the pong is applied.
                if self.sync == Sync::Done && self.cursor.is_some() && cursor.is_some() {
                    self.cursor = cursor;
                }
            }
            ServerFrame::Sync { page } => {
                if matches!(self.sync, Sync::Resumed { .. }) {
                    self.page(*page, now_ms, out);
                }
            }
            event => {
                out.push(Output::Tell(Event::Frame(Box::new(event.clone()))));
                self.event(event, now_ms, out);
            }
        }
    }

    fn greeted(
        &mut self,
        user_id: &UserId,
        epoch: &str,
        heartbeat_ms: u64,
        resumed: bool,
        now_ms: u64,
        out: &mut Vec<Output>,
    ) {
        // One person's messages must never go out as another's.
        match &self.owner {
            Some(owner) if owner != user_id => {
                let detail = format!("the outbox holds messages of {owner}, not of {user_id}");
                out.push(Output::Tell(Event::Outbox(detail)));
                out.push(Output::Close);
                self.deadline_ms = None;
                return self.set(Status::Stopped, out);
            }
            Some(_) => {}
            None => {
                self.owner = Some(user_id.clone());
                out.push(Output::Claim(user_id.clone()));
            }
        }
        self.me = Some(user_id.clone());
        self.deadline_ms = None;
        self.after_ms = None;
        self.limit_wait_ms = LIMIT_WAIT_MS;
        self.heartbeat_ms = heartbeat_ms.max(HEARTBEAT_MS_MIN);
        self.ping_ms = now_ms + self.heartbeat_ms;
        self.set(Status::Live, out);
        self.with_replica(out, |replica, told| {
            replica.greeted(user_id, epoch, told);
        });
        // Not `connected.cursor`: what is before it may still be missing, and the pages bring newer ones.
        if resumed {
            self.sync = Sync::Resumed { since_ms: now_ms };
        } else {
            self.cursor = None;
            self.ask(now_ms, out);
        }
    }

    /// Applies an event, or keeps it until a sync has brought what is missing before it.
    fn event(&mut self, event: ServerFrame, now_ms: u64, out: &mut Vec<Output>) {
        let heard = self.with_replica(out, |replica, told| replica.apply(&event, told));
        if heard != Heard::Missed {
            return;
        }
        if self.early.len() >= EARLY_FRAMES_MAX {
            self.early.pop_front();
            self.early_lost |= self.early_asked == 0;
            self.early_asked = self.early_asked.saturating_sub(1);
        }
        self.early.push_back(event);
        if self.sync == Sync::Done {
            self.begin_sync(now_ms, out);
        }
    }

    fn begin_sync(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        self.early_asked = self.early.len();
        self.ask(now_ms, out);
    }

    /// Asks for the next page, from nothing where there is no cursor.
    fn ask(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        if self.cursor.is_none() {
            self.with_replica(out, Replica::forget_all);
        }
        self.numbered += 1;
        self.sync = Sync::Asked {
            number: self.numbered,
            since_ms: now_ms,
        };
        out.push(Output::Write(ClientFrame::Sync {
            reference: Some(Ref::Text(sync_ref(self.numbered))),
            cursor: self.cursor.clone(),
        }));
    }

    fn is_asked(&self, reference: &str) -> bool {
        matches!(self.sync, Sync::Asked { number, .. } if reference == sync_ref(number))
    }

    fn page(&mut self, page: SyncPage, now_ms: u64, out: &mut Vec<Output>) {
        self.sync_failures = 0;
        self.cursor = Some(page.cursor.clone());
        let has_more = page.has_more;
        self.with_replica(out, |replica, told| replica.take_page(page, told));
        if has_more {
            return match &mut self.sync {
                Sync::Resumed { since_ms } => *since_ms = now_ms,
                _ => self.ask(now_ms, out),
            };
        }
        self.failures = 0;
        self.sync = Sync::Done;
        let asked = std::mem::take(&mut self.early_asked);
        for (at, event) in std::mem::take(&mut self.early).into_iter().enumerate() {
            let heard = self.with_replica(out, |replica, told| replica.apply(&event, told));
            // What was heard before the sync was asked for is in it, or of what is ours no more.
            if heard == Heard::Missed && at >= asked {
                self.early.push_back(event);
            }
        }
        if std::mem::take(&mut self.early_lost) || !self.early.is_empty() {
            self.begin_sync(now_ms, out);
        }
    }

    fn sync_refused(
        &mut self,
        code: Code,
        retry_after_ms: Option<u64>,
        now_ms: u64,
        random: f64,
        out: &mut Vec<Output>,
    ) {
        if code == Code::CursorNotUsable && self.cursor.take().is_some() {
            return self.ask(now_ms, out);
        }
        let wait_ms = retry_after_ms.unwrap_or_else(|| backoff_ms(self.sync_failures, random));
        self.sync_failures = self.sync_failures.saturating_add(1);
        self.sync = Sync::Paused {
            until_ms: now_ms.saturating_add(wait_ms),
        };
    }

    fn fetched(
        &mut self,
        read: Read,
        page: Option<MessagePage>,
        now_ms: u64,
        random: f64,
        out: &mut Vec<Output>,
    ) {
        if !self.replica.reads.counts(&read) {
            return;
        }
        let brought = page.is_some_and(|page| {
            self.with_replica(out, |replica, told| replica.take_history(&read, page, told))
        });
        if !brought {
            let reads = &mut self.replica.reads;
            reads.failed(read.conversation_id, now_ms, random);
        }
    }

    /// Lets the replica do something and passes on what it tells. A message of ours that is in it is
    /// as good as acked.
    fn with_replica<T>(
        &mut self,
        out: &mut Vec<Output>,
        act: impl FnOnce(&mut Replica, &mut Vec<Event>) -> T,
    ) -> T {
        let mut told = Vec::new();
        let value = act(&mut self.replica, &mut told);
        for event in told {
            let seen = match &event {
                Event::Applied(message) | Event::Updated(message) => self.seen(message),
                _ => None,
            };
            out.push(Output::Tell(event));
            if let Some((client_id, message)) = seen {
                self.sent(client_id, message, out);
            }
        }
        value
    }

    fn seen(&self, message: &Message) -> Option<(String, AckedMessage)> {
        let own = self.me.as_ref() == Some(&message.sender_id);
        let client_id = message.client_id.as_ref().filter(|_| own)?;
        Some((client_id.clone(), message.into()))
    }

    fn sent(&mut self, client_id: String, message: AckedMessage, out: &mut Vec<Output>) {
        if self.sends.leave(&client_id) {
            out.push(Output::Forget(client_id.clone()));
            out.push(Output::Tell(Event::Sent { client_id, message }));
        }
    }

    fn failed(&mut self, client_id: String, code: Code, detail: String, out: &mut Vec<Output>) {
        if self.sends.leave(&client_id) {
            out.push(Output::Forget(client_id.clone()));
            out.push(Output::Tell(Event::Failed {
                client_id,
                code,
                detail,
            }));
        }
    }

    fn closed(&mut self, code: Option<u16>, now_ms: u64, random: f64, out: &mut Vec<Output>) {
        if matches!(self.status, Status::Waiting | Status::TokenNeeded) {
            return;
        }
        // One of our frames was wrong and nobody says which: none is repeated.
        if let Some(code @ (1007 | 1009 | 4001)) = code {
            let detail = format!("the server could not read a frame of ours (close code {code})");
            for client_id in self.sends.under_way() {
                self.failed(client_id, Code::InvalidRequest, detail.clone(), out);
            }
        }
        self.sends.interrupted();
        for (number, _) in std::mem::take(&mut self.commands) {
            let detail = "the connection ended before the answer";
            refuse(number, Code::UnknownOutcome, detail, out);
        }
        self.sync = Sync::Done;
        self.early.clear();
        self.early_asked = 0;
        self.early_lost = false;
        let after_ms = self.after_ms.take();
        let backoff_ms = backoff_ms(self.failures, random);
        let (status, wait_ms) = match code {
            Some(4003) => (Status::TokenNeeded, None),
            Some(4004) => (Status::Stopped, None),
            Some(4029) => (Status::Waiting, Some(self.limit_wait_ms)),
            _ => (Status::Waiting, Some(after_ms.unwrap_or(backoff_ms))),
        };
        if code == Some(4007) {
            self.cursor = None;
            self.with_replica(out, Replica::forget_all);
        }
        self.failures = self.failures.saturating_add(1);
        self.deadline_ms = wait_ms.map(|wait_ms| now_ms.saturating_add(wait_ms));
        self.set(status, out);
    }

    fn timer(&mut self, now_ms: u64, random: f64, out: &mut Vec<Output>) {
        let due = self.deadline_ms.is_some_and(|at_ms| at_ms <= now_ms);
        match self.status {
            Status::Waiting if due => {
                self.deadline_ms = None;
                self.set(Status::Connecting, out);
                out.push(Output::Open);
            }
            Status::Connecting if due => self.give_up(now_ms, random, out),
            Status::Live => self.live_timer(now_ms, random, out),
            Status::Waiting | Status::Connecting | Status::TokenNeeded | Status::Stopped => {}
        }
    }

    fn live_timer(&mut self, now_ms: u64, random: f64, out: &mut Vec<Output>) {
        let silent = self.heard_ms + 2 * self.heartbeat_ms <= now_ms;
        let unanswered = |since_ms: u64| since_ms + ANSWER_MAX_MS <= now_ms;
        let stuck = match self.sync {
            Sync::Resumed { since_ms } | Sync::Asked { since_ms, .. } => unanswered(since_ms),
            Sync::Done | Sync::Paused { .. } => false,
        };
        if silent || stuck {
            return self.give_up(now_ms, random, out);
        }
        if self.ping_ms <= now_ms {
            self.ping_ms = now_ms + self.heartbeat_ms;
            out.push(Output::Write(ClientFrame::Ping { reference: None }));
        }
        if matches!(self.sync, Sync::Paused { until_ms } if until_ms <= now_ms) {
            self.ask(now_ms, out);
        }
        self.sends.give_up_waiting(now_ms);
        while let Some((number, since_ms)) = self.commands.pop_first() {
            if !unanswered(since_ms) {
                self.commands.insert(number, since_ms);
                break;
            }
            let detail = "the server did not answer in time";
            refuse(number, Code::UnknownOutcome, detail, out);
        }
    }

    fn give_up(&mut self, now_ms: u64, random: f64, out: &mut Vec<Output>) {
        out.push(Output::Close);
        self.closed(None, now_ms, random, out);
    }
}

fn refuse(number: u64, code: Code, detail: &str, out: &mut Vec<Output>) {
    let detail = detail.to_owned();
    out.push(Output::Tell(Event::Refused {
        number,
        code,
        detail,
    }));
}

/// Whether the server reads a frame of this size: one that it does not ends the socket, and with it
/// whatever else is under way.
fn fits(frame: &ClientFrame) -> bool {
    let text = serde_json::to_string(frame).expect("frames hold nothing that JSON cannot say");
    text.len() <= limits::FRAME_BYTES_MAX
}

fn sync_ref(number: u64) -> String {
    format!("sync-{number}")
}

/// Whether the same message may be taken another time.
fn may_work_later(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::UnknownOutcome
            | Code::RateLimited
            | Code::StorageFull
            | Code::RequestTimeout
    )
}
