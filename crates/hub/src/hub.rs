//! The registry: connections by user, topics by conversation.
//!
//! Sharded by hash so that two conversations rarely share a lock. Every lock is held for pushes
//! into memory only, never over an await.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use parlor_core::planted::planted;
use parlor_protocol::{CloseCode, ConversationId, ServerFrame, SessionId, UserId};
use smallvec::SmallVec;

use crate::{Connection, ConnectionId, Frame, Loaded, Outbox, connection::Topics};

/// Locks per map: enough that cores do not meet, few enough to walk them all.
const SHARDS: usize = 64;

/// Most topics of most servers have one or two of their people here: those need no room of their own.
type Connections = SmallVec<[Arc<Connection>; 2]>;
type Shard<K> = Mutex<HashMap<K, Connections>>;

/// Live connections and what they listen to.
#[derive(Debug)]
pub struct Hub {
    users: Box<[Shard<UserId>]>,
    topics: Box<[Shard<ConversationId>]>,
    hasher: RandomState,
    next_id: AtomicU64,
    published: AtomicU64,
    delivered: AtomicU64,
}

/// What the hub has done and holds, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Connections now.
    pub connections: u64,
    /// Frames published since the start.
    pub published: u64,
    /// Copies of them put into outboxes since the start.
    pub delivered: u64,
}

impl Default for Hub {
    fn default() -> Self {
        fn shards<K>() -> Box<[Shard<K>]> {
            (0..SHARDS).map(|_| Mutex::default()).collect()
        }
        Self {
            users: shards(),
            topics: shards(),
            hasher: RandomState::new(),
            next_id: AtomicU64::new(0),
            published: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
        }
    }
}

impl Hub {
    /// Registers a connection. From here on it hears what concerns its user; `join` adds topics.
    ///
    /// Register first and load the user's conversations after it: one that the user is added to in
    /// between reaches the connection through [`Hub::join_user`], so that none is missed.
    ///
    /// `None` when the user has `per_user_max` connections already.
    pub fn connect(
        &self,
        user_id: UserId,
        session_id: Option<SessionId>,
        outbox: Arc<Outbox>,
        per_user_max: usize,
    ) -> Option<Arc<Connection>> {
        let id = ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let connection = Arc::new(Connection::new(id, user_id.clone(), session_id, outbox));
        let mut users = self.user(&user_id).lock();
        let connections = users.entry(user_id).or_default();
        if connections.len() >= per_user_max {
            return None;
        }
        connections.push(connection.clone());
        drop(users);
        Some(connection)
    }

    /// Puts a connection into the topics of its user's conversations, once they are loaded.
    pub fn join(&self, connection: &Arc<Connection>, conversations: &[ConversationId]) {
        // Held throughout: whoever leaves meanwhile does so before the list counts or after it.
        let mut topics = connection.topics.lock();
        let Some(topics) = &mut *topics else { return };
        let left = topics.left.take().unwrap_or_default();
        let ids = conversations.iter().filter(|id| !left.contains(id));
        let mut ids: Vec<ConversationId> = ids.copied().collect();
        // In order each goes to the end.
        ids.sort_unstable();
        topics.joined.reserve_exact(ids.len());
        for id in ids {
            self.enter(connection, topics, id);
        }
        topics.joined.shrink_to_fit();
    }

    /// Puts all connections of a user into a topic: they have become a member.
    pub fn join_user(&self, user_id: &UserId, conversation_id: ConversationId) {
        for connection in self.connections_of(user_id) {
            self.join_one(&connection, conversation_id);
        }
    }

    fn join_one(&self, connection: &Arc<Connection>, conversation_id: ConversationId) {
        let mut topics = connection.topics.lock();
        let Some(topics) = &mut *topics else { return };
        if let Some(left) = &mut topics.left {
            left.remove(&conversation_id);
        }
        self.enter(connection, topics, conversation_id);
    }

    fn enter(&self, connection: &Arc<Connection>, topics: &mut Topics, id: ConversationId) {
        if topics.enter(id) {
            let mut topic = self.topic(id).lock();
            topic.entry(id).or_default().push(connection.clone());
        }
    }

    /// Takes all connections of a user out of a topic: they are no longer a member.
    pub fn leave_user(&self, user_id: &UserId, conversation_id: ConversationId) {
        if planted("removed-hears") {
            return;
        }
        for connection in self.connections_of(user_id) {
            let mut topics = connection.topics.lock();
            let Some(topics) = &mut *topics else { continue };
            if let Some(left) = &mut topics.left {
                left.insert(conversation_id);
            }
            if topics.leave(conversation_id) {
                remove(self.topic(conversation_id), &conversation_id, connection.id);
            }
        }
    }

    /// Forgets a connection.
    pub fn disconnect(&self, connection: &Arc<Connection>) {
        remove(
            self.user(&connection.user_id),
            &connection.user_id,
            connection.id,
        );
        let topics = connection.topics.lock().take();
        for topic in topics.into_iter().flat_map(|topics| topics.joined) {
            remove(self.topic(topic), &topic, connection.id);
        }
    }

    /// Gives a frame to every connection in a conversation's topic. Encoded once. Those in `loaded`
    /// are to be written out.
    pub fn publish(
        &self,
        conversation_id: ConversationId,
        frame: &ServerFrame,
        loaded: &mut Loaded,
    ) {
        let frame = Frame::of(frame);
        let topic = self.topic(conversation_id).lock();
        self.deliver(
            topic.get(&conversation_id).map_or(&[], SmallVec::as_slice),
            &frame,
            loaded,
        );
    }

    /// Gives a frame to every connection of a user. Encoded once. Those in `loaded` are to be written
    /// out.
    pub fn publish_to_user(&self, user_id: &UserId, frame: &ServerFrame, loaded: &mut Loaded) {
        let frame = Frame::of(frame);
        let users = self.user(user_id).lock();
        self.deliver(
            users.get(user_id).map_or(&[], SmallVec::as_slice),
            &frame,
            loaded,
        );
    }

    /// Gives a frame to these connections. Encoded once. Those in `loaded` are to be written out.
    pub fn publish_to(
        &self,
        connections: &[Arc<Connection>],
        frame: &ServerFrame,
        loaded: &mut Loaded,
    ) {
        self.deliver(connections, &Frame::of(frame), loaded);
    }

    /// The connections of everybody else who hears one of these conversations, in the order of their
    /// ids: each once, however many conversations they share.
    pub fn others_in(
        &self,
        user_id: &UserId,
        conversations: &[ConversationId],
    ) -> Vec<Arc<Connection>> {
        let mut others: Vec<Arc<Connection>> = Vec::new();
        for id in conversations {
            let topic = self.topic(*id).lock();
            let hearing = topic.get(id).into_iter().flatten();
            others.extend(hearing.filter(|other| other.user_id != *user_id).cloned());
        }
        others.sort_unstable_by_key(|other| other.id);
        others.dedup_by_key(|other| other.id);
        others
    }

    /// A connection of a user.
    pub fn connection(&self, user_id: &UserId, id: ConnectionId) -> Option<Arc<Connection>> {
        let users = self.user(user_id).lock();
        let mut theirs = users.get(user_id).into_iter().flatten();
        theirs.find(|connection| connection.id == id).cloned()
    }

    /// Gives a frame once to every connection in any of these topics. Encoded once. Those in `loaded` are
    /// to be written out.
    pub fn publish_once(
        &self,
        conversations: &[ConversationId],
        frame: &ServerFrame,
        loaded: &mut Loaded,
    ) {
        let frame = Frame::of(frame);
        let mut heard = HashSet::new();
        for id in conversations {
            let topic = self.topic(*id).lock();
            let connections = topic.get(id).map_or(&[][..], SmallVec::as_slice);
            let new = connections.iter().filter(|it| heard.insert(it.id));
            let new: Connections = new.cloned().collect();
            self.deliver(&new, &frame, loaded);
        }
    }

    /// Whether a user has a connection.
    pub fn is_online(&self, user_id: &UserId) -> bool {
        self.user(user_id).lock().contains_key(user_id)
    }

    fn deliver(&self, connections: &[Arc<Connection>], frame: &Frame, loaded: &mut Loaded) {
        for connection in connections {
            if connection.outbox().push(frame.clone()) {
                loaded.add(connection);
            }
        }
        self.published.fetch_add(1, Ordering::Relaxed);
        self.delivered
            .fetch_add(connections.len() as u64, Ordering::Relaxed);
    }

    /// Ends all connections of a session: it was revoked.
    pub fn end_session(&self, user_id: &UserId, session_id: SessionId) {
        for connection in self.connections_of(user_id) {
            if connection.session_id == Some(session_id) {
                connection.outbox().end(CloseCode::Revoked);
            }
        }
    }

    /// Ends all connections of a user: they come back and read what they could not be told.
    pub fn end_user(&self, user_id: &UserId, code: CloseCode) {
        for connection in self.connections_of(user_id) {
            connection.outbox().end(code);
        }
    }

    /// Ends all connections: the server stops.
    pub fn end_all(&self, code: CloseCode) {
        for shard in &self.users {
            for connection in shard.lock().values().flatten() {
                connection.outbox().end(code);
            }
        }
    }

    /// What the hub has done and holds.
    pub fn counts(&self) -> Counts {
        let connections = self
            .users
            .iter()
            .map(|shard| shard.lock().values().map(SmallVec::len).sum::<usize>())
            .sum::<usize>();
        Counts {
            connections: connections as u64,
            published: self.published.load(Ordering::Relaxed),
            delivered: self.delivered.load(Ordering::Relaxed),
        }
    }

    fn connections_of(&self, user_id: &UserId) -> Connections {
        self.user(user_id)
            .lock()
            .get(user_id)
            .cloned()
            .unwrap_or_default()
    }

    fn user(&self, user_id: &UserId) -> &Shard<UserId> {
        &self.users[self.hasher.hash_one(user_id) as usize % SHARDS]
    }

    fn topic(&self, conversation_id: ConversationId) -> &Shard<ConversationId> {
        &self.topics[self.hasher.hash_one(conversation_id) as usize % SHARDS]
    }
}

fn remove<K: std::hash::Hash + Eq>(shard: &Shard<K>, key: &K, id: ConnectionId) {
    let mut map = shard.lock();
    if let Some(connections) = map.get_mut(key) {
        connections.retain(|other| other.id != id);
        if connections.is_empty() {
            map.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::Tape;

    fn user(name: &str) -> UserId {
        name.parse().expect("a valid id")
    }

    fn conversation(n: u8) -> ConversationId {
        format!("0190b2c8-0000-7000-8000-0000000000{n:02}")
            .parse()
            .expect("a valid id")
    }

    fn session(n: u8) -> SessionId {
        format!("0190b2c8-0000-7000-8000-0000000000{n:02}")
            .parse()
            .expect("a valid id")
    }

    /// Somebody who is connected, and the line to them.
    struct Phone(Arc<Connection>, Arc<Tape>);

    impl std::ops::Deref for Phone {
        type Target = Arc<Connection>;
        fn deref(&self) -> &Arc<Connection> {
            &self.0
        }
    }

    fn outbox() -> (Arc<Outbox>, Arc<Tape>) {
        let tape = Arc::new(Tape::default());
        let outbox = Outbox::new(tape.clone());
        outbox.open();
        (Arc::new(outbox), tape)
    }

    fn connect(hub: &Hub, user: UserId, session: Option<SessionId>) -> Phone {
        let (outbox, tape) = outbox();
        let connection = hub.connect(user, session, outbox, 2).expect("a place");
        Phone(connection, tape)
    }

    fn publish(hub: &Hub, id: ConversationId) {
        let mut loaded = Loaded::default();
        hub.publish(id, &FRAME, &mut loaded);
        loaded.flush();
    }

    /// How many frames have come since the last time.
    fn received(phone: &Phone) -> usize {
        let bytes = phone.1.take();
        let one = Frame::of(&FRAME).bytes.len();
        assert_eq!(bytes.len() % one, 0, "whole frames");
        bytes.len() / one
    }

    fn ended(phone: &Phone) -> Option<CloseCode> {
        phone.outbox().end_reason()
    }

    const FRAME: ServerFrame = ServerFrame::Pong {
        reference: None,
        cursor: None,
    };

    #[test]
    fn a_frame_reaches_each_connection_of_its_topic_once() {
        let hub = Hub::default();
        let phone = connect(&hub, user("ada"), None);
        let desk = connect(&hub, user("ada"), None);
        let grace = connect(&hub, user("grace"), None);
        hub.join(&phone, &[conversation(1), conversation(1)]);
        // Both ways of joining at once: loaded and told.
        hub.join_user(&user("ada"), conversation(1));
        hub.join(&desk, &[conversation(1)]);
        publish(&hub, conversation(1));
        assert_eq!(
            [received(&phone), received(&desk), received(&grace)],
            [1, 1, 0]
        );
        publish(&hub, conversation(2));
        assert_eq!(
            [received(&phone), received(&desk), received(&grace)],
            [0, 0, 0]
        );
        assert_eq!(
            hub.counts(),
            Counts {
                connections: 3,
                published: 2,
                delivered: 2
            }
        );
    }

    #[test]
    fn a_connection_that_is_gone_leaves_nothing_behind() {
        let hub = Hub::default();
        let phone = connect(&hub, user("ada"), None);
        hub.join(&phone, &[conversation(1), conversation(2)]);
        hub.disconnect(&phone);
        hub.join(&phone, &[conversation(3)]);
        publish(&hub, conversation(1));
        assert_eq!(received(&phone), 0);
        assert_eq!(hub.counts().connections, 0);
        assert!(hub.topics.iter().all(|shard| shard.lock().is_empty()));
        assert_eq!(Arc::strong_count(&phone), 1);
    }

    #[test]
    fn whoever_left_hears_nothing_more() {
        let hub = Hub::default();
        let phone = connect(&hub, user("ada"), None);
        let grace = connect(&hub, user("grace"), None);
        hub.join(&phone, &[conversation(1), conversation(2)]);
        hub.join(&grace, &[conversation(1)]);
        hub.leave_user(&user("ada"), conversation(1));
        publish(&hub, conversation(1));
        assert_eq!([received(&phone), received(&grace)], [0, 1]);
        publish(&hub, conversation(2));
        assert_eq!(received(&phone), 1);
        hub.join_user(&user("ada"), conversation(1));
        publish(&hub, conversation(1));
        assert_eq!(received(&phone), 1);
        let mut loaded = Loaded::default();
        hub.publish_to_user(&user("ada"), &FRAME, &mut loaded);
        loaded.flush();
        assert_eq!([received(&phone), received(&grace)], [1, 1]);
    }

    #[test]
    fn whoever_shares_something_with_somebody_is_named_once() {
        let hub = Hub::default();
        let ada = connect(&hub, user("ada"), None);
        let grace = connect(&hub, user("grace"), None);
        let stranger = connect(&hub, user("stranger"), None);
        let shared: Vec<ConversationId> = (1..50).map(conversation).collect();
        hub.join(&grace, &shared);
        hub.join(&ada, &shared);
        hub.join(&stranger, &[conversation(77)]);
        let others = hub.others_in(&user("ada"), &shared);
        assert_eq!(
            others.iter().map(|it| it.id).collect::<Vec<_>>(),
            [grace.id]
        );
        assert!(hub.others_in(&user("ada"), &[conversation(88)]).is_empty());
        let mut loaded = Loaded::default();
        hub.publish_to(&others, &FRAME, &mut loaded);
        loaded.flush();
        assert_eq!([&ada, &grace, &stranger].map(received), [0, 1, 0]);
        assert!(hub.connection(&user("grace"), grace.id).is_some());
        assert!(hub.connection(&user("ada"), grace.id).is_none());
    }

    /// The list of conversations was read before the removal and arrives after it.
    #[test]
    fn a_list_that_comes_late_brings_nobody_back() {
        let hub = Hub::default();
        let phone = connect(&hub, user("ada"), None);
        hub.leave_user(&user("ada"), conversation(1));
        hub.leave_user(&user("ada"), conversation(2));
        hub.join_user(&user("ada"), conversation(2));
        hub.join(&phone, &[conversation(1), conversation(2), conversation(3)]);
        for n in 1..=3 {
            publish(&hub, conversation(n));
        }
        assert_eq!(received(&phone), 2);
    }

    /// The removal falls somewhere into the joining of thousands of topics.
    #[test]
    fn whoever_leaves_while_they_join_has_left() {
        let many: Vec<ConversationId> = (0..2000)
            .map(|n| {
                format!("0190b2c8-0000-7000-8000-{n:012}")
                    .parse()
                    .expect("a valid id")
            })
            .collect();
        let last = many[many.len() - 1];
        for _ in 0..50 {
            let hub = Hub::default();
            let phone = connect(&hub, user("ada"), None);
            std::thread::scope(|scope| {
                scope.spawn(|| hub.join(&phone, &many));
                scope.spawn(|| hub.leave_user(&user("ada"), last));
            });
            publish(&hub, last);
            assert_eq!(received(&phone), 0);
        }
    }

    #[test]
    fn one_user_has_so_many_connections_and_no_more() {
        let hub = Hub::default();
        let phone = connect(&hub, user("ada"), None);
        let _desk = connect(&hub, user("ada"), None);
        assert!(hub.connect(user("ada"), None, outbox().0, 2).is_none());
        hub.disconnect(&phone);
        assert!(hub.connect(user("ada"), None, outbox().0, 2).is_some());
    }

    #[test]
    fn p6_a_revoked_session_ends_and_no_other() {
        let hub = Hub::default();
        let phone = connect(&hub, user("ada"), Some(session(1)));
        let desk = connect(&hub, user("ada"), Some(session(2)));
        hub.end_session(&user("ada"), session(1));
        assert_eq!(
            [ended(&phone), ended(&desk)],
            [Some(CloseCode::Revoked), None]
        );
    }
}
