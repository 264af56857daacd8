//! The life of one socket: a task that drives its session.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use parlor_app::{App, Credential};
use parlor_core::{
    Actor, Identity, Refusal,
    session::{Command, Input, Output, Session, SessionLimits},
};
use parlor_hub::{Connection, Flushed, Frame, Trouble};
use parlor_protocol::{CloseCode, Code, Ref, ServerFrame, SyncPage, UserId};
use tokio::time::{Instant, Sleep, timeout};

use super::{
    frame::{self, Broken, Received},
    socket::{End, Socket},
};
use crate::state::{Gateway, SocketPlace};

/// How long the kernel may take nothing more before its reader counts as stalled.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the peer may take to read one page of what it missed.
const PAGE_TIMEOUT: Duration = Duration::from_mins(1);
/// What is said before the first page, in bytes at most.
const GREETING_BYTES_MAX: usize = 2048;
/// How long a close may take, including the peer's answer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long joining the user's conversations may take, and each page of what was missed.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a command may wait for the store.
const COMMAND_DEADLINE: Duration = Duration::from_secs(20);
/// Commands of one socket under way at once; more wait in the socket.
const IN_FLIGHT_MAX: usize = 64;
/// Of these, commands that read much: a page of a sync, the presence of many.
const SYNCS_IN_FLIGHT_MAX: usize = 2;
/// How long whoever asks for more is to wait.
const SYNC_WAIT_MS: u64 = 1_000;
/// Spread of reconnects after a drain: at least, for each socket, and at most.
const RECONNECT_SPREAD_MS: (u64, u64, u64) = (2_000, 1, 30_000);

type Reply = Result<ServerFrame, (Option<Ref>, Refusal)>;
type Pending = Pin<Box<dyn Future<Output = Reply> + Send>>;
type Drain = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One socket and what it is doing.
struct Driver {
    gateway: Gateway,
    socket: Socket,
    session: Session,
    connection: Option<Arc<Connection>>,
    actor: Option<Actor>,
    /// None while nothing is under way: most sockets wait most of the time.
    in_flight: Option<FuturesUnordered<Pending>>,
    /// `sync` and `presence.watch` commands among them.
    syncs_in_flight: Arc<()>,
    /// What the session wants done; empty between two inputs.
    outputs: Vec<Output>,
    /// Since when the kernel has taken nothing more.
    stuck_since: Option<Instant>,
    _place: SocketPlace,
}

/// Also where the task panics: the hub must not keep the line of a socket that nobody tends.
impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.gateway.app().detach(&connection);
        }
    }
}

/// The life of a socket. What it begins with is taken before there is a future that would keep room for it.
pub(super) fn run(
    socket: Socket,
    gateway: Gateway,
    place: SocketPlace,
    token: Option<String>,
    cursor: Option<String>,
) -> impl Future<Output = ()> + Send {
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
        in_flight: None,
        syncs_in_flight: Arc::new(()),
        outputs: Vec::new(),
        stuck_since: None,
        _place: place,
    };
    let opened = driver.input(Input::Opened { token, cursor });
    async move {
        if driver.goes_on(opened).await {
            driver.live().await;
        }
    }
}

/// What a socket's task woke up for.
enum Woken {
    Received(Result<Received, End>),
    Trouble(Trouble),
    Reply(Reply),
    /// Nothing else is ready, or the kernel takes more: what gathered is written.
    Rest,
    Timer,
    Drain,
}

/// What cannot be done at once. A socket that waits holds no room for it: it is done in a box.
enum Slow {
    /// What the session wants.
    Output(Box<Output>),
    /// Nobody reads.
    Stalled,
    /// The server drains.
    Drain,
    /// The peer said goodbye.
    Goodbye,
    /// The peer sends what nobody can read.
    Broken(Broken),
    /// The peer is gone.
    Gone,
}

impl Driver {
    async fn live(&mut self) {
        let mut timer = std::pin::pin!(tokio::time::sleep_until(self.deadline()));
        let mut drain = self.connection.is_none().then(|| self.drain());
        loop {
            if self.connection.is_some() {
                drain = None;
            }
            self.arm(timer.as_mut());
            self.socket.outbox().attend(self.in_flight.is_some());
            let woken = std::future::poll_fn(|context| {
                self.poll_woken(timer.as_mut(), drain.as_mut(), context)
            });
            let woken = woken.await;
            let slow = self.woken(woken);
            if !self.goes_on(slow).await {
                return;
            }
        }
    }

    /// In this order: everything that is ready is gathered before anything is written. Polled by hand,
    /// for a future for each of these would take more room in a socket that waits than all it knows.
    fn poll_woken(
        &mut self,
        timer: Pin<&mut Sleep>,
        drain: Option<&mut Drain>,
        context: &mut Context<'_>,
    ) -> Poll<Woken> {
        let is_stuck = self.stuck_since.is_some();
        if let Poll::Ready(trouble) = self.socket.outbox().poll_trouble(is_stuck, context) {
            return Poll::Ready(Woken::Trouble(trouble));
        }
        if let Poll::Ready(reply) = poll_next(&mut self.in_flight, context) {
            return Poll::Ready(Woken::Reply(reply));
        }
        let under_way = self.in_flight.as_ref().map_or(0, FuturesUnordered::len);
        if self.session.reads()
            && under_way < IN_FLIGHT_MAX
            && !is_stuck
            && let Poll::Ready(received) = self.socket.poll_receive(context)
        {
            return Poll::Ready(Woken::Received(received));
        }
        let rests = if is_stuck {
            self.socket.wire().poll_writable(context)
        } else {
            self.socket.outbox().poll_loaded(context)
        };
        if rests.is_ready() {
            return Poll::Ready(Woken::Rest);
        }
        if timer.poll(context).is_ready() {
            return Poll::Ready(Woken::Timer);
        }
        let drain = drain.map_or(Poll::Pending, |drain| drain.as_mut().poll(context));
        drain.map(|()| Woken::Drain)
    }

    /// Waits until the server stops, as long as the hub cannot end this socket.
    fn drain(&self) -> Drain {
        let mut draining = self.gateway.draining();
        Box::pin(async move { drop(draining.wait_for(|is| *is).await) })
    }

    /// Does at once what can be.
    fn woken(&mut self, woken: Woken) -> Option<Slow> {
        match woken {
            Woken::Received(Ok(received)) => self.received(received),
            Woken::Received(Err(End::Broken(broken))) => Some(Slow::Broken(broken)),
            Woken::Received(Err(End::Gone)) | Woken::Trouble(Trouble::Gone) => Some(Slow::Gone),
            Woken::Trouble(Trouble::Stuck) | Woken::Rest => self.flush(),
            Woken::Trouble(Trouble::Ended(CloseCode::Restart)) if self.is_draining() => {
                Some(Slow::Drain)
            }
            Woken::Trouble(Trouble::Ended(code)) => {
                self.socket.outbox().advance();
                self.input(Input::Ended(code))
            }
            Woken::Reply(reply) => self.replied(reply),
            Woken::Timer if self.stalls().is_some_and(|at| at <= Instant::now()) => {
                Some(Slow::Stalled)
            }
            Woken::Timer => self.input(Input::Timer),
            Woken::Drain => Some(Slow::Drain),
        }
    }

    /// Does what takes its time; `false` when the socket has ended.
    async fn goes_on(&mut self, slow: Option<Slow>) -> bool {
        match slow {
            None => true,
            Some(slow) => {
                self.socket.outbox().attend(false);
                // What the hub has for it must not wait for this.
                if self.connection.is_some() {
                    self.socket.outbox().flush();
                }
                Box::pin(self.slowly(slow)).await.is_ok()
            }
        }
    }

    async fn slowly(&mut self, slow: Slow) -> Result<(), Gone> {
        match slow {
            Slow::Output(output) => self.act_slowly(*output).await,
            Slow::Stalled => {
                self.close_with(CloseCode::TooSlow).await;
                Err(Gone)
            }
            Slow::Drain => self.drained().await,
            Slow::Goodbye => {
                drop(timeout(CLOSE_TIMEOUT, self.socket.flush()).await);
                Err(Gone)
            }
            Slow::Broken(broken) => {
                self.close(broken.code(), "").await;
                Err(Gone)
            }
            Slow::Gone => Err(Gone),
        }
    }

    fn deadline(&self) -> Instant {
        // Only a session that is being attached has none, and attaching has a deadline of its own.
        let ms = self
            .session
            .deadline()
            .unwrap_or(self.gateway.now_ms() + 60_000);
        let session = Instant::from_std(self.gateway.started() + Duration::from_millis(ms));
        self.stalls().map_or(session, |at| at.min(session))
    }

    /// When a reader that takes nothing counts as stalled.
    fn stalls(&self) -> Option<Instant> {
        self.stuck_since.map(|since| since + WRITE_TIMEOUT)
    }

    /// Moves the timer only when it is due earlier or has fired: a frame need not touch the wheel.
    fn arm(&self, timer: Pin<&mut Sleep>) {
        let deadline = self.deadline();
        if deadline < timer.deadline() || timer.is_elapsed() {
            timer.reset(deadline);
        }
    }

    fn received(&mut self, received: Received) -> Option<Slow> {
        match received {
            Received::Text(text) => self.input(Input::Text(&text)),
            Received::Binary => self.input(Input::Binary),
            Received::Ping(payload) => {
                self.socket.push(frame::pong(&payload));
                self.input(Input::Alive)
            }
            Received::Pong => self.input(Input::Alive),
            Received::Close(code) => {
                self.socket.outbox().finish(frame::close(code, ""));
                Some(Slow::Goodbye)
            }
        }
    }

    /// A page must not overtake what was announced before it was read: a cursor that moved has no
    /// version that would tell it from news.
    fn replied(&mut self, reply: Reply) -> Option<Slow> {
        if matches!(reply, Ok(ServerFrame::Ack { page: Some(_), .. })) {
            self.socket.outbox().advance();
        }
        self.input(Input::Replied(reply))
    }

    fn is_draining(&self) -> bool {
        *self.gateway.draining().borrow()
    }

    async fn next(&mut self) -> Reply {
        std::future::poll_fn(|context| poll_next(&mut self.in_flight, context)).await
    }

    /// Before it closes, a drained socket gets the answers of the commands that are under way.
    async fn drained(&mut self) -> Result<(), Gone> {
        while self.in_flight.is_some()
            && let Ok(reply) = timeout(CLOSE_TIMEOUT, self.next()).await
        {
            if let Some(Slow::Output(output)) = self.replied(reply) {
                self.act_slowly(*output).await?;
            }
        }
        self.socket.outbox().end(CloseCode::Restart);
        self.socket.outbox().advance();
        let (least_ms, each_ms, most_ms) = RECONNECT_SPREAD_MS;
        let spread_ms = (self.gateway.sockets() as u64 * each_ms).clamp(least_ms, most_ms);
        let after_ms = (random() * spread_ms as f64) as u64;
        match self.input(Input::Drain { after_ms }) {
            Some(Slow::Output(output)) => self.act_slowly(*output).await,
            _ => Err(Gone),
        }
    }

    /// Gives the session one input and does what it wants, up to the first thing that takes its time.
    fn input(&mut self, input: Input<'_>) -> Option<Slow> {
        self.session
            .handle(input, self.gateway.now_ms(), &mut self.outputs);
        self.act()
    }

    fn act(&mut self) -> Option<Slow> {
        let mut outputs = std::mem::take(&mut self.outputs).into_iter();
        while let Some(output) = outputs.next() {
            match output {
                Output::Pong { reference } => self.pong(reference),
                Output::Execute { reference, command } => self.execute(reference, command),
                Output::Send(frame) => self.socket.push(Frame::of(&frame).bytes),
                Output::Ping => self.socket.push(frame::ping()),
                slow @ (Output::Authenticate { .. }
                | Output::Attach { .. }
                | Output::Sync { .. }
                | Output::Close(_)) => {
                    self.outputs = outputs.collect();
                    return Some(Slow::Output(Box::new(slow)));
                }
            }
        }
        if self.session.hears() {
            self.socket.outbox().open();
        }
        None
    }

    /// Does what takes its time, and what follows from it.
    async fn act_slowly(&mut self, mut output: Output) -> Result<(), Gone> {
        loop {
            match output {
                Output::Authenticate { reference, token } => {
                    let result = authenticate(self.gateway.app(), &token).await;
                    let input = Input::Authenticated { reference, result };
                    self.session
                        .handle(input, self.gateway.now_ms(), &mut self.outputs);
                }
                Output::Attach { identity, cursor } => self.attach(identity.actor, cursor).await,
                Output::Sync { cursor } => self.resume(&cursor).await,
                Output::Close(code) => {
                    self.close_with(code).await;
                    return Err(Gone);
                }
                at_once => self.outputs.insert(0, at_once),
            }
            match self.act() {
                Some(Slow::Output(next)) => output = *next,
                _ => return Ok(()),
            }
        }
    }

    async fn attach(&mut self, actor: Actor, cursor: Option<String>) {
        let app = self.gateway.app().clone();
        let attached = timeout(
            ATTACH_TIMEOUT,
            app.attach(&actor, cursor, self.socket.outbox()),
        )
        .await
        .unwrap_or_else(|_| Err(too_slow()));
        let input = match attached {
            Ok(attached) => {
                self.connection = Some(attached.connection);
                self.actor = Some(actor);
                // Perhaps it came into the hub when all others there were ended.
                if self.is_draining() {
                    self.socket.outbox().end(CloseCode::Restart);
                }
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

    /// Reads the next page of what was missed. Live frames gather in the outbox meanwhile; whoever is
    /// put out meanwhile gets no more.
    async fn resume(&mut self, cursor: &str) {
        let outbox = self.socket.outbox().clone();
        let input = tokio::select! {
            biased;
            code = outbox.ended() => Input::Ended(code),
            input = self.next_page(cursor) => input,
        };
        self.session
            .handle(input, self.gateway.now_ms(), &mut self.outputs);
    }

    async fn next_page(&mut self, cursor: &str) -> Input<'static> {
        // Page by page: the next one is read when this one has left. The first leaves together with what
        // stands before it.
        if self.socket.outbox().waiting_bytes() > GREETING_BYTES_MAX {
            match timeout(PAGE_TIMEOUT, self.socket.flush()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Input::AttachFailed,
                Err(_) => return Input::Ended(CloseCode::TooSlow),
            }
        }
        let Some(actor) = &self.actor else {
            return Input::AttachFailed;
        };
        if self.is_draining() {
            return Input::Ended(CloseCode::Restart);
        }
        let app = self.gateway.app();
        match timeout(ATTACH_TIMEOUT, app.sync(actor, Some(cursor), None)).await {
            Ok(Ok(page)) => Input::Synced(Box::new(page)),
            Ok(Err(refusal)) => not_attached(&refusal),
            Err(_) => Input::AttachFailed,
        }
    }

    /// Behind everything that waits for this socket: what the cursor says was sent comes before it.
    fn pong(&self, reference: Option<Ref>) {
        if let Some(actor) = &self.actor {
            let outbox = self.socket.outbox();
            // The position first: what it covers was left out before this asks, or never.
            let cursor = self.gateway.app().position_cursor(&actor.user_id);
            let cursor = (!outbox.is_lossy()).then_some(cursor);
            let frame = ServerFrame::Pong { reference, cursor };
            outbox.push(Frame::of(&frame));
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
                // Pages are large: whoever does not read them gets no more of them.
                let place = self.place_to_read();
                return self.answer(reference, async move {
                    let _place = place?;
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
            Command::Typing {
                conversation_id,
                on,
            } => {
                let typing = app.typing(&actor, conversation_id, on);
                return self.answer(reference, async move {
                    typing.await?;
                    Ok(Done::Changed)
                });
            }
            Command::SetPresence(status) => {
                if let Some(connection) = &self.connection {
                    app.set_presence(connection, status);
                }
                return self.answer(reference, std::future::ready(Ok(Done::Changed)));
            }
            Command::WatchPresence(people) => return self.watch(reference, people),
        };
        self.answer(reference, async move {
            change?.committed().await?;
            Ok(Done::Changed)
        });
    }

    /// What reads much is done for a few commands of one socket at a time.
    fn place_to_read(&self) -> Result<Arc<()>, Refusal> {
        let is_free = Arc::strong_count(&self.syncs_in_flight) <= SYNCS_IN_FLIGHT_MAX;
        let place = is_free.then(|| self.syncs_in_flight.clone());
        place.ok_or_else(|| Refusal::rate_limited(SYNC_WAIT_MS))
    }

    fn watch(&mut self, reference: Option<Ref>, people: Vec<UserId>) {
        let Some(connection) = self.connection.clone() else {
            return;
        };
        let app = self.gateway.app().clone();
        let watched = self.place_to_read().and_then(|place| {
            let people = app.watch_presence(&connection, people)?;
            Ok((place, people))
        });
        self.answer(reference, async move {
            let (_place, people) = watched?;
            app.tell_presence(&connection, &people).await?;
            Ok(Done::Changed)
        });
    }

    /// Answers a command when its work ends, or when it has waited too long.
    fn answer(
        &mut self,
        reference: Option<Ref>,
        work: impl Future<Output = Result<Done, Refusal>> + Send + 'static,
    ) {
        let in_flight = self.in_flight.get_or_insert_default();
        in_flight.push(Box::pin(async move {
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

    /// Writes what gathered. What the kernel does not take now leaves when it does; meanwhile answers
    /// are still gathered, time goes on, and nothing more is read.
    fn flush(&mut self) -> Option<Slow> {
        match self.socket.outbox().flush() {
            Flushed::Empty => {
                self.stuck_since = None;
                None
            }
            // Something left, or it would not have been asked.
            Flushed::Stuck => {
                self.stuck_since = Some(Instant::now());
                None
            }
            Flushed::Gone => Some(Slow::Gone),
        }
    }

    async fn close_with(&mut self, code: CloseCode) {
        self.close(code.number(), code.reason()).await;
    }

    /// Says goodbye and waits a moment for the answer, so that the peer sees the code and not a reset.
    async fn close(&mut self, code: u16, reason: &'static str) {
        self.socket
            .outbox()
            .finish(frame::close(Some(code), reason));
        let goodbye = async {
            if self.socket.flush().await.is_err() {
                return;
            }
            loop {
                match self.socket.receive().await {
                    Ok(Received::Close(_)) | Err(End::Gone) => return,
                    Ok(_) => {}
                    Err(End::Broken(_)) => return self.socket.drain().await,
                }
            }
        };
        if timeout(CLOSE_TIMEOUT, goodbye).await.is_err() {
            tracing::debug!(code, "the peer did not answer the close");
        }
    }
}

/// The next answer of those under way; none while nothing is.
fn poll_next(
    in_flight: &mut Option<FuturesUnordered<Pending>>,
    context: &mut Context<'_>,
) -> Poll<Reply> {
    let Some(pending) = in_flight else {
        return Poll::Pending;
    };
    let reply = ready!(pending.poll_next_unpin(context));
    if pending.is_empty() {
        *in_flight = None;
    }
    reply.map_or(Poll::Pending, Poll::Ready)
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
pub(super) fn random() -> f64 {
    f64::from(uuid::Uuid::now_v7().as_u128() as u32) / f64::from(u32::MAX)
}

/// The socket has ended; its task does too.
struct Gone;
