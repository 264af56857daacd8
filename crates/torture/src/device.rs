//! A device: a socket that comes back by itself, what it holds, and an outbox.
//!
//! It resumes by its cursor, asks for a `pong` often, gives a silent socket up, and sends commands of its own; sends
//! that are not answered go out again, in order, with the same `clientId` (rule 20). Every frame is written down.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use parlor_client::{Socket, SocketError};
use parlor_protocol::{
    ClientFrame, Code, ConversationId, MessagePage, ReceiptStatus, Ref, SendMessage, ServerFrame,
};
use parlor_testkit::{
    Random,
    history::{Call, Entry, Place},
};
use tokio::task::JoinSet;

use crate::{
    replica::{Output, Replica},
    rest::{Outcome, Rest, is_worth_repeating},
    world::{Person, Phase, World},
};

/// How long opening a socket, and then being greeted on it, may take.
const OPEN_MAX: Duration = Duration::from_secs(6);
/// How long writing a frame may take.
const WRITE_MAX: Duration = Duration::from_secs(6);
/// How often a `ping` is sent.
const PING_EVERY: Duration = Duration::from_millis(1_500);
/// A socket on which nothing is heard for so long is given up: sooner than the protocol asks, to come back more often.
const SILENCE_MAX: Duration = Duration::from_secs(7);
/// How often a device looks whether something is due.
const TICK: Duration = Duration::from_millis(100);
/// Wait before the next socket, in milliseconds.
const COME_BACK_MS: (u64, u64) = (20, 900);
/// How often a device stays away for long, in percent, and how long, in milliseconds: as long as it takes to miss more
/// than a sync tells one by one.
const AWAY_PERCENT: u64 = 4;
const AWAY_MS: (u64, u64) = (3_000, 15_000);
/// Time between two commands, in milliseconds.
const COMMAND_MS: (u64, u64) = (60, 500);
/// How often a device ends its own socket, per command, in percent.
const HANG_UP_PERCENT: u64 = 1;
/// How often a device ends its own socket just after a `pong`, in percent. Its cursor is then the newest that it can be:
/// what the server has not sent by now must come after the resume.
const HANG_UP_AFTER_PONG_PERCENT: u64 = 12;
/// Wait before a command that was refused for now is sent again.
const TRY_AGAIN: Duration = Duration::from_millis(400);
/// Messages that may wait for their ack.
const OUTBOX_MAX: usize = 50;

/// What devices hold, for whoever waits until all of them rest.
pub(crate) type Resting = Arc<Mutex<BTreeMap<String, Option<BTreeMap<ConversationId, i64>>>>>;

/// Why a socket is no more.
struct Ended(Option<u16>);

impl From<SocketError> for Ended {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::Closed(code) => Self(Some(code)),
            SocketError::Broken(_) | SocketError::Unknown(_) => Self(None),
        }
    }
}

pub(crate) struct Device {
    world: Arc<World>,
    person: Person,
    name: String,
    random: Random,
    rest: Rest,
    resting: Resting,
    replica: Replica,
    connection: u32,
    /// Sends that are not answered, in order.
    outbox: VecDeque<Call>,
    /// The attempt that each `ref` of this socket names.
    under_way: HashMap<u64, (u64, Call)>,
    refs: u64,
    /// The `ref` of the `sync` that is under way.
    sync_ref: Option<u64>,
    reads: JoinSet<(ConversationId, u64, Option<MessagePage>)>,
    not_before: Instant,
}

impl Device {
    pub(crate) fn new(world: Arc<World>, person: Person, name: String, resting: Resting) -> Self {
        Self {
            random: Random::of(world.seed, &name),
            rest: Rest::new(&world.url, &person.token),
            replica: Replica::default(),
            connection: 0,
            outbox: VecDeque::new(),
            under_way: HashMap::new(),
            refs: 0,
            sync_ref: None,
            reads: JoinSet::new(),
            not_before: Instant::now(),
            world,
            person,
            name,
            resting,
        }
    }

    /// Lives until the run is over, and writes what it holds then.
    pub(crate) async fn live(mut self) {
        let mut phase = self.world.phase.clone();
        while *phase.borrow() != Phase::Over {
            tokio::select! {
                _ = phase.wait_for(|phase| *phase == Phase::Over) => break,
                ended = self.connection() => self.closed(ended.err()),
            }
            let (from_ms, to_ms) = if self.random.percent(AWAY_PERCENT) {
                AWAY_MS
            } else {
                COME_BACK_MS
            };
            let wait = Duration::from_millis(self.random.between(from_ms, to_ms));
            // When it is quiet, everybody comes back.
            let quiet = phase.wait_for(|phase| *phase != Phase::Busy);
            if tokio::time::timeout(wait, quiet).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(COME_BACK_MS.0)).await;
            }
        }
        let user_id = self.person.id.clone();
        for (conversation_id, version, messages) in self.replica.held() {
            let entry = Entry::Replica {
                user_id: user_id.clone(),
                conversation_id,
                version,
                messages,
            };
            self.world.history.write(&self.name, entry);
        }
        self.write(Entry::Rested { user_id });
    }

    fn write(&self, entry: Entry) {
        self.world.history.write(&self.name, entry);
    }

    /// Everything on one socket.
    async fn connection(&mut self) -> Result<(), Ended> {
        let opened = tokio::time::timeout(OPEN_MAX, Socket::open(&self.world.url)).await;
        let mut socket = opened.map_err(|_| Ended(None))??;
        let cursor = self.replica.cursor().map(str::to_owned);
        let asked_to_resume = cursor.is_some();
        let auth = ClientFrame::Auth {
            reference: None,
            token: self.person.token.clone(),
            cursor,
        };
        write(&mut socket, &auth).await?;
        let greeted = tokio::time::timeout(OPEN_MAX, socket.next()).await;
        let frame = greeted.map_err(|_| Ended(None))??;
        self.connection += 1;
        self.replica.opened(self.connection);
        if let ServerFrame::Connected { epoch, resumed, .. } = &frame {
            self.write(Entry::Connected {
                user_id: self.person.id.clone(),
                connection: self.connection,
                epoch: epoch.clone(),
                asked_to_resume,
                resumed: *resumed,
            });
        } else {
            return Err(Ended(None));
        }
        let outputs = self.replica.take(frame);
        self.perform(&mut socket, outputs).await?;
        for call in self.outbox.clone() {
            self.command(&mut socket, call).await?;
        }
        self.talk(&mut socket).await
    }

    async fn talk(&mut self, socket: &mut Socket) -> Result<(), Ended> {
        let mut heard = Instant::now();
        let mut pinged = Instant::now();
        let mut command_at = self.next_command();
        let mut ticks = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                frame = socket.next() => {
                    heard = Instant::now();
                    self.frame(socket, frame?).await?;
                }
                Some(read) = self.reads.join_next() => {
                    if let Ok((id, attempt, page)) = read {
                        let outputs = self.replica.take_history(id, attempt, page);
                        self.perform(socket, outputs).await?;
                    }
                }
                _ = ticks.tick() => {
                    self.say_whether_at_rest();
                    if heard.elapsed() > SILENCE_MAX {
                        return Err(Ended(None));
                    }
                    if pinged.elapsed() > PING_EVERY {
                        pinged = Instant::now();
                        write(socket, &ClientFrame::Ping { reference: None }).await?;
                    }
                    if command_at < Instant::now() {
                        command_at = self.next_command();
                        self.act(socket).await?;
                    }
                }
            }
        }
    }

    fn next_command(&mut self) -> Instant {
        Instant::now() + Duration::from_millis(self.random.between(COMMAND_MS.0, COMMAND_MS.1))
    }

    fn say_whether_at_rest(&self) {
        let idle = self.under_way.is_empty() && self.outbox.is_empty() && self.reads.is_empty();
        let versions = self.replica.at_rest().filter(|_| idle);
        let mut resting = self.resting.lock().expect("nobody panics");
        resting.insert(self.name.clone(), versions);
    }

    /// Does something, or sends again what was refused for now.
    async fn act(&mut self, socket: &mut Socket) -> Result<(), Ended> {
        if self.not_before < Instant::now() {
            let under_way: Vec<&Call> = self.under_way.values().map(|(_, call)| call).collect();
            let waiting = self.outbox.iter().find(|call| !under_way.contains(call));
            if let Some(call) = waiting.cloned() {
                return self.command(socket, call).await;
            }
        }
        let busy = *self.world.phase.borrow() == Phase::Busy;
        if !busy || self.outbox.len() == OUTBOX_MAX {
            return Ok(());
        }
        if self.random.percent(HANG_UP_PERCENT) {
            return Err(Ended(None));
        }
        let Some(call) = self.world.choose(&mut self.random, &self.person) else {
            return Ok(());
        };
        if matches!(call, Call::Look { .. } | Call::SetMember { .. }) {
            return Ok(());
        }
        if matches!(call, Call::Send { .. }) {
            self.outbox.push_back(call.clone());
        }
        self.command(socket, call).await
    }

    /// Sends a command as a new attempt.
    async fn command(&mut self, socket: &mut Socket, call: Call) -> Result<(), Ended> {
        self.refs += 1;
        let Some(frame) = command_of(&call, Ref::Number(self.refs)) else {
            return Ok(());
        };
        let operation = self.world.history.operation();
        self.write(Entry::Invoked {
            operation,
            by: self.person.id.clone(),
            call: call.abridged(),
        });
        self.under_way.insert(self.refs, (operation, call));
        write(socket, &frame).await
    }

    async fn frame(&mut self, socket: &mut Socket, frame: ServerFrame) -> Result<(), Ended> {
        let busy = *self.world.phase.borrow() == Phase::Busy;
        let hangs_up = busy
            && matches!(frame, ServerFrame::Pong { .. })
            && self.random.percent(HANG_UP_AFTER_PONG_PERCENT);
        let outputs = match frame {
            ServerFrame::Ack {
                reference,
                message,
                page,
            } => {
                let number = number_of(reference.as_ref());
                if number == self.sync_ref && page.is_some() {
                    self.sync_ref = None;
                    page.map_or_else(Vec::new, |page| self.replica.take_page(*page))
                } else {
                    self.acked(number, message.as_ref().map(Place::from));
                    Vec::new()
                }
            }
            ServerFrame::Error {
                reference, code, ..
            } => {
                let number = number_of(reference.as_ref());
                if number.is_some() && number == self.sync_ref {
                    self.sync_ref = None;
                    if code == Code::CursorNotUsable {
                        // Nobody forged it; the checker is told as of a close with 4007.
                        return Err(Ended(Some(4007)));
                    }
                    return Err(Ended(None));
                }
                self.refused(number, code);
                Vec::new()
            }
            ServerFrame::MessageDelivered {
                conversation_id,
                user_id,
                seq,
            } => {
                let status = ReceiptStatus::Delivered;
                self.receipt(conversation_id, user_id, status, seq);
                Vec::new()
            }
            ServerFrame::MessageRead {
                conversation_id,
                user_id,
                seq,
            } => {
                self.receipt(conversation_id, user_id, ReceiptStatus::Read, seq);
                Vec::new()
            }
            frame => self.replica.take(frame),
        };
        self.perform(socket, outputs).await?;
        if hangs_up { Err(Ended(None)) } else { Ok(()) }
    }

    fn receipt(
        &self,
        conversation_id: ConversationId,
        user_id: parlor_protocol::UserId,
        status: ReceiptStatus,
        seq: i64,
    ) {
        self.write(Entry::Receipt {
            connection: self.connection,
            conversation_id,
            user_id,
            status,
            seq,
        });
    }

    async fn perform(&mut self, socket: &mut Socket, outputs: Vec<Output>) -> Result<(), Ended> {
        for output in outputs {
            match output {
                Output::Write(entry) => self.write(entry),
                Output::Sync(cursor) => {
                    self.refs += 1;
                    self.sync_ref = Some(self.refs);
                    let frame = ClientFrame::Sync {
                        reference: Some(Ref::Number(self.refs)),
                        cursor,
                    };
                    write(socket, &frame).await?;
                }
                Output::Read(id, attempt) => {
                    let rest = self.rest.clone();
                    self.reads.spawn(async move {
                        match rest.history(id, None).await {
                            Outcome::Done(page) => (id, attempt, Some(page)),
                            // Removed meanwhile, or no answer: the device asks again while it holds the conversation.
                            Outcome::Refused(_) | Outcome::Unknown => {
                                tokio::time::sleep(TRY_AGAIN).await;
                                (id, attempt, None)
                            }
                        }
                    });
                }
            }
        }
        Ok(())
    }

    fn acked(&mut self, number: Option<u64>, place: Option<Place>) {
        let Some((operation, call)) = number.and_then(|it| self.under_way.remove(&it)) else {
            return;
        };
        self.outbox.retain(|waiting| *waiting != call);
        self.write(Entry::Done { operation, place });
        if let Some(place) = place {
            self.world.remember(&self.person.id, &call, place);
        }
    }

    fn refused(&mut self, number: Option<u64>, code: Code) {
        let Some((operation, call)) = number.and_then(|it| self.under_way.remove(&it)) else {
            return;
        };
        let unknown = matches!(code, Code::UnknownOutcome | Code::Internal);
        if unknown || is_worth_repeating(code) {
            self.not_before = Instant::now() + TRY_AGAIN;
        } else {
            self.outbox.retain(|waiting| *waiting != call);
        }
        self.write(if unknown {
            Entry::Unknown { operation }
        } else {
            Entry::Refused { operation, code }
        });
    }

    /// The socket has ended: what is not answered is unknown.
    fn closed(&mut self, ended: Option<Ended>) {
        let code = ended.and_then(|ended| ended.0);
        if code == Some(4007) {
            for output in self.replica.start_over("the cursor was not usable") {
                if let Output::Write(entry) = output {
                    self.write(entry);
                }
            }
        }
        self.sync_ref = None;
        self.write(Entry::Closed {
            connection: self.connection,
            code,
        });
        for (_, (operation, _)) in std::mem::take(&mut self.under_way) {
            self.write(Entry::Unknown { operation });
        }
        let mut resting = self.resting.lock().expect("nobody panics");
        resting.insert(self.name.clone(), None);
    }
}

async fn write(socket: &mut Socket, frame: &ClientFrame) -> Result<(), Ended> {
    let written = tokio::time::timeout(WRITE_MAX, socket.send(frame)).await;
    Ok(written.map_err(|_| Ended(None))??)
}

fn number_of(reference: Option<&Ref>) -> Option<u64> {
    match reference {
        Some(Ref::Number(number)) => Some(*number),
        _ => None,
    }
}

/// The frame of a call; `None` for what has none.
fn command_of(call: &Call, reference: Ref) -> Option<ClientFrame> {
    let reference = Some(reference);
    Some(match call.clone() {
        Call::Send {
            conversation_id,
            client_id,
            content,
        } => {
            let body = SendMessage {
                content,
                client_id: Some(client_id),
                ..SendMessage::default()
            };
            ClientFrame::message_send(reference, conversation_id, body)
        }
        Call::Edit {
            conversation_id,
            message_id,
            content,
        } => ClientFrame::MessageEdit {
            reference,
            conversation_id,
            message_id,
            content,
        },
        Call::Delete {
            conversation_id,
            message_id,
        } => ClientFrame::MessageDelete {
            reference,
            conversation_id,
            message_id,
        },
        Call::React {
            conversation_id,
            message_id,
            emoji,
            on: true,
        } => ClientFrame::ReactionAdd {
            reference,
            conversation_id,
            message_id,
            emoji,
        },
        Call::React {
            conversation_id,
            message_id,
            emoji,
            on: false,
        } => ClientFrame::ReactionRemove {
            reference,
            conversation_id,
            message_id,
            emoji,
        },
        Call::Read {
            conversation_id,
            seq,
        } => ClientFrame::ReceiptRead {
            reference,
            conversation_id,
            seq,
        },
        Call::SetMember { .. } | Call::Look { .. } => return None,
    })
}
