//! What a live connection does, without I/O: connect, authorise, send, hear, come back.
//!
//! [`Session::handle`] takes what happened and appends what must be done; [`Session::deadline`]
//! says when the driver has to come back by itself. Messages that were not acked stay in the outbox
//! and go out again, in order and with the same `clientId`, after a reconnect: the server makes one
//! message of them.

use std::collections::VecDeque;

use parlor_protocol::{
    AckedMessage, ClientFrame, Code, ConversationId, Ref, SendMessage, ServerFrame,
};

/// First pause before a reconnect, in milliseconds; doubled each time.
const BACKOFF_BASE_MS: u64 = 500;
/// Longest pause before a reconnect, in milliseconds.
const BACKOFF_MAX_MS: u64 = 30_000;
/// Messages that may wait for their ack.
const OUTBOX_MAX: usize = 10_000;

/// What the outside sees of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Opening a socket, or waiting for `connected`.
    Connecting,
    /// Commands go out and events come in.
    Live,
    /// Waiting before the next try.
    Waiting,
    /// The token has ended: give a newer one with [`Input::Renew`].
    TokenNeeded,
    /// Ended for good: the session was revoked.
    Stopped,
}

/// Something that happened, for the application.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The connection's state has changed. After each `Live`, what was missed must be read again.
    Status(Status),
    /// An event frame of the server.
    Frame(Box<ServerFrame>),
    /// A message of ours is on disk.
    Sent {
        /// Our id for it.
        client_id: String,
        /// Where it stands.
        message: AckedMessage,
    },
    /// A message of ours was refused for good.
    Failed {
        /// Our id for it.
        client_id: String,
        /// Why.
        code: Code,
        /// In words.
        detail: String,
    },
}

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
    Send {
        /// Our id for it.
        client_id: String,
        /// Where to.
        conversation_id: ConversationId,
        /// What.
        content: String,
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
    /// Tell the application.
    Tell(Event),
}

#[derive(Debug, Clone)]
struct Waiting {
    client_id: String,
    conversation_id: ConversationId,
    content: String,
}

/// The state machine of a live connection.
#[derive(Debug)]
pub struct Session {
    token: String,
    status: Status,
    outbox: VecDeque<Waiting>,
    failures: u32,
    /// The server's wish of when to come back, after a `reconnect` frame.
    after_ms: Option<u64>,
    deadline_ms: Option<u64>,
    heartbeat_ms: u64,
    heard_ms: u64,
    pinged: bool,
}

impl Session {
    /// A session that is about to connect.
    pub fn new(token: &str, out: &mut Vec<Output>) -> Self {
        out.push(Output::Open);
        Self {
            token: token.to_owned(),
            status: Status::Connecting,
            outbox: VecDeque::new(),
            failures: 0,
            after_ms: None,
            deadline_ms: None,
            heartbeat_ms: parlor_protocol::limits::HEARTBEAT_MS,
            heard_ms: 0,
            pinged: false,
        }
    }

    /// The state as the outside sees it.
    pub fn status(&self) -> Status {
        self.status
    }

    /// How many messages wait for their ack.
    pub fn outbox_len(&self) -> usize {
        self.outbox.len()
    }

    /// When [`Input::Timer`] is due.
    pub fn deadline(&self) -> Option<u64> {
        self.deadline_ms
    }

    /// Takes one input. `random` is between 0 and 1 and spreads reconnects.
    pub fn handle(&mut self, input: Input, now_ms: u64, random: f64, out: &mut Vec<Output>) {
        if self.status == Status::Stopped {
            return;
        }
        match input {
            Input::Opened => out.push(Output::Write(ClientFrame::Auth {
                reference: None,
                token: self.token.clone(),
                cursor: None,
            })),
            Input::Frame(frame) => {
                self.heard(now_ms);
                self.frame(frame, now_ms, out);
            }
            Input::Closed(code) => self.closed(code, now_ms, random, out),
            Input::Timer => self.timer(now_ms, random, out),
            Input::Renew { token } => {
                self.token = token;
                if self.status == Status::TokenNeeded {
                    self.set(Status::Connecting, out);
                    out.push(Output::Open);
                }
            }
            Input::Send {
                client_id,
                conversation_id,
                content,
            } => {
                if self.outbox.len() >= OUTBOX_MAX {
                    let detail = "too many messages wait to be sent".to_owned();
                    out.push(Output::Tell(Event::Failed {
                        client_id,
                        code: Code::Unavailable,
                        detail,
                    }));
                    return;
                }
                let waiting = Waiting {
                    client_id,
                    conversation_id,
                    content,
                };
                if self.status == Status::Live {
                    out.push(write(&waiting));
                }
                self.outbox.push_back(waiting);
            }
        }
    }

    fn set(&mut self, status: Status, out: &mut Vec<Output>) {
        if self.status != status {
            self.status = status;
            out.push(Output::Tell(Event::Status(status)));
        }
    }

    fn heard(&mut self, now_ms: u64) {
        self.heard_ms = now_ms;
        self.pinged = false;
        if self.status == Status::Live {
            self.deadline_ms = Some(now_ms + self.heartbeat_ms);
        }
    }

    fn frame(&mut self, frame: ServerFrame, now_ms: u64, out: &mut Vec<Output>) {
        match frame {
            ServerFrame::Connected { heartbeat_ms, .. } => {
                self.failures = 0;
                self.after_ms = None;
                self.heartbeat_ms = heartbeat_ms.max(1000);
                self.deadline_ms = Some(now_ms + self.heartbeat_ms);
                self.set(Status::Live, out);
                out.extend(self.outbox.iter().map(write));
            }
            ServerFrame::Ack {
                reference: Some(Ref::Text(client_id)),
                message: Some(message),
                ..
            } => {
                if self.leave(&client_id) {
                    out.push(Output::Tell(Event::Sent { client_id, message }));
                }
            }
            ServerFrame::Error {
                reference: Some(Ref::Text(client_id)),
                code,
                detail,
                ..
            } => {
                // What may yet be stored stays and goes out again; what is refused does not.
                let again = matches!(
                    code,
                    Code::Unavailable
                        | Code::UnknownOutcome
                        | Code::RateLimited
                        | Code::StorageFull
                );
                if again {
                    out.push(Output::Close);
                } else if self.leave(&client_id) {
                    out.push(Output::Tell(Event::Failed {
                        client_id,
                        code,
                        detail,
                    }));
                }
            }
            ServerFrame::Reconnect { after_ms } => self.after_ms = Some(after_ms),
            ServerFrame::Pong { .. } | ServerFrame::Ack { .. } | ServerFrame::Error { .. } => {}
            event => out.push(Output::Tell(Event::Frame(Box::new(event)))),
        }
    }

    /// Takes a message out of the outbox; `false` when it was not there (a second ack).
    fn leave(&mut self, client_id: &str) -> bool {
        let at = self
            .outbox
            .iter()
            .position(|waiting| waiting.client_id == client_id);
        at.and_then(|at| self.outbox.remove(at)).is_some()
    }

    fn closed(&mut self, code: Option<u16>, now_ms: u64, random: f64, out: &mut Vec<Output>) {
        if let Some(ended) = match code {
            Some(4003) => Some(Status::TokenNeeded),
            Some(4004) => Some(Status::Stopped),
            _ => None,
        } {
            self.deadline_ms = None;
            return self.set(ended, out);
        }
        self.failures += 1;
        let ceiling_ms = BACKOFF_BASE_MS
            .saturating_mul(1 << self.failures.min(16))
            .min(BACKOFF_MAX_MS);
        let backoff_ms = (ceiling_ms as f64 * random) as u64;
        self.deadline_ms = Some(now_ms + self.after_ms.take().unwrap_or(backoff_ms));
        self.set(Status::Waiting, out);
    }

    fn timer(&mut self, now_ms: u64, random: f64, out: &mut Vec<Output>) {
        if self
            .deadline_ms
            .is_none_or(|deadline_ms| now_ms < deadline_ms)
        {
            return;
        }
        match self.status {
            Status::Waiting => {
                self.deadline_ms = None;
                self.set(Status::Connecting, out);
                out.push(Output::Open);
            }
            Status::Live if self.pinged => {
                out.push(Output::Close);
                self.closed(None, now_ms, random, out);
            }
            Status::Live => {
                self.pinged = true;
                self.deadline_ms = Some(now_ms + self.heartbeat_ms);
                out.push(Output::Write(ClientFrame::Ping { reference: None }));
            }
            Status::Connecting | Status::TokenNeeded | Status::Stopped => {}
        }
    }
}

fn write(waiting: &Waiting) -> Output {
    let body = SendMessage {
        content: waiting.content.clone(),
        client_id: Some(waiting.client_id.clone()),
        ..SendMessage::default()
    };
    let reference = Some(Ref::Text(waiting.client_id.clone()));
    Output::Write(ClientFrame::message_send(
        reference,
        waiting.conversation_id,
        body,
    ))
}

#[cfg(test)]
mod tests {
    use parlor_protocol::{MessageId, Timestamp};
    use uuid::Uuid;

    use super::*;

    struct Bench {
        session: Session,
        now_ms: u64,
    }

    impl Bench {
        fn new() -> Self {
            let mut out = Vec::new();
            let session = Session::new("t", &mut out);
            assert_eq!(out, [Output::Open]);
            Self { session, now_ms: 0 }
        }

        fn on(&mut self, input: Input) -> Vec<Output> {
            let mut out = Vec::new();
            self.session.handle(input, self.now_ms, 0.5, &mut out);
            out
        }

        fn live() -> Self {
            let mut bench = Self::new();
            assert!(matches!(
                bench.on(Input::Opened)[..],
                [Output::Write(ClientFrame::Auth { .. })]
            ));
            let out = bench.on(Input::Frame(connected()));
            assert_eq!(out[0], Output::Tell(Event::Status(Status::Live)));
            bench
        }

        fn wait(&mut self) -> Vec<Output> {
            self.now_ms = self.session.deadline().expect("a deadline");
            self.on(Input::Timer)
        }
    }

    fn connected() -> ServerFrame {
        ServerFrame::Connected {
            user_id: "ada".parse().expect("a valid id"),
            session_id: None,
            epoch: "e".into(),
            cursor: "c".into(),
            heartbeat_ms: 25_000,
            resumed: false,
        }
    }

    fn send(client_id: &str) -> Input {
        let conversation_id = ConversationId(Uuid::from_u128(1));
        Input::Send {
            client_id: client_id.into(),
            conversation_id,
            content: "hi".into(),
        }
    }

    fn ack(client_id: &str) -> Input {
        let message = AckedMessage {
            id: MessageId(Uuid::from_u128(1)),
            seq: 1,
            version: 1,
            created_at: Timestamp(0),
        };
        Input::Frame(ServerFrame::Ack {
            reference: Some(Ref::Text(client_id.into())),
            message: Some(message),
            page: None,
        })
    }

    fn refs(out: &[Output]) -> Vec<&str> {
        out.iter()
            .filter_map(|output| match output {
                Output::Write(frame) => match frame.reference() {
                    Some(Ref::Text(text)) => Some(text.as_str()),
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    #[test]
    fn what_was_not_acked_goes_out_again_in_order() {
        let mut bench = Bench::new();
        assert!(bench.on(send("a")).is_empty());
        bench.on(Input::Opened);
        assert_eq!(refs(&bench.on(Input::Frame(connected()))), ["a"]);
        assert_eq!(refs(&bench.on(send("b"))), ["b"]);
        bench.on(send("c"));
        assert!(matches!(
            &bench.on(ack("b"))[..],
            [Output::Tell(Event::Sent { .. })]
        ));
        bench.on(Input::Closed(None));
        assert!(bench.on(send("d")).is_empty());
        assert!(bench.wait().contains(&Output::Open));
        bench.on(Input::Opened);
        assert_eq!(refs(&bench.on(Input::Frame(connected()))), ["a", "c", "d"]);
        bench.on(ack("a"));
        assert!(
            bench.on(ack("a")).is_empty(),
            "a second ack says nothing new"
        );
        assert_eq!(bench.session.outbox_len(), 2);
    }

    #[test]
    fn a_refusal_leaves_the_outbox_and_an_unknown_outcome_stays() {
        let mut bench = Bench::live();
        bench.on(send("a"));
        bench.on(send("b"));
        let error = |client_id: &str, code| {
            Input::Frame(ServerFrame::Error {
                reference: Some(Ref::Text(client_id.into())),
                code,
                detail: String::new(),
                retry_after_ms: None,
            })
        };
        assert!(matches!(
            &bench.on(error("a", Code::NotFound))[..],
            [Output::Tell(Event::Failed { .. })]
        ));
        assert_eq!(bench.on(error("b", Code::UnknownOutcome)), [Output::Close]);
        assert_eq!(bench.session.outbox_len(), 1);
    }

    #[test]
    fn it_comes_back_as_the_close_code_says() {
        let mut bench = Bench::live();
        bench.on(Input::Frame(ServerFrame::Reconnect { after_ms: 1234 }));
        bench.on(Input::Closed(Some(1012)));
        assert_eq!(bench.session.deadline(), Some(1234));
        let mut bench = Bench::live();
        assert_eq!(
            bench.on(Input::Closed(Some(4004))),
            [Output::Tell(Event::Status(Status::Stopped))]
        );
        assert_eq!(bench.session.deadline(), None);
        let mut bench = Bench::live();
        bench.on(send("a"));
        assert_eq!(
            bench.on(Input::Closed(Some(4003))),
            [Output::Tell(Event::Status(Status::TokenNeeded))]
        );
        assert_eq!(bench.session.deadline(), None);
        let out = bench.on(Input::Renew { token: "t2".into() });
        assert_eq!(out.last(), Some(&Output::Open));
        bench.on(Input::Opened);
        assert_eq!(
            refs(&bench.on(Input::Frame(connected()))),
            ["a"],
            "what waited goes out"
        );
        let mut bench = Bench::live();
        let mut pauses = Vec::new();
        for _ in 0..10 {
            bench.on(Input::Closed(None));
            let before = bench.now_ms;
            bench.wait();
            pauses.push(bench.now_ms - before);
        }
        assert_eq!(pauses[..4], [500, 1000, 2000, 4000]);
        assert_eq!(pauses[9], 15_000);
    }

    #[test]
    fn silence_is_asked_once_and_then_the_socket_is_given_up() {
        let mut bench = Bench::live();
        assert!(matches!(
            bench.wait()[..],
            [Output::Write(ClientFrame::Ping { .. })]
        ));
        bench.on(Input::Frame(ServerFrame::Pong {
            reference: None,
            cursor: None,
        }));
        assert!(matches!(
            bench.wait()[..],
            [Output::Write(ClientFrame::Ping { .. })]
        ));
        assert_eq!(bench.wait()[0], Output::Close);
        assert_eq!(bench.session.status(), Status::Waiting);
    }
}
