//! The WebSocket: frames in, frames out. What they mean is decided by `core::session`.
//!
//! One task for each socket. While it waits it owns no buffer: the read buffer is small, the
//! outbox is empty, and what waits to be written is written at once.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use axum::{
    extract::{
        State,
        ws::{
            CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade,
            rejection::WebSocketUpgradeRejection,
        },
    },
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use futures_util::{SinkExt, StreamExt, stream::FuturesUnordered};
use parlor_app::{App, Credential};
use parlor_core::{
    Actor, Identity, Refusal,
    session::{Command, Input, Output, Session, SessionLimits},
};
use parlor_hub::{Connection, Drained};
use parlor_protocol::{CloseCode, Code, Ref, ServerFrame, SyncPage, limits::FRAME_BYTES_MAX};
use serde::Deserialize;
use tokio::time::{Instant, Sleep, timeout};
use tungstenite::error::{CapacityError, ProtocolError};

use crate::{
    auth::bearer,
    extract::Query,
    problem::ApiError,
    state::{Gateway, SocketPlace},
};

/// Read at once from a socket: most commands fit, larger frames grow the buffer for their time.
const READ_BUFFER_BYTES: usize = 1024;
/// Gathered before a write: one write for all that waits, up to this size.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;
/// Held at most while the kernel takes no more. The largest frame must fit, and that is a page of a
/// sync: its text is bounded by 2 MiB, which escapes and the fields around it can make 8 MiB.
const WRITE_BUFFER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a write may take before its reader counts as stalled.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a close may take, including the peer's answer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long joining the user's conversations may take, and each page of what was missed.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a command may wait for the store.
const COMMAND_DEADLINE: Duration = Duration::from_secs(20);
/// Commands of one socket under way at once; more wait in the socket.
const IN_FLIGHT_MAX: usize = 64;
/// Spread of reconnects after a drain: at least, for each socket, and at most.
const RECONNECT_SPREAD_MS: (u64, u64, u64) = (2_000, 1, 30_000);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handshake {
    token: Option<String>,
    cursor: Option<String>,
}

/// `GET /api/v1/ws`, also `/api/ws` and `/messages/subscribe`.
pub(crate) async fn upgrade(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    Query(handshake): Query<Handshake>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            let detail = format!("not a WebSocket handshake: {rejection}");
            return ApiError(Refusal::new(Code::InvalidRequest, detail)).into_response();
        }
    };
    let crowded = |what: &str| {
        let refusal = Refusal {
            // Another wait for each, or they would all come back together.
            retry_after_ms: Some(2_000 + (random() * 8_000.0) as u64),
            ..Refusal::new(Code::Unavailable, what)
        };
        ApiError(refusal).into_response()
    };
    // Those who are here go before those who come: a new socket costs more than many messages.
    if gateway.app().is_crowded() {
        return crowded("too many sockets are being opened");
    }
    let Some(place) = gateway.socket_place() else {
        return crowded("too many sockets");
    };
    let token = bearer(&headers).map(str::to_owned).or(handshake.token);
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .on_upgrade(move |socket| run(socket, gateway, place, token, handshake.cursor))
}

type Reply = Result<ServerFrame, (Option<Ref>, Refusal)>;
type Pending = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// One socket and what it is doing.
struct Driver {
    gateway: Gateway,
    socket: WebSocket,
    session: Session,
    connection: Option<Arc<Connection>>,
    actor: Option<Actor>,
    in_flight: FuturesUnordered<Pending>,
    /// What the session wants done; empty between two inputs.
    outputs: Vec<Output>,
}

async fn run(
    socket: WebSocket,
    gateway: Gateway,
    _place: SocketPlace,
    token: Option<String>,
    cursor: Option<String>,
) {
    let limits = SessionLimits {
        commands: gateway.config().commands,
    };
    let session = Session::new(limits, random(), gateway.now_ms());
    let mut driver = Driver {
        gateway,
        socket,
        session,
        connection: None,
        actor: None,
        in_flight: FuturesUnordered::new(),
        outputs: Vec::new(),
    };
    driver.live(token, cursor).await;
    if let Some(connection) = driver.connection.take() {
        driver.gateway.app().detach(&connection);
    }
}

/// What a socket's task woke up for.
enum Woken {
    Frame(Option<Result<Message, axum::Error>>),
    Outbox(Drained),
    Reply(Reply),
    Timer,
    Drain,
}

impl Driver {
    async fn live(&mut self, token: Option<String>, cursor: Option<String>) {
        let mut draining = self.gateway.draining();
        let mut timer = std::pin::pin!(tokio::time::sleep_until(self.deadline()));
        if self.input(Input::Opened { token, cursor }).await.is_err() {
            return;
        }
        loop {
            self.arm(timer.as_mut());
            let reads = self.session.reads() && self.in_flight.len() < IN_FLIGHT_MAX;
            let connection = self.connection.clone();
            let woken = tokio::select! {
                frame = self.socket.recv(), if reads => Woken::Frame(frame),
                drained = drain(connection.as_deref()), if self.session.hears() => Woken::Outbox(drained),
                Some(reply) = self.in_flight.next(), if !self.in_flight.is_empty() => Woken::Reply(reply),
                () = timer.as_mut() => Woken::Timer,
                _ = draining.wait_for(|draining| *draining) => Woken::Drain,
            };
            let going_on = match woken {
                Woken::Frame(frame) => self.frame(frame).await,
                Woken::Outbox(drained) => self.write(drained).await,
                Woken::Reply(reply) => self.replied(reply).await,
                Woken::Timer => self.input(Input::Timer).await,
                Woken::Drain => self.drained().await,
            };
            if going_on.is_err() {
                return;
            }
        }
    }

    fn deadline(&self) -> Instant {
        // Only a session that is being attached has none, and attaching has a deadline of its own.
        let ms = self
            .session
            .deadline()
            .unwrap_or(self.gateway.now_ms() + 60_000);
        Instant::from_std(self.gateway.started() + Duration::from_millis(ms))
    }

    /// Moves the timer only when it is due earlier or has fired: a frame need not touch the wheel.
    fn arm(&self, timer: Pin<&mut Sleep>) {
        let deadline = self.deadline();
        if deadline < timer.deadline() || timer.is_elapsed() {
            timer.reset(deadline);
        }
    }

    async fn frame(&mut self, frame: Option<Result<Message, axum::Error>>) -> Result<(), Gone> {
        match frame {
            Some(Ok(Message::Text(text))) => self.input(Input::Text(text.as_str())).await,
            Some(Ok(Message::Binary(_))) => self.input(Input::Binary).await,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => self.input(Input::Alive).await,
            Some(Ok(Message::Close(_))) => {
                // The answer to the peer's close is queued; it must also leave.
                drop(timeout(CLOSE_TIMEOUT, self.socket.flush()).await);
                Err(Gone)
            }
            None => Err(Gone),
            Some(Err(error)) => {
                if let Some(code) = close_code(&error) {
                    self.close(code, "").await;
                }
                Err(Gone)
            }
        }
    }

    /// A page must not overtake what was announced before it was read: a cursor that moved has no
    /// version that would tell it from news.
    async fn replied(&mut self, reply: Reply) -> Result<(), Gone> {
        if matches!(reply, Ok(ServerFrame::Ack { page: Some(_), .. }))
            && let Some(connection) = self.connection.clone()
            && let Some(drained) = connection.outbox().try_drain()
        {
            self.write(drained).await?;
        }
        self.input(Input::Replied(reply)).await
    }

    /// Before it closes, a drained socket gets the answers of the commands that are under way.
    async fn drained(&mut self) -> Result<(), Gone> {
        while let Ok(Some(reply)) = timeout(CLOSE_TIMEOUT, self.in_flight.next()).await {
            self.replied(reply).await?;
        }
        if let Some(connection) = self.connection.clone() {
            connection.outbox().end(CloseCode::Restart);
            for frame in connection.outbox().drain().await.frames {
                self.feed(frame.bytes).await?;
            }
        }
        let (least_ms, each_ms, most_ms) = RECONNECT_SPREAD_MS;
        let spread_ms = (self.gateway.sockets() as u64 * each_ms).clamp(least_ms, most_ms);
        let after_ms = (random() * spread_ms as f64) as u64;
        self.input(Input::Drain { after_ms }).await
    }

    /// Writes what waited. A reader that holds the write up must not hold up the end of its socket.
    async fn write(&mut self, drained: Drained) -> Result<(), Gone> {
        let Some(connection) = self.connection.clone() else {
            return Ok(());
        };
        let written = async {
            for frame in drained.frames {
                self.feed(frame.bytes).await?;
            }
            self.flush().await
        };
        let ended = tokio::select! {
            biased;
            written = written => {
                written?;
                drained.ended
            }
            code = connection.outbox().ended() => Some(code),
        };
        match ended {
            Some(code) => self.input(Input::Ended(code)).await,
            None => Ok(()),
        }
    }

    /// Gives the session one input and does what it wants, and what follows from that.
    async fn input(&mut self, input: Input<'_>) -> Result<(), Gone> {
        self.session
            .handle(input, self.gateway.now_ms(), &mut self.outputs);
        let mut wrote = false;
        while !self.outputs.is_empty() {
            for output in std::mem::take(&mut self.outputs) {
                match output {
                    Output::Authenticate { reference, token } => {
                        let result = authenticate(self.gateway.app(), &token).await;
                        let input = Input::Authenticated { reference, result };
                        self.session
                            .handle(input, self.gateway.now_ms(), &mut self.outputs);
                    }
                    Output::Attach { identity, cursor } => {
                        self.attach(identity.actor, cursor).await;
                    }
                    Output::Sync { cursor } => self.resume(&cursor).await,
                    Output::Pong { reference } => self.pong(reference),
                    Output::Execute { reference, command } => self.execute(reference, command),
                    Output::Send(frame) => {
                        self.feed(frame.encode().into()).await?;
                        wrote = true;
                    }
                    Output::Ping => {
                        self.guarded_feed(Message::Ping(bytes::Bytes::new()))
                            .await?;
                        wrote = true;
                    }
                    Output::Close(code) => {
                        self.close(code.number(), code.reason()).await;
                        return Err(Gone);
                    }
                }
            }
        }
        if wrote { self.flush().await } else { Ok(()) }
    }

    async fn attach(&mut self, actor: Actor, cursor: Option<String>) {
        let app = self.gateway.app().clone();
        let attached = timeout(ATTACH_TIMEOUT, app.attach(&actor, cursor))
            .await
            .unwrap_or_else(|_| Err(too_slow()));
        let input = match attached {
            Ok(attached) => {
                self.connection = Some(attached.connection);
                self.actor = Some(actor);
                Input::Attached {
                    epoch: app.epoch().to_owned(),
                    cursor: attached.cursor,
                    resumes: attached.resumes,
                }
            }
            Err(refusal) => not_attached(&refusal),
        };
        self.session
            .handle(input, self.gateway.now_ms(), &mut self.outputs);
    }

    /// Reads the next page of what was missed. Live frames gather in the outbox meanwhile.
    async fn resume(&mut self, cursor: &str) {
        let Some(actor) = &self.actor else { return };
        let app = self.gateway.app().clone();
        let input = if *self.gateway.draining().borrow() {
            Input::Ended(CloseCode::Restart)
        } else {
            let page = timeout(ATTACH_TIMEOUT, app.sync(actor, Some(cursor), None)).await;
            match page {
                Ok(Ok(page)) => Input::Synced(Box::new(page)),
                Ok(Err(refusal)) => not_attached(&refusal),
                Err(_) => Input::AttachFailed,
            }
        };
        self.session
            .handle(input, self.gateway.now_ms(), &mut self.outputs);
    }

    /// Behind everything that waits for this socket: what the cursor says was sent comes before it.
    fn pong(&self, reference: Option<Ref>) {
        if let (Some(connection), Some(actor)) = (&self.connection, &self.actor) {
            // The position first: what it covers was left out before this asks, or never.
            let cursor = self.gateway.app().position_cursor(&actor.user_id);
            let cursor = (!connection.outbox().is_lossy()).then_some(cursor);
            let frame = ServerFrame::Pong { reference, cursor };
            connection
                .outbox()
                .push(bytes::Bytes::from(frame.encode()).into());
        }
    }

    /// Starts a command. A change has its place in the queue when this returns, so that one
    /// socket's changes are stored in the order of their frames.
    fn execute(&mut self, reference: Option<Ref>, command: Command) {
        let Some(actor) = self.actor.clone() else {
            return;
        };
        let app = self.gateway.app().clone();
        let change = match command {
            Command::Send {
                conversation_id,
                body,
            } => {
                let pending = app.send(&actor, conversation_id, body);
                return self.answer(reference, async move {
                    let sent = pending?.committed().await?;
                    Ok(Done::Sent(sent.message))
                });
            }
            Command::Sync { cursor } => {
                return self.answer(reference, async move {
                    let page = app.sync(&actor, cursor.as_deref(), None).await?;
                    Ok(Done::Page(Box::new(page)))
                });
            }
            Command::Edit {
                conversation_id,
                message_id,
                content,
            } => {
                let pending = app.edit(&actor, conversation_id, message_id, content);
                return self.answer(reference, async move {
                    pending?.committed().await?;
                    Ok(Done::Changed)
                });
            }
            Command::Delete {
                conversation_id,
                message_id,
            } => app.delete(&actor, conversation_id, message_id),
            Command::React {
                conversation_id,
                message_id,
                emoji,
                on,
            } => app.react(&actor, conversation_id, message_id, emoji, on),
            Command::Receipt {
                conversation_id,
                status,
                seq,
            } => app.move_cursor(&actor, conversation_id, status, seq),
        };
        self.answer(reference, async move {
            change?.committed().await?;
            Ok(Done::Changed)
        });
    }

    /// Answers a command when its work ends, or when it has waited too long.
    fn answer(
        &mut self,
        reference: Option<Ref>,
        work: impl Future<Output = Result<Done, Refusal>> + Send + 'static,
    ) {
        self.in_flight.push(Box::pin(async move {
            let done = timeout(COMMAND_DEADLINE, work).await.unwrap_or_else(|_| {
                Err(Refusal::new(
                    Code::UnknownOutcome,
                    "no answer within the deadline: it may or may not have been done",
                ))
            });
            match done {
                Ok(done) => Ok(done.ack(reference)),
                Err(refusal) => Err((reference, refusal)),
            }
        }));
    }

    async fn feed(&mut self, frame: bytes::Bytes) -> Result<(), Gone> {
        let text = Utf8Bytes::try_from(frame).map_err(|_| Gone)?;
        self.guarded_feed(Message::Text(text)).await
    }

    /// A write that does not end means that nobody reads: the socket is closed as too slow.
    async fn guarded_feed(&mut self, message: Message) -> Result<(), Gone> {
        match timeout(WRITE_TIMEOUT, self.socket.feed(message)).await {
            Ok(result) => result.map_err(|_| Gone),
            Err(_) => Err(self.stalled().await),
        }
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        match timeout(WRITE_TIMEOUT, self.socket.flush()).await {
            Ok(result) => result.map_err(|_| Gone),
            Err(_) => Err(self.stalled().await),
        }
    }

    async fn stalled(&mut self) -> Gone {
        let code = CloseCode::TooSlow;
        self.close(code.number(), code.reason()).await;
        Gone
    }

    /// Says goodbye and waits a moment for the answer, so that the peer sees the code and not a reset.
    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        };
        let goodbye = async {
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        if timeout(CLOSE_TIMEOUT, goodbye).await.is_err() {
            tracing::debug!(code, "the peer did not answer the close");
        }
    }
}

/// What a command came to.
enum Done {
    Sent(Arc<parlor_protocol::Message>),
    Page(Box<SyncPage>),
    Changed,
}

impl Done {
    fn ack(self, reference: Option<Ref>) -> ServerFrame {
        match self {
            Self::Changed => ServerFrame::done(reference),
            Self::Sent(message) => ServerFrame::Ack {
                reference,
                message: Some(message.as_ref().into()),
                page: None,
            },
            Self::Page(page) => ServerFrame::Ack {
                reference,
                message: None,
                page: Some(page),
            },
        }
    }
}

/// Checks a token. Only the first sight of a host app's user waits for the store.
async fn authenticate(app: &App, token: &str) -> Result<Identity, Refusal> {
    match app.authenticate(token)? {
        Credential::Known(identity) => Ok(identity),
        // In a box: sockets that live long do not carry what happens once.
        Credential::FirstSight(first) => Box::pin(timeout(ATTACH_TIMEOUT, app.admit(*first)))
            .await
            .unwrap_or_else(|_| Err(too_slow())),
    }
}

fn too_slow() -> Refusal {
    Refusal::new(Code::Unavailable, "the database is too slow")
}

/// Why a socket cannot live.
fn not_attached(refusal: &Refusal) -> Input<'static> {
    match refusal.code {
        Code::SessionRevoked => Input::Ended(CloseCode::Revoked),
        Code::RateLimited => Input::Ended(CloseCode::RateLimited),
        Code::CursorNotUsable => Input::Ended(CloseCode::BadCursor),
        Code::Unauthorized => Input::Ended(CloseCode::Unauthorized),
        _ => Input::AttachFailed,
    }
}

/// Between 0 and 1. The low bits of an id are random.
fn random() -> f64 {
    f64::from(uuid::Uuid::now_v7().as_u128() as u32) / f64::from(u32::MAX)
}

/// The socket has ended; its task does too.
struct Gone;

async fn drain(connection: Option<&Connection>) -> Drained {
    match connection {
        Some(connection) => connection.outbox().drain().await,
        None => std::future::pending().await,
    }
}

/// The code for a frame that the WebSocket layer itself refuses; none when the peer just went away.
fn close_code(error: &axum::Error) -> Option<u16> {
    use std::error::Error;
    match error.source()?.downcast_ref::<tungstenite::Error>()? {
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            Some(CloseCode::TooBig.number())
        }
        tungstenite::Error::Utf8(_) => Some(CloseCode::NotUtf8.number()),
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        tungstenite::Error::Protocol(_) => Some(1002),
        _ => None,
    }
}
