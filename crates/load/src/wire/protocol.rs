//! What the event loop must know of a server to load it: one adapter for each kind.

/// Where a connection stands: whose it is, in which room it listens, and how far its opening is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seat {
    /// Counted over all rooms, from 0.
    pub(crate) member: usize,
    /// Counted from 0.
    pub(crate) room: usize,
    /// The adapter's own: 0 when the connection opens.
    pub(crate) step: u8,
}

/// What a frame said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing that is counted.
    Nothing,
    /// The connection is authorised, in its room, and hears what is sent from now on.
    Ready,
    /// The message with this number of the connection's room, its text checked.
    Delivery(u64),
    /// The message with this number is acknowledged to its sender.
    Ack(u64),
    /// The sender's own copy of the message with this number, which is its ack as well.
    Reflection(u64),
}

/// A protocol on one server, for all of its connections. Numbers of a room's messages are 1, 2, 3 …
///
/// `hear` is called for the first copy of each message and for whatever is no message; the other
/// copies are compared with the first byte by byte and never reach it. Where copies differ from one
/// recipient to the next, `hear` is called for each.
pub(crate) trait Protocol {
    /// Appends what a connection says first.
    fn open(&self, seat: &Seat, out: &mut Vec<u8>);

    /// The length of the first frame in these bytes, if it is whole.
    fn split(&self, seat: &Seat, bytes: &[u8]) -> anyhow::Result<Option<usize>>;

    /// Reads one frame, checks it wholly, and appends what must be answered.
    fn hear(&mut self, seat: &mut Seat, frame: &[u8], out: &mut Vec<u8>) -> anyhow::Result<Heard>;

    /// Appends the frame that sends message `number` in the seat's room.
    fn send(&mut self, seat: &Seat, number: u64, out: &mut Vec<u8>);

    /// Whether every message is acknowledged to its sender.
    fn acks(&self) -> bool;

    /// Whether every recipient of a message must get the same bytes.
    fn same_bytes(&self) -> bool;
}
