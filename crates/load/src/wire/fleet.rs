//! Many connections to one server, on one thread.
//!
//! All reads go through one buffer and are taken apart in place; a connection keeps only the part of
//! a frame that has not come yet.

use std::{
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use socket2::{Domain, Socket, Type};

use crate::wire::{
    protocol::{Heard, Protocol, Seat},
    ring::Room,
    timer::Timer,
};

/// What one read takes at most, in bytes: a backlog of thousands of messages.
const BUFFER_BYTES: usize = 512 * 1024;
/// Connections that are opening at once: fewer than any server queues.
const OPENING_MAX: usize = 64;
/// Events taken from the kernel at once.
const EVENTS_MAX: usize = 1024;
/// How long everybody together may take to open, and whatever is under way to arrive.
const PATIENCE: Duration = Duration::from_mins(1);
/// The token of the timer: no connection has it.
const TIMER: Token = Token(usize::MAX);
/// The receive buffer of someone who does not read, in bytes: it is full at once.
const DEAF_BUFFER_BYTES: usize = 4096;
/// The longest segment to someone who does not read, in bytes: that of the internet. With loopback's
/// 64 KiB the kernel would give the server's side megabytes of buffer, which no stranger gets.
const DEAF_SEGMENT_BYTES: u32 = 1400;
/// Connections from one address: ports that a system gives to clients are 28,000 or more.
const FROM_ONE_ADDRESS: usize = 20_000;

/// One connection.
struct Link {
    stream: TcpStream,
    seat: Seat,
    /// The beginning of a frame whose rest has not come.
    tail: Vec<u8>,
    /// What the kernel did not take.
    pending: Vec<u8>,
    /// The number of the message it waits for.
    expects: u64,
    is_ready: bool,
    /// Whether it has stopped reading.
    is_deaf: bool,
}

/// Whether a connection is going to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hearing {
    Good,
    Bad,
}

/// Opens the connection of the member at this place.
fn connect(address: SocketAddr, place: usize, hearing: Hearing) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A connection that is closed is gone at once: fleets come and go, and ports would run out.
    socket.set_linger(Some(Duration::ZERO))?;
    let neighbour = (place / FROM_ONE_ADDRESS) as u8;
    if neighbour > 0 {
        socket.bind(&SocketAddr::from(([127, 0, 0, 1 + neighbour], 0)).into())?;
    }
    if hearing == Hearing::Bad {
        socket.set_recv_buffer_size(DEAF_BUFFER_BYTES)?;
        socket.set_tcp_mss(DEAF_SEGMENT_BYTES)?;
    }
    socket.connect(&address.into())?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    Ok(TcpStream::from_std(socket.into()))
}

/// Connections to one server, in rooms. The first member of each room sends.
pub(crate) struct Fleet {
    poll: Poll,
    events: Events,
    timer: Timer,
    protocol: Box<dyn Protocol>,
    address: SocketAddr,
    links: Vec<Link>,
    rooms: Vec<Room>,
    /// The connection that sends in each room.
    senders: Vec<usize>,
    buffer: Vec<u8>,
    out: Vec<u8>,
    ready: usize,
    received_bytes: u64,
}

impl Fleet {
    /// Opens a connection for each member of rooms of these sizes, and waits until all are ready.
    pub(crate) fn open(
        address: SocketAddr,
        protocol: Box<dyn Protocol>,
        rooms: &[usize],
    ) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let timer = Timer::new(poll.registry(), TIMER)?;
        let mut fleet = Self {
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            timer,
            address,
            links: Vec::new(),
            rooms: Vec::new(),
            senders: Vec::new(),
            buffer: vec![0; BUFFER_BYTES],
            out: Vec::new(),
            ready: 0,
            received_bytes: 0,
            protocol,
        };
        for (room, members) in rooms.iter().enumerate() {
            fleet
                .rooms
                .push(Room::of(fleet.protocol.as_ref(), *members));
            fleet.senders.push(fleet.links.len());
            for _ in 0..*members {
                fleet.join(room, Hearing::Good)?;
            }
        }
        fleet.until_ready()?;
        Ok(fleet)
    }

    /// Opens one more connection in a room. It does not count as a listener.
    fn join(&mut self, room: usize, hearing: Hearing) -> anyhow::Result<()> {
        let place = self.links.len();
        let mut stream = connect(self.address, place, hearing)
            .with_context(|| format!("no connection to {}", self.address))?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, Token(place), interest)?;
        let seat = Seat {
            member: place,
            room,
            step: 0,
        };
        self.links.push(Link {
            stream,
            seat,
            tail: Vec::new(),
            pending: Vec::new(),
            expects: self.rooms[room].sent + 1,
            is_ready: false,
            is_deaf: false,
        });
        self.out.clear();
        self.protocol.open(&seat, &mut self.out);
        self.write_out(place)?;
        let begun = Instant::now();
        while self.links.len() - self.ready > OPENING_MAX {
            self.pump(Some(PATIENCE))?;
            ensure!(begun.elapsed() < PATIENCE, "the server does not let us in");
        }
        Ok(())
    }

    fn until_ready(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.ready < self.links.len() {
            self.pump(Some(PATIENCE))?;
            ensure!(
                begun.elapsed() < PATIENCE,
                "{} of {} connections are not ready",
                self.links.len() - self.ready,
                self.links.len()
            );
        }
        Ok(())
    }

    /// Adds connections to a room that are ready, and are not among those who must hear everything.
    pub(crate) fn add(&mut self, room: usize, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            self.join(room, Hearing::Good)?;
        }
        self.until_ready()
    }

    /// Adds connections to a room that are ready and then read nothing more, with small buffers.
    /// Those that the server has given up meanwhile stay as they are.
    pub(crate) fn add_deaf(&mut self, room: usize, count: usize) -> anyhow::Result<()> {
        let first = self.links.len();
        for _ in 0..count {
            self.join(room, Hearing::Bad)?;
        }
        self.until_ready()?;
        for link in &mut self.links[first..] {
            self.poll.registry().deregister(&mut link.stream)?;
            link.is_deaf = true;
        }
        Ok(())
    }

    /// Closes the connections that do not read.
    pub(crate) fn drop_deaf(&mut self) {
        // They were added last, so nobody's token changes.
        self.links.retain(|link| !link.is_deaf);
        self.ready = self.links.len();
    }

    pub(crate) fn rooms(&self) -> &[Room] {
        &self.rooms
    }

    /// What has come over all connections, in bytes.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Takes what has come from a server that is gone.
    pub(crate) fn take_last_words(&mut self) {
        for place in 0..self.links.len() {
            // Each ends with the error that there is nobody any more.
            drop(self.read(place));
        }
    }

    /// Forgets the latencies so far.
    pub(crate) fn forget_latencies(&mut self) {
        for room in &mut self.rooms {
            room.latencies.clear();
            room.ack_latencies.clear();
        }
    }

    /// The length of a room's newest message as it arrived, in bytes.
    pub(crate) fn frame_bytes(&self, room: usize) -> Option<usize> {
        self.rooms[room].newest_copy_bytes()
    }

    /// Sends a room's next message, which was due at this moment.
    pub(crate) fn send(&mut self, room: usize, due: Instant) -> anyhow::Result<()> {
        let number = self.rooms[room].next(due)?;
        let sender = self.senders[room];
        self.out.clear();
        let seat = self.links[sender].seat;
        self.protocol.send(&seat, number, &mut self.out);
        self.write_out(sender)
    }

    /// Waits for something to arrive, at most so long, and takes it.
    pub(crate) fn pump(&mut self, timeout: Option<Duration>) -> anyhow::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let mut taken = Ok(());
        for event in &events {
            let Token(place) = event.token();
            if event.token() == TIMER || self.links.get(place).is_none_or(|link| link.is_deaf) {
                continue;
            }
            taken = self.take_event(place, event.is_readable(), event.is_writable());
            if taken.is_err() {
                break;
            }
        }
        self.events = events;
        taken
    }

    /// Waits as `pump` does, but wakes at this moment, to the microsecond.
    pub(crate) fn pump_until(&mut self, moment: Instant) -> anyhow::Result<()> {
        let wait = moment.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            return self.pump(Some(Duration::ZERO));
        }
        self.timer.wake_after(wait)?;
        self.pump(None)
    }

    /// Takes what comes for so long.
    pub(crate) fn rest(&mut self, lasting: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + lasting;
        while Instant::now() < end {
            self.pump_until(end)?;
        }
        Ok(())
    }

    /// Takes what is there and waits for nothing: pings are answered, nobody is taken for dead.
    pub(crate) fn tend(&mut self) -> anyhow::Result<()> {
        self.pump(Some(Duration::ZERO))
    }

    /// Waits until everybody has everything that was sent.
    pub(crate) fn settle(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !self.rooms.iter().all(Room::is_quiet) {
            self.pump(Some(PATIENCE))?;
            if begun.elapsed() > PATIENCE {
                bail!("{}", self.missing());
            }
        }
        Ok(())
    }

    fn missing(&self) -> String {
        let late = self
            .links
            .iter()
            .filter(|link| !link.is_deaf && link.expects <= self.rooms[link.seat.room].sent)
            .count();
        let unacked: u64 = self.rooms.iter().map(|room| room.sent - room.acked).sum();
        format!(
            "after {} s {late} of {} members still miss messages; {unacked} messages have no ack",
            PATIENCE.as_secs(),
            self.links.len()
        )
    }

    fn take_event(&mut self, place: usize, readable: bool, writable: bool) -> anyhow::Result<()> {
        let taken = if writable && !self.links[place].pending.is_empty() {
            self.out.clear();
            self.write_out(place)
        } else {
            Ok(())
        };
        let taken = match taken {
            Ok(()) if readable => self.read(place),
            other => other,
        };
        taken.with_context(|| format!("member {place}"))
    }

    fn read(&mut self, place: usize) -> anyhow::Result<()> {
        loop {
            let link = &mut self.links[place];
            let held = link.tail.len();
            if held * 2 > self.buffer.len() {
                self.buffer.resize(held * 4, 0);
            }
            self.buffer[..held].copy_from_slice(&link.tail);
            link.tail.clear();
            let read = match link.stream.read(&mut self.buffer[held..]) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    link.tail.extend_from_slice(&self.buffer[..held]);
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            self.received_bytes += read as u64;
            let filled = held + read;
            let parsed = self.parse(place, filled)?;
            let link = &mut self.links[place];
            link.tail.extend_from_slice(&self.buffer[parsed..filled]);
            // A read that was not filled has emptied the socket: epoll(7) promises an event for more.
            if filled < self.buffer.len() {
                return Ok(());
            }
        }
    }

    /// Takes the whole frames among the first bytes of the buffer. Gives how many bytes they were.
    fn parse(&mut self, place: usize, filled: usize) -> anyhow::Result<usize> {
        let now = Instant::now();
        let mut parsed = 0;
        while parsed < filled {
            let link = &mut self.links[place];
            let room = &mut self.rooms[link.seat.room];
            let bytes = &self.buffer[parsed..filled];
            if let Some(length) = room.take_same(link.expects, bytes, now) {
                link.expects += 1;
                parsed += length;
                continue;
            }
            let Some(length) = self.protocol.split(&link.seat, bytes)? else {
                break;
            };
            let frame = &bytes[..length];
            self.out.clear();
            let heard = self.protocol.hear(&mut link.seat, frame, &mut self.out)?;
            if heard == Heard::Ready && !link.is_ready {
                link.is_ready = true;
                self.ready += 1;
            }
            if room.take(heard, link.expects, frame, now)? {
                link.expects += 1;
            }
            parsed += length;
            if !self.out.is_empty() {
                self.write_out(place)?;
            }
        }
        Ok(parsed)
    }

    /// Writes what stands in `out` to a connection, after what waits for it.
    fn write_out(&mut self, place: usize) -> anyhow::Result<()> {
        let link = &mut self.links[place];
        if !link.pending.is_empty() {
            link.pending.append(&mut self.out);
            std::mem::swap(&mut link.pending, &mut self.out);
            link.pending.clear();
        }
        let mut written = 0;
        while written < self.out.len() {
            match link.stream.write(&self.out[written..]) {
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    link.pending.extend_from_slice(&self.out[written..]);
                    break;
                }
                Err(error) => return Err(error).context("the server takes nothing"),
            }
        }
        self.out.clear();
        Ok(())
    }
}
