//! Drives a [`Session`](crate::session::Session) over tokio: one task, commands in, events out.

use std::time::{Duration, Instant};

use parlor_protocol::ConversationId;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    Event, Socket, SocketError,
    session::{Input, Output, Session},
};

/// Events that may wait for the application before the task waits for it.
const EVENTS_MAX: usize = 4096;
/// Sends that may wait for the task.
const SENDS_MAX: usize = 1024;
/// How long an attempt to open a socket may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a send was not taken.
#[derive(Debug, thiserror::Error)]
#[error("the connection has ended")]
pub struct LiveError;

/// A live connection that comes back by itself. Dropping it ends it.
#[derive(Debug)]
pub struct Live {
    sends: mpsc::Sender<Input>,
    events: mpsc::Receiver<Event>,
    task: JoinHandle<()>,
}

impl Live {
    /// Connects to the server at `url` in the background.
    pub fn connect(url: &str, token: &str) -> Self {
        let (sends, inputs) = mpsc::channel(SENDS_MAX);
        let (tell, events) = mpsc::channel(EVENTS_MAX);
        let task = tokio::spawn(run(url.to_owned(), token.to_owned(), inputs, tell));
        Self {
            sends,
            events,
            task,
        }
    }

    /// Sends a message; [`Event::Sent`] follows when it is on disk. Returns our id for it.
    pub async fn send(
        &self,
        conversation_id: ConversationId,
        content: &str,
    ) -> Result<String, LiveError> {
        let client_id = uuid::Uuid::now_v7().to_string();
        let input = Input::Send {
            client_id: client_id.clone(),
            conversation_id,
            content: content.to_owned(),
        };
        self.sends.send(input).await.map_err(|_| LiveError)?;
        Ok(client_id)
    }

    /// Gives a newer token, after [`Status::TokenNeeded`](crate::Status::TokenNeeded) or before it.
    pub async fn renew(&self, token: &str) -> Result<(), LiveError> {
        let token = token.to_owned();
        self.sends
            .send(Input::Renew { token })
            .await
            .map_err(|_| LiveError)
    }

    /// The next event; `None` when the connection has ended for good.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum Woken {
    Input(Option<Input>),
    Frame(Result<parlor_protocol::ServerFrame, SocketError>),
    Timer,
}

async fn run(
    url: String,
    token: String,
    mut inputs: mpsc::Receiver<Input>,
    tell: mpsc::Sender<Event>,
) {
    let started = Instant::now();
    let mut outputs = Vec::new();
    let mut session = Session::new(&token, &mut outputs);
    let mut socket: Option<Socket> = None;
    loop {
        let mut followed = Vec::new();
        for output in outputs.drain(..) {
            match output {
                Output::Open => {
                    followed.push(
                        match tokio::time::timeout(OPEN_TIMEOUT, Socket::open(&url)).await {
                            Ok(Ok(opened)) => {
                                socket = Some(opened);
                                Input::Opened
                            }
                            Ok(Err(_)) | Err(_) => Input::Closed(None),
                        },
                    );
                }
                Output::Write(frame) => {
                    // A write that fails is followed by the end of the socket, which the read sees.
                    if let Some(socket) = &mut socket {
                        drop(socket.send(&frame).await);
                    }
                }
                Output::Close => {
                    if socket.take().is_some() && session.status() == crate::Status::Live {
                        followed.push(Input::Closed(None));
                    }
                }
                Output::Tell(event) => {
                    let ended = event == Event::Status(crate::Status::Stopped);
                    if tell.send(event).await.is_err() || ended {
                        return;
                    }
                }
            }
        }
        if followed.is_empty() {
            let deadline = session
                .deadline()
                .map(|ms| started + Duration::from_millis(ms));
            let woken = tokio::select! {
                input = inputs.recv() => Woken::Input(input),
                frame = next(&mut socket) => Woken::Frame(frame),
                () = sleep_until(deadline) => Woken::Timer,
            };
            followed.push(match woken {
                Woken::Input(Some(input)) => input,
                Woken::Input(None) => return,
                Woken::Frame(Ok(frame)) => Input::Frame(frame),
                // A newer server may say more than this client knows.
                Woken::Frame(Err(SocketError::Unknown(frame))) => {
                    tracing::debug!(%frame, "a frame is not known");
                    continue;
                }
                Woken::Frame(Err(error)) => {
                    socket = None;
                    Input::Closed(match error {
                        SocketError::Closed(code) => Some(code),
                        SocketError::Broken(_) | SocketError::Unknown(_) => None,
                    })
                }
                Woken::Timer => Input::Timer,
            });
        }
        for input in followed {
            let now_ms = started.elapsed().as_millis() as u64;
            session.handle(input, now_ms, random(), &mut outputs);
        }
    }
}

async fn next(socket: &mut Option<Socket>) -> Result<parlor_protocol::ServerFrame, SocketError> {
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
