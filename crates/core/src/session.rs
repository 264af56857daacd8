//! The life of one connection: hello, credential, commands, heartbeat, limits, drain.
//!
//! A state machine without I/O: [`Session::handle`] takes what happened and the time, and appends
//! what must be done to a list. The transport drives it: it reads frames, runs the outputs and
//! comes back at [`Session::deadline`]. Every transport drives the same machine.
//!
//! Time is a monotonic count of milliseconds chosen by the driver, so a wall clock set back ends
//! no session.

use parlor_protocol::ClientFrame;
use parlor_protocol::{
    CloseCode, Code, ConversationId, FrameError, ReceiptStatus, Ref, SendMessage, ServerFrame,
    SessionId, UserId,
    limits::{AUTH_DEADLINE_MS, HEARTBEAT_MS},
};

use crate::{Bucket, Identity, Rate, Refusal};

/// How many refusals end a session that never comes to rest in between.
const RATE_STRIKES_MAX: u32 = 100;
/// WebSocket pings and pongs of the peer: a heartbeat needs a few a minute.
const SIGNS_OF_LIFE: Rate = Rate {
    per_minute: 600,
    burst: 100,
};

/// What happened to a connection.
#[derive(Debug)]
pub enum Input<'a> {
    /// The socket is open; the handshake may have carried a credential.
    Opened {
        /// From the `Authorization` header or the query.
        token: Option<String>,
        /// Where to resume.
        cursor: Option<String>,
    },
    /// A text frame arrived.
    Text(&'a str),
    /// A binary frame arrived; this protocol has none.
    Binary,
    /// The peer showed a sign of life that is not a frame (a WebSocket ping or pong).
    Alive,
    /// The answer to [`Output::Authenticate`].
    Authenticated {
        /// The `ref` of the frame that carried the token.
        reference: Option<Ref>,
        /// Who it is, or why not.
        result: Result<Identity, Refusal>,
    },
    /// The answer to [`Output::Attach`]: the connection hears its conversations from here on.
    Attached {
        /// Names the store's history.
        epoch: String,
        /// Where this connection starts.
        cursor: String,
    },
    /// Attaching failed, so nothing can be promised to this connection.
    AttachFailed,
    /// [`Session::deadline`] has passed.
    Timer,
    /// A command was done or refused.
    Replied(Result<ServerFrame, (Option<Ref>, Refusal)>),
    /// The server drains: say when to come back, then close.
    Drain {
        /// How long this client waits, in milliseconds.
        after_ms: u64,
    },
    /// The hub ends the connection (revoked, too slow).
    Ended(CloseCode),
}

/// What must be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Verify a token and answer with [`Input::Authenticated`].
    Authenticate {
        /// Passed back.
        reference: Option<Ref>,
        /// The credential.
        token: String,
    },
    /// Join the user's topics and answer with [`Input::Attached`].
    Attach {
        /// Who it is.
        identity: Identity,
    },
    /// Execute a command and answer with [`Input::Replied`].
    Execute {
        /// Passed back.
        reference: Option<Ref>,
        /// What to do.
        command: Command,
    },
    /// Write a frame.
    Send(ServerFrame),
    /// Write a transport-level ping.
    Ping,
    /// Write what waits, then close with this code.
    Close(CloseCode),
}

/// What a client asks for over a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Send a message.
    Send {
        /// Where to.
        conversation_id: ConversationId,
        /// What.
        body: SendMessage,
    },
    /// Move a cursor of the caller.
    Receipt {
        /// Where.
        conversation_id: ConversationId,
        /// Which cursor.
        status: ReceiptStatus,
        /// Up to which message.
        seq: i64,
    },
}

/// The bounds of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Commands per minute and at once.
    pub commands: Rate,
}

/// Where a session stands. An ended one takes no input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No credential yet.
    Anonymous { deadline_ms: u64 },
    /// A credential is being verified.
    Verifying { deadline_ms: u64 },
    /// Verified; joining topics.
    Attaching,
    /// Live.
    Live,
    /// Nothing more is said.
    Ended,
}

/// The state machine of one connection.
#[derive(Debug)]
pub struct Session {
    state: State,
    limits: SessionLimits,
    commands: Bucket,
    signs_of_life: Bucket,
    strikes: u32,
    /// When the peer last showed a sign of life.
    heard_ms: u64,
    /// Whether a ping is out since then.
    pinged: bool,
    /// When the credential ends.
    expires_ms: u64,
    user_id: Option<UserId>,
    session_id: Option<SessionId>,
}

impl Session {
    /// A session that opens now.
    pub fn new(limits: SessionLimits, now_ms: u64) -> Self {
        Self {
            state: State::Anonymous {
                deadline_ms: now_ms + AUTH_DEADLINE_MS,
            },
            limits,
            commands: Bucket::default(),
            signs_of_life: Bucket::default(),
            strikes: 0,
            heard_ms: now_ms,
            pinged: false,
            expires_ms: u64::MAX,
            user_id: None,
            session_id: None,
        }
    }

    /// When [`Input::Timer`] is due, if ever.
    pub fn deadline(&self) -> Option<u64> {
        let heartbeat = self.heard_ms + HEARTBEAT_MS * if self.pinged { 2 } else { 1 };
        match self.state {
            State::Anonymous { deadline_ms } | State::Verifying { deadline_ms } => {
                Some(deadline_ms)
            }
            State::Live => Some(heartbeat.min(self.expires_ms)),
            State::Attaching | State::Ended => None,
        }
    }

    /// Whether commands are taken: frames that come earlier wait in the socket.
    pub fn reads(&self) -> bool {
        matches!(self.state, State::Anonymous { .. } | State::Live)
    }

    /// Takes one input and appends what must be done.
    pub fn handle(&mut self, input: Input<'_>, now_ms: u64, out: &mut Vec<Output>) {
        if self.state == State::Ended {
            return;
        }
        match input {
            Input::Opened { token, cursor: _ } => {
                if let Some(token) = token {
                    self.verify(None, token, now_ms, out);
                }
            }
            Input::Text(text) => {
                self.alive(now_ms);
                self.frame(text, now_ms, out);
            }
            Input::Binary => self.end(CloseCode::BadFrame, out),
            Input::Alive => {
                self.alive(now_ms);
                if self.signs_of_life.take(SIGNS_OF_LIFE, now_ms).is_err() {
                    self.strike(out);
                }
            }
            Input::Authenticated { reference, result } => {
                self.authenticated(reference, result, now_ms, out);
            }
            Input::Attached { epoch, cursor } => self.attached(epoch, cursor, out),
            Input::AttachFailed => self.end(CloseCode::Restart, out),
            Input::Timer => self.timer(now_ms, out),
            Input::Replied(Ok(frame)) => out.push(Output::Send(frame)),
            Input::Replied(Err((reference, refusal))) => out.push(error(reference, refusal)),
            Input::Drain { after_ms } => {
                out.push(Output::Send(ServerFrame::Reconnect { after_ms }));
                self.end(CloseCode::Restart, out);
            }
            Input::Ended(code) => self.end(code, out),
        }
    }

    fn alive(&mut self, now_ms: u64) {
        self.heard_ms = now_ms;
        self.pinged = false;
    }

    fn end(&mut self, code: CloseCode, out: &mut Vec<Output>) {
        self.state = State::Ended;
        out.push(Output::Close(code));
    }

    fn verify(
        &mut self,
        reference: Option<Ref>,
        token: String,
        now_ms: u64,
        out: &mut Vec<Output>,
    ) {
        if let State::Anonymous { deadline_ms } = self.state {
            self.state = State::Verifying {
                deadline_ms: deadline_ms.max(now_ms),
            };
        }
        out.push(Output::Authenticate { reference, token });
    }

    fn frame(&mut self, text: &str, now_ms: u64, out: &mut Vec<Output>) {
        let frame = match ClientFrame::parse(text) {
            Ok(frame) => frame,
            Err(FrameError::Invalid { reference, detail }) if self.state == State::Live => {
                if self.within_rate(reference.as_ref(), now_ms, out) {
                    out.push(error(reference, Refusal::new(Code::InvalidRequest, detail)));
                }
                return;
            }
            Err(FrameError::Invalid { .. } | FrameError::Bad(_)) => {
                return self.end(CloseCode::BadFrame, out);
            }
        };
        match (frame, self.state) {
            (
                ClientFrame::Auth {
                    reference,
                    token,
                    cursor: _,
                },
                State::Anonymous { .. } | State::Live,
            ) => {
                if self.within_rate(reference.as_ref(), now_ms, out) {
                    self.verify(reference, token, now_ms, out);
                }
            }
            (frame, State::Live) => {
                if self.within_rate(frame.reference(), now_ms, out) {
                    command(frame, out);
                }
            }
            // A command before the credential: the client is not one of ours.
            (_, _) => self.end(CloseCode::Unauthorized, out),
        }
    }

    /// Takes one command from the allowance; a client that goes on regardless is closed.
    fn within_rate(&mut self, reference: Option<&Ref>, now_ms: u64, out: &mut Vec<Output>) -> bool {
        // Only a client that came to rest is forgiven: one that keeps sending at twice the rate
        // has every other command taken, and would never have many refused in a row.
        if self.commands.is_full(now_ms) {
            self.strikes = 0;
        }
        let Err(wait_ms) = self.commands.take(self.limits.commands, now_ms) else {
            return true;
        };
        if !self.strike(out) {
            out.push(error(reference.cloned(), Refusal::rate_limited(wait_ms)));
        }
        false
    }

    /// Counts one thing too many; `true` when that was the last.
    fn strike(&mut self, out: &mut Vec<Output>) -> bool {
        self.strikes += 1;
        let last = self.strikes > RATE_STRIKES_MAX;
        if last {
            self.end(CloseCode::RateLimited, out);
        }
        last
    }

    fn authenticated(
        &mut self,
        reference: Option<Ref>,
        result: Result<Identity, Refusal>,
        now_ms: u64,
        out: &mut Vec<Output>,
    ) {
        match (result, self.state) {
            (Ok(identity), State::Verifying { .. }) => {
                self.expires_ms = now_ms.saturating_add(identity.expires_in_ms);
                self.user_id = Some(identity.actor.user_id.clone());
                self.session_id = identity.actor.session_id;
                self.state = State::Attaching;
                out.push(Output::Attach { identity });
            }
            // A newer token for the same person and device prolongs the session; another person's never does.
            (Ok(identity), State::Live) => {
                if Some(&identity.actor.user_id) == self.user_id.as_ref()
                    && identity.actor.session_id == self.session_id
                {
                    self.expires_ms = now_ms.saturating_add(identity.expires_in_ms);
                    out.push(Output::Send(ServerFrame::Ack {
                        reference,
                        message: None,
                    }));
                } else {
                    self.end(CloseCode::Unauthorized, out);
                }
            }
            (Err(refusal), _) => {
                let code = match refusal.code {
                    // A store that cannot be asked is no verdict on the token.
                    Code::Unavailable => CloseCode::Restart,
                    Code::SessionRevoked => CloseCode::Revoked,
                    _ => CloseCode::Unauthorized,
                };
                self.end(code, out);
            }
            (Ok(_), _) => {}
        }
    }

    fn attached(&mut self, epoch: String, cursor: String, out: &mut Vec<Output>) {
        let (State::Attaching, Some(user_id)) = (self.state, self.user_id.clone()) else {
            return;
        };
        self.state = State::Live;
        out.push(Output::Send(ServerFrame::Connected {
            user_id,
            session_id: self.session_id,
            epoch,
            cursor,
            heartbeat_ms: HEARTBEAT_MS,
            resumed: false,
        }));
    }

    fn timer(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        if self
            .deadline()
            .is_none_or(|deadline_ms| now_ms < deadline_ms)
        {
            return;
        }
        match self.state {
            State::Anonymous { .. } | State::Verifying { .. } => {
                self.end(CloseCode::Unauthorized, out);
            }
            State::Live if now_ms >= self.expires_ms => self.end(CloseCode::Unauthorized, out),
            State::Live if self.pinged => self.end(CloseCode::HeartbeatMissed, out),
            State::Live => {
                self.pinged = true;
                out.push(Output::Ping);
            }
            State::Attaching | State::Ended => {}
        }
    }
}

fn command(frame: ClientFrame, out: &mut Vec<Output>) {
    out.push(match frame {
        ClientFrame::Ping { reference } => Output::Send(ServerFrame::Pong { reference }),
        ClientFrame::MessageSend {
            reference,
            conversation_id,
            content,
            client_id,
            attachments,
            reply_to,
            thread_id,
            mentions,
        } => {
            let body = SendMessage {
                content,
                client_id,
                attachments,
                reply_to,
                thread_id,
                mentions,
            };
            Output::Execute {
                reference,
                command: Command::Send {
                    conversation_id,
                    body,
                },
            }
        }
        ClientFrame::ReceiptDelivered {
            reference,
            conversation_id,
            seq,
        } => receipt(reference, conversation_id, ReceiptStatus::Delivered, seq),
        ClientFrame::ReceiptRead {
            reference,
            conversation_id,
            seq,
        } => receipt(reference, conversation_id, ReceiptStatus::Read, seq),
        ClientFrame::Auth { .. } => return,
    });
}

fn receipt(
    reference: Option<Ref>,
    conversation_id: ConversationId,
    status: ReceiptStatus,
    seq: i64,
) -> Output {
    Output::Execute {
        reference,
        command: Command::Receipt {
            conversation_id,
            status,
            seq,
        },
    }
}

fn error(reference: Option<Ref>, refusal: Refusal) -> Output {
    let Refusal {
        code,
        detail,
        retry_after_ms,
        fields: _,
    } = refusal;
    Output::Send(ServerFrame::Error {
        reference,
        code,
        detail,
        retry_after_ms,
    })
}

#[cfg(test)]
mod tests;
