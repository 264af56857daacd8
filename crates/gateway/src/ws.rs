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
use parlor_core::{
    Actor, Refusal,
    session::{Command, Input, Output, Session, SessionLimits},
};
use parlor_hub::{Connection, Drained};
use parlor_protocol::{CloseCode, Code, Ref, ServerFrame, limits::FRAME_BYTES_MAX};
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
/// Held at most while the kernel takes no more.
const WRITE_BUFFER_BYTES_MAX: usize = 512 * 1024;
/// How long a write may take before its reader counts as stalled.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a close may take, including the peer's answer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long joining the user's conversations may take.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a command may wait for the store.
const COMMAND_DEADLINE: Duration = Duration::from_secs(20);
/// Commands of one socket under way at once; more wait in the socket.
const IN_FLIGHT_MAX: usize = 64;
/// Spread of reconnects after a drain.
const RECONNECT_SPREAD_MS: u64 = 2_000;

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
    let Some(place) = gateway.socket_place() else {
        let refusal = Refusal {
            retry_after_ms: Some(5000),
            ..Refusal::new(Code::Unavailable, "too many sockets")
        };
        return ApiError(refusal).into_response();
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
    let session = Session::new(limits, gateway.now_ms());
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
                drained = drain(connection.as_deref()), if connection.is_some() => Woken::Outbox(drained),
                Some(reply) = self.in_flight.next(), if !self.in_flight.is_empty() => Woken::Reply(reply),
                () = timer.as_mut() => Woken::Timer,
                _ = draining.wait_for(|draining| *draining) => Woken::Drain,
            };
            let going_on = match woken {
                Woken::Frame(frame) => self.frame(frame).await,
                Woken::Outbox(drained) => self.write(drained).await,
                Woken::Reply(reply) => self.input(Input::Replied(reply)).await,
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

    /// Before it closes, a drained socket gets the answers of the commands that are under way.
    async fn drained(&mut self) -> Result<(), Gone> {
        while let Ok(Some(reply)) = timeout(CLOSE_TIMEOUT, self.in_flight.next()).await {
            self.input(Input::Replied(reply)).await?;
        }
        if let Some(connection) = self.connection.clone() {
            connection.outbox().end(CloseCode::Restart);
            for frame in connection.outbox().drain().await.frames {
                self.feed(frame).await?;
            }
        }
        // The low bits of an id are random.
        let after_ms = uuid::Uuid::now_v7().as_u128() as u64 % RECONNECT_SPREAD_MS;
        self.input(Input::Drain { after_ms }).await
    }

    /// Writes what waited. A reader that holds the write up must not hold up the end of its socket.
    async fn write(&mut self, drained: Drained) -> Result<(), Gone> {
        let Some(connection) = self.connection.clone() else {
            return Ok(());
        };
        let written = async {
            for frame in drained.frames {
                self.feed(frame).await?;
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
                        let result = self.gateway.app().authenticate(&token);
                        let input = Input::Authenticated { reference, result };
                        self.session
                            .handle(input, self.gateway.now_ms(), &mut self.outputs);
                    }
                    Output::Attach { identity } => self.attach(identity.actor).await,
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

    async fn attach(&mut self, actor: Actor) {
        let app = self.gateway.app().clone();
        let attached = timeout(ATTACH_TIMEOUT, app.attach(&actor))
            .await
            .unwrap_or_else(|_| Err(Refusal::new(Code::Unavailable, "the database is too slow")));
        let input = match attached {
            Ok(connection) => {
                self.connection = Some(connection);
                self.actor = Some(actor);
                Input::Attached {
                    epoch: app.epoch().to_owned(),
                    cursor: app.epoch().to_owned(),
                }
            }
            Err(refusal) if refusal.code == Code::SessionRevoked => {
                Input::Ended(CloseCode::Revoked)
            }
            Err(refusal) if refusal.code == Code::RateLimited => {
                Input::Ended(CloseCode::RateLimited)
            }
            Err(_) => Input::AttachFailed,
        };
        self.session
            .handle(input, self.gateway.now_ms(), &mut self.outputs);
    }

    /// Starts a command. A message has its place in the queue when this returns, so that one
    /// socket's messages are stored in the order of their frames.
    fn execute(&mut self, reference: Option<Ref>, command: Command) {
        let Some(actor) = self.actor.clone() else {
            return;
        };
        let app = self.gateway.app().clone();
        match command {
            Command::Send {
                conversation_id,
                body,
            } => {
                let pending = app.send(&actor, conversation_id, body);
                self.in_flight.push(Box::pin(async move {
                    let sent = match pending {
                        Ok(pending) => pending.committed().await,
                        Err(refusal) => Err(refusal),
                    };
                    match sent {
                        Ok(sent) => Ok(ServerFrame::Ack {
                            reference,
                            message: Some((&sent.message).into()),
                        }),
                        Err(refusal) => Err((reference, refusal)),
                    }
                }));
            }
            Command::Receipt {
                conversation_id,
                status,
                seq,
            } => {
                self.in_flight.push(Box::pin(async move {
                    let moving = app.move_cursor(&actor, conversation_id, status, seq);
                    let moved = timeout(COMMAND_DEADLINE, moving).await.unwrap_or_else(|_| {
                        Err(Refusal::new(
                            Code::UnknownOutcome,
                            "no answer within the deadline: a cursor may be moved again",
                        ))
                    });
                    match moved {
                        Ok(()) => Ok(ServerFrame::Ack {
                            reference,
                            message: None,
                        }),
                        Err(refusal) => Err((reference, refusal)),
                    }
                }));
            }
        }
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
