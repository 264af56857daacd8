//! The life of one connection: hello, credential, commands, heartbeat, limits, drain.
//!
//! A state machine without I/O: [`Session::handle`] takes what happened and the time, and appends
//! what must be done to a list. The transport drives it: it reads frames, runs the outputs and
//! comes back at [`Session::deadline`]. Every transport drives the same machine.
//!
//! Time is a monotonic count of milliseconds chosen by the driver, so a wall clock set back ends
//! no session.

use parlor_protocol::{
    ClientFrame, CloseCode, Code, ConversationId, DeviceStatus, FrameError, MessageId,
    ReceiptStatus, Ref, SendMessage, ServerFrame, SessionId, SyncPage, UserId,
    limits::{AUTH_DEADLINE_MS, HEARTBEAT_JITTER_PERCENT, HEARTBEAT_MS},
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
        /// Whether what was missed since that cursor is to be sent before anything live.
        resumes: bool,
    },
    /// The answer to [`Output::Sync`].
    Synced(Box<SyncPage>),
    /// Attaching or reading what was missed failed, so nothing can be promised to this connection.
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
        /// Where the client stands, if it resumes.
        cursor: Option<String>,
    },
    /// Read the next page of what was missed and answer with [`Input::Synced`].
    Sync {
        /// Where it begins.
        cursor: String,
    },
    /// Write a pong behind everything that waits for this connection, with the cursor of that place.
    Pong {
        /// Passed back.
        reference: Option<Ref>,
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
    /// Change the text of one's own message.
    Edit {
        /// Where.
        conversation_id: ConversationId,
        /// Which.
        message_id: MessageId,
        /// The new text.
        content: String,
    },
    /// Delete a message for everyone.
    Delete {
        /// Where.
        conversation_id: ConversationId,
        /// Which.
        message_id: MessageId,
    },
    /// Put an emoji on a message, or take it off.
    React {
        /// Where.
        conversation_id: ConversationId,
        /// Which message.
        message_id: MessageId,
        /// Which emoji.
        emoji: String,
        /// Whether it is put on.
        on: bool,
    },
    /// Read what has changed.
    Sync {
        /// Where the client stands.
        cursor: Option<String>,
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
    /// Say whether the caller is writing.
    Typing {
        /// Where.
        conversation_id: ConversationId,
        /// Whether they are.
        on: bool,
    },
    /// Say whether this device is in use.
    SetPresence(DeviceStatus),
    /// Hear who of these people is here.
    WatchPresence(Vec<UserId>),
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
    /// What was missed is being sent; live frames wait.
    Resuming,
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
    /// Where the client wants to resume.
    cursor: Option<String>,
    /// This socket's own heartbeat.
    heartbeat_ms: u64,
}

/// Heartbeats are due at multiples of this, in milliseconds.
const HEARTBEAT_TICK_MS: u64 = 500;

impl Session {
    /// A session that opens now. `random` is between 0 and 1 and spreads the heartbeats: sockets
    /// that opened together must not ping together.
    pub fn new(limits: SessionLimits, random: f64, now_ms: u64) -> Self {
        let spread = HEARTBEAT_JITTER_PERCENT as f64 / 100.0;
        let factor = 1.0 - spread + 2.0 * spread * random.clamp(0.0, 1.0);
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
            cursor: None,
            heartbeat_ms: (HEARTBEAT_MS as f64 * factor) as u64,
        }
    }

    /// When [`Input::Timer`] is due, if ever.
    pub fn deadline(&self) -> Option<u64> {
        let heartbeat = self.heard_ms + self.heartbeat_ms * if self.pinged { 2 } else { 1 };
        // Many at once: a server that wakes up for each of its sockets by itself does little else.
        let heartbeat = heartbeat.next_multiple_of(HEARTBEAT_TICK_MS);
        match self.state {
            State::Anonymous { deadline_ms } | State::Verifying { deadline_ms } => {
                Some(deadline_ms)
            }
            State::Live => Some(heartbeat.min(self.expires_ms)),
            State::Attaching | State::Resuming | State::Ended => None,
        }
    }

    /// Whether commands are taken: frames that come earlier wait in the socket.
    pub fn reads(&self) -> bool {
        matches!(self.state, State::Anonymous { .. } | State::Live)
    }

    /// Whether live frames may be written: those of a session that resumes wait for what was missed.
    pub fn hears(&self) -> bool {
        self.state == State::Live
    }

    /// Takes one input and appends what must be done.
    pub fn handle(&mut self, input: Input<'_>, now_ms: u64, out: &mut Vec<Output>) {
        if self.state == State::Ended {
            return;
        }
        match input {
            Input::Opened { token, cursor } => {
                self.cursor = cursor;
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
            Input::Attached {
                epoch,
                cursor,
                resumes,
            } => self.attached(epoch, cursor, resumes, now_ms, out),
            Input::Synced(page) => self.synced(page, now_ms, out),
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
                    cursor,
                },
                State::Anonymous { .. } | State::Live,
            ) => {
                // Only the first one says where to resume; a newer token changes no position.
                self.cursor = cursor.or(self.cursor.take());
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
                let cursor = self.cursor.take();
                out.push(Output::Attach { identity, cursor });
            }
            // A newer token for the same person and device prolongs the session; another person's never does.
            (Ok(identity), State::Live) => {
                if Some(&identity.actor.user_id) == self.user_id.as_ref()
                    && identity.actor.session_id == self.session_id
                {
                    self.expires_ms = now_ms.saturating_add(identity.expires_in_ms);
                    out.push(Output::Send(ServerFrame::done(reference)));
                } else {
                    self.end(CloseCode::Unauthorized, out);
                }
            }
            (Err(refusal), _) => {
                let code = match refusal.code {
                    // A store that cannot be asked is no verdict on the token.
                    Code::Unavailable
                    | Code::UnknownOutcome
                    | Code::StorageFull
                    | Code::Internal => CloseCode::Restart,
                    Code::SessionRevoked => CloseCode::Revoked,
                    _ => CloseCode::Unauthorized,
                };
                self.end(code, out);
            }
            (Ok(_), _) => {}
        }
    }

    fn attached(
        &mut self,
        epoch: String,
        cursor: String,
        resumes: bool,
        now_ms: u64,
        out: &mut Vec<Output>,
    ) {
        let (State::Attaching, Some(user_id)) = (self.state, self.user_id.clone()) else {
            return;
        };
        out.push(Output::Send(ServerFrame::Connected {
            user_id,
            session_id: self.session_id,
            epoch,
            cursor: cursor.clone(),
            heartbeat_ms: self.heartbeat_ms,
            resumed: resumes,
        }));
        if resumes {
            self.state = State::Resuming;
            out.push(Output::Sync { cursor });
        } else {
            self.live(now_ms);
        }
    }

    fn synced(&mut self, page: Box<SyncPage>, now_ms: u64, out: &mut Vec<Output>) {
        if self.state != State::Resuming {
            return;
        }
        let next = page.has_more.then(|| page.cursor.clone());
        out.push(Output::Send(ServerFrame::Sync { page }));
        match next {
            Some(cursor) => out.push(Output::Sync { cursor }),
            None => self.live(now_ms),
        }
    }

    fn live(&mut self, now_ms: u64) {
        self.state = State::Live;
        // The heartbeat counts from here: while it resumed nothing was read.
        self.alive(now_ms);
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
            State::Attaching | State::Resuming | State::Ended => {}
        }
    }
}

fn command(frame: ClientFrame, out: &mut Vec<Output>) {
    let (reference, command) = match frame {
        ClientFrame::Auth { .. } => return,
        ClientFrame::Ping { reference } => return out.push(Output::Pong { reference }),
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
            let command = Command::Send {
                conversation_id,
                body,
            };
            (reference, command)
        }
        ClientFrame::MessageEdit {
            reference,
            conversation_id,
            message_id,
            content,
        } => {
            let command = Command::Edit {
                conversation_id,
                message_id,
                content,
            };
            (reference, command)
        }
        ClientFrame::MessageDelete {
            reference,
            conversation_id,
            message_id,
        } => {
            let command = Command::Delete {
                conversation_id,
                message_id,
            };
            (reference, command)
        }
        ClientFrame::ReactionAdd {
            reference,
            conversation_id,
            message_id,
            emoji,
        } => (
            reference,
            reaction(conversation_id, message_id, emoji, true),
        ),
        ClientFrame::ReactionRemove {
            reference,
            conversation_id,
            message_id,
            emoji,
        } => (
            reference,
            reaction(conversation_id, message_id, emoji, false),
        ),
        ClientFrame::ReceiptDelivered {
            reference,
            conversation_id,
            seq,
        } => (
            reference,
            receipt(conversation_id, ReceiptStatus::Delivered, seq),
        ),
        ClientFrame::ReceiptRead {
            reference,
            conversation_id,
            seq,
        } => (
            reference,
            receipt(conversation_id, ReceiptStatus::Read, seq),
        ),
        ClientFrame::TypingStart {
            reference,
            conversation_id,
        } => (reference, typing(conversation_id, true)),
        ClientFrame::TypingStop {
            reference,
            conversation_id,
        } => (reference, typing(conversation_id, false)),
        ClientFrame::PresenceSet { reference, status } => (reference, Command::SetPresence(status)),
        ClientFrame::PresenceWatch {
            reference,
            user_ids,
        } => (reference, Command::WatchPresence(user_ids)),
        ClientFrame::Sync { reference, cursor } => (reference, Command::Sync { cursor }),
    };
    out.push(Output::Execute { reference, command });
}

fn reaction(
    conversation_id: ConversationId,
    message_id: MessageId,
    emoji: String,
    on: bool,
) -> Command {
    Command::React {
        conversation_id,
        message_id,
        emoji,
        on,
    }
}

fn receipt(conversation_id: ConversationId, status: ReceiptStatus, seq: i64) -> Command {
    Command::Receipt {
        conversation_id,
        status,
        seq,
    }
}

fn typing(conversation_id: ConversationId, on: bool) -> Command {
    Command::Typing {
        conversation_id,
        on,
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
