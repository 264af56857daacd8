//! Drives a [`Session`] over tokio: one task, commands in, events out. It owns the socket, the outbox
//! and the reads over REST.
//!
//! Never here: a decision about what is sent, applied or tried again.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use parlor_protocol::{
    ClientFrame, Code, ConversationId, DeviceStatus, MessageId, ReceiptStatus, Ref, ServerFrame,
    UserId, limits::PAGE_MAX,
};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};

use crate::{
    Api, Event, OutboxError, Socket, SocketError, Status,
    outbox::Outbox,
    session::{Entry, Input, Output, Read, Session},
};

/// Events that may wait for the application before the task waits for it.
const EVENTS_MAX: usize = 16_384;
/// Commands that may wait for the task.
const INPUTS_MAX: usize = 1024;
/// How long an attempt to open a socket may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a frame may wait for a server that does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a read over REST may take; the server's own bound is 20 s.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long closing a socket in good order may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a command was not taken.
#[derive(Debug, thiserror::Error)]
#[error("the connection has ended")]
pub struct LiveError;

/// A live connection that is about to be made.
#[derive(Debug)]
pub struct Builder {
    url: String,
    token: String,
    outbox: Option<PathBuf>,
}

impl Builder {
    /// Keeps messages that are not acked in this file, so that they outlive the process. One file is
    /// good for one user on one server; it is locked as long as the connection lives.
    #[must_use]
    pub fn outbox(mut self, path: impl AsRef<Path>) -> Self {
        self.outbox = Some(path.as_ref().to_owned());
        self
    }

    /// Connects in the background. Fails when the outbox cannot be opened.
    pub fn connect(self) -> Result<Live, OutboxError> {
        let outbox = match &self.outbox {
            Some(path) => Outbox::open(path)?,
            None => Outbox::in_memory(),
        };
        Ok(Live::start(self.url, &self.token, outbox))
    }
}

/// A live connection that comes back by itself. Dropping it ends it.
#[derive(Debug)]
pub struct Live {
    inputs: mpsc::Sender<Input>,
    events: mpsc::Receiver<Event>,
    task: JoinHandle<()>,
    numbered: AtomicU64,
}

impl Live {
    /// Connects to the server at `url` in the background. What is not acked is kept in memory only.
    pub fn connect(url: &str, token: &str) -> Self {
        Self::start(url.to_owned(), token, Outbox::in_memory())
    }

    /// A connection to the server at `url` with options.
    pub fn builder(url: &str, token: &str) -> Builder {
        Builder {
            url: url.to_owned(),
            token: token.to_owned(),
            outbox: None,
        }
    }

    fn start(url: String, token: &str, outbox: Outbox) -> Self {
        let (inputs, taken) = mpsc::channel(INPUTS_MAX);
        let (tell, events) = mpsc::channel(EVENTS_MAX);
        let mut outputs = Vec::new();
        let waiting: Vec<Entry> = outbox.entries().cloned().collect();
        let session = Session::new(token, waiting, outbox.owner().cloned(), &mut outputs);
        let driver = Driver {
            api: Api::new(&url).with_token(token),
            url,
            started: Instant::now(),
            session,
            outbox: Some(outbox),
            socket: None,
            opening: JoinSet::new(),
            reading: JoinSet::new(),
            tell,
        };
        Self {
            inputs,
            events,
            task: tokio::spawn(driver.run(taken, outputs)),
            numbered: AtomicU64::new(1),
        }
    }

    /// Sends a message; [`Event::Sent`] follows when it is on the server's disk. Returns our id for it.
    pub async fn send(
        &self,
        conversation_id: ConversationId,
        content: &str,
    ) -> Result<String, LiveError> {
        let client_id = uuid::Uuid::now_v7().to_string();
        let entry = Entry {
            client_id: client_id.clone(),
            conversation_id,
            content: content.to_owned(),
        };
        self.input(Input::Send(entry)).await?;
        Ok(client_id)
    }

    /// Reads the newest messages of a conversation and follows it from there; they come as
    /// [`Event::Applied`].
    pub async fn open(&self, conversation_id: ConversationId) -> Result<(), LiveError> {
        self.input(Input::Open(conversation_id)).await
    }

    /// Changes the text of one's own message. Not kept beyond this socket: [`Event::Done`] or
    /// [`Event::Refused`] with the number that this returns says what became of it.
    pub async fn edit(
        &self,
        conversation_id: ConversationId,
        message_id: MessageId,
        content: &str,
    ) -> Result<u64, LiveError> {
        self.command(|reference| ClientFrame::MessageEdit {
            reference,
            conversation_id,
            message_id,
            content: content.to_owned(),
        })
        .await
    }

    /// Deletes a message for everyone. Answered like [`Live::edit`].
    pub async fn delete(
        &self,
        conversation_id: ConversationId,
        message_id: MessageId,
    ) -> Result<u64, LiveError> {
        self.command(|reference| ClientFrame::MessageDelete {
            reference,
            conversation_id,
            message_id,
        })
        .await
    }

    /// Puts an emoji on a message. Answered like [`Live::edit`].
    pub async fn react(
        &self,
        conversation_id: ConversationId,
        message_id: MessageId,
        emoji: &str,
    ) -> Result<u64, LiveError> {
        self.command(|reference| ClientFrame::ReactionAdd {
            reference,
            conversation_id,
            message_id,
            emoji: emoji.to_owned(),
        })
        .await
    }

    /// Takes one's own emoji off a message. Answered like [`Live::edit`].
    pub async fn unreact(
        &self,
        conversation_id: ConversationId,
        message_id: MessageId,
        emoji: &str,
    ) -> Result<u64, LiveError> {
        self.command(|reference| ClientFrame::ReactionRemove {
            reference,
            conversation_id,
            message_id,
            emoji: emoji.to_owned(),
        })
        .await
    }

    /// Moves one's delivered or read cursor up. Answered like [`Live::edit`].
    pub async fn receipt(
        &self,
        conversation_id: ConversationId,
        status: ReceiptStatus,
        seq: i64,
    ) -> Result<u64, LiveError> {
        self.command(|reference| match status {
            ReceiptStatus::Delivered => ClientFrame::ReceiptDelivered {
                reference,
                conversation_id,
                seq,
            },
            ReceiptStatus::Read => ClientFrame::ReceiptRead {
                reference,
                conversation_id,
                seq,
            },
        })
        .await
    }

    /// Says whether one is writing; to be repeated every three seconds while one does. Answered like
    /// [`Live::edit`]. That others write is heard as [`Event::Frame`].
    pub async fn typing(
        &self,
        conversation_id: ConversationId,
        on: bool,
    ) -> Result<u64, LiveError> {
        self.command(|reference| {
            if on {
                ClientFrame::TypingStart {
                    reference,
                    conversation_id,
                }
            } else {
                ClientFrame::TypingStop {
                    reference,
                    conversation_id,
                }
            }
        })
        .await
    }

    /// Says whether this device is in use. Good for this socket; answered like [`Live::edit`].
    pub async fn set_presence(&self, status: DeviceStatus) -> Result<u64, LiveError> {
        self.command(|reference| ClientFrame::PresenceSet { reference, status })
            .await
    }

    /// Asks who of these people is here, now and from here on; it is heard as [`Event::Frame`]. Good for
    /// this socket: to be asked again after [`Status::Live`]. Answered like [`Live::edit`].
    pub async fn watch(&self, user_ids: Vec<UserId>) -> Result<u64, LiveError> {
        self.command(|reference| ClientFrame::PresenceWatch {
            reference,
            user_ids,
        })
        .await
    }

    /// Gives a newer token, after [`Status::TokenNeeded`] or before it.
    pub async fn renew(&self, token: &str) -> Result<(), LiveError> {
        let token = token.to_owned();
        self.input(Input::Renew { token }).await
    }

    /// The next event; `None` when the connection has ended for good.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    async fn command(
        &self,
        frame: impl FnOnce(Option<Ref>) -> ClientFrame,
    ) -> Result<u64, LiveError> {
        let number = self.numbered.fetch_add(1, Ordering::Relaxed);
        let frame = frame(Some(Ref::Number(number)));
        self.input(Input::Command(frame)).await?;
        Ok(number)
    }

    async fn input(&self, input: Input) -> Result<(), LiveError> {
        self.inputs.send(input).await.map_err(|_| LiveError)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Driver {
    url: String,
    api: Api,
    started: Instant,
    session: Session,
    /// Away only while it works on a thread of its own.
    outbox: Option<Outbox>,
    socket: Option<Socket>,
    /// The attempt to open a socket, if one is under way.
    opening: JoinSet<Option<Socket>>,
    reading: JoinSet<Input>,
    tell: mpsc::Sender<Event>,
}

impl Driver {
    async fn run(mut self, mut inputs: mpsc::Receiver<Input>, mut outputs: Vec<Output>) {
        loop {
            let mut followed = Vec::new();
            for output in outputs.drain(..) {
                match self.perform(output).await {
                    Ok(Some(input)) => followed.push(input),
                    Ok(None) => {}
                    Err(Ended) => return,
                }
            }
            if followed.is_empty() {
                match self.wait(&mut inputs).await {
                    Ok(Some(input)) => followed.push(input),
                    Ok(None) => continue,
                    Err(Ended) => return,
                }
            }
            for input in followed {
                let now_ms = self.now_ms();
                self.session.handle(input, now_ms, random(), &mut outputs);
            }
        }
    }

    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// Waits for what happens next; `None` where it is of no interest.
    async fn wait(&mut self, inputs: &mut mpsc::Receiver<Input>) -> Result<Option<Input>, Ended> {
        let deadline = self.session.deadline(self.now_ms());
        let deadline = deadline.map(|ms| self.started + Duration::from_millis(ms));
        tokio::select! {
            input = inputs.recv() => {
                let input = input.ok_or(Ended)?;
                if let Input::Renew { token } = &input {
                    self.api = self.api.with_token(token);
                }
                Ok(Some(input))
            }
            frame = next(&mut self.socket) => Ok(match frame {
                Ok(frame) => Some(Input::Frame(frame)),
                // A newer server may say more than this client knows.
                Err(SocketError::Unknown(_)) => {
                    tracing::debug!("a frame is not known");
                    None
                }
                Err(error) => {
                    self.socket = None;
                    Some(Input::Closed(match error {
                        SocketError::Closed(code) => Some(code),
                        SocketError::Broken(_) | SocketError::Unknown(_) => None,
                    }))
                }
            }),
            Some(opened) = self.opening.join_next() => Ok(match opened.ok().flatten() {
                Some(socket) => {
                    self.socket = Some(socket);
                    Some(Input::Opened)
                }
                None => Some(Input::Closed(None)),
            }),
            Some(read) = self.reading.join_next() => Ok(read.ok()),
            () = sleep_until(deadline) => Ok(Some(Input::Timer)),
        }
    }

    async fn perform(&mut self, output: Output) -> Result<Option<Input>, Ended> {
        match output {
            Output::Open => {
                let url = self.url.clone();
                self.opening.spawn(async move {
                    let opened = tokio::time::timeout(OPEN_TIMEOUT, Socket::open(&url)).await;
                    opened.ok()?.ok()
                });
            }
            Output::Write(frame) => {
                if let Some(socket) = &mut self.socket
                    && tokio::time::timeout(WRITE_TIMEOUT, socket.send(&frame))
                        .await
                        .is_err()
                {
                    self.socket = None;
                    return Ok(Some(Input::Closed(None)));
                }
                // A write that fails is followed by the end of the socket, which the read sees.
            }
            Output::Close => {
                self.opening.abort_all();
                if let Some(mut socket) = self.socket.take() {
                    drop(tokio::time::timeout(CLOSE_TIMEOUT, socket.close()).await);
                }
            }
            Output::Store(entry) => return self.store(entry).await.map(Some),
            Output::Forget(client_id) => {
                self.with_outbox(move |outbox| outbox.leave(&client_id))
                    .await?;
            }
            Output::Claim(user_id) => {
                self.with_outbox(move |outbox| outbox.claim(&user_id))
                    .await?;
            }
            Output::Fetch(read) => {
                let api = self.api.clone();
                self.reading.spawn(async move { fetch(&api, read).await });
            }
            Output::Tell(event) => {
                let stopped = event == Event::Status(Status::Stopped);
                self.tell(event).await?;
                if stopped {
                    return Err(Ended);
                }
            }
        }
        Ok(None)
    }

    async fn tell(&self, event: Event) -> Result<(), Ended> {
        self.tell.send(event).await.map_err(|_| Ended)
    }

    async fn store(&mut self, entry: Entry) -> Result<Input, Ended> {
        let client_id = entry.client_id.clone();
        let stored = self.on_disk(move |outbox| outbox.store(entry)).await?;
        Ok(match stored {
            Ok(()) => Input::Stored { client_id },
            Err(error) => Input::NotStored {
                client_id,
                code: Code::Unavailable,
                detail: error.to_string(),
            },
        })
    }

    /// Does something with the outbox that is no message's matter, and tells when it fails.
    async fn with_outbox(
        &mut self,
        act: impl FnOnce(&mut Outbox) -> Result<(), OutboxError> + Send + 'static,
    ) -> Result<(), Ended> {
        match self.on_disk(act).await? {
            Ok(()) => Ok(()),
            Err(error) => self.tell(Event::Outbox(error.to_string())).await,
        }
    }

    /// Disks take milliseconds: they must not hold up the other tasks of this thread.
    async fn on_disk<T: Send + 'static>(
        &mut self,
        act: impl FnOnce(&mut Outbox) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        let mut outbox = self.outbox.take().ok_or(Ended)?;
        if outbox.is_in_memory() {
            let value = act(&mut outbox);
            self.outbox = Some(outbox);
            return Ok(value);
        }
        let worked = tokio::task::spawn_blocking(move || {
            let value = act(&mut outbox);
            (outbox, value)
        });
        let (outbox, value) = worked.await.map_err(|_| Ended)?;
        self.outbox = Some(outbox);
        Ok(value)
    }
}

/// The connection is over: nobody listens, or it was stopped.
struct Ended;

async fn fetch(api: &Api, read: Read) -> Input {
    let reading = api.history(read.conversation_id, read.after, PAGE_MAX);
    let page = match tokio::time::timeout(READ_TIMEOUT, reading).await {
        Ok(Ok(page)) => Some(page),
        Ok(Err(error)) => {
            tracing::debug!(%error, "history could not be read");
            None
        }
        Err(_) => None,
    };
    Input::Fetched { read, page }
}

async fn next(socket: &mut Option<Socket>) -> Result<ServerFrame, SocketError> {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Between 0 and 1.
fn random() -> f64 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
