//! Who is here: told tick by tick to those who may see it. However many come within one, each of them
//! makes one frame, and everybody else gets it once. Only the last moment of those who went is stored.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use parlor_core::{Actor, Presence, Presented, Refusal};
use parlor_hub::{Connection, ConnectionId, Hub, Loaded};
use parlor_protocol::{
    ConversationId, DeviceStatus, Person, PresenceStatus, ServerFrame, Timestamp, UserId,
    limits::WATCHED_MAX,
};
use parlor_store::{Store, StoreError};

use crate::{
    App, Clock,
    app::refused,
    publisher::{WRITES_AT_ONCE, write_out},
    sight,
};

/// People of whom news is told in one tick: the questions of a storm come in parts.
const NEWS_MAX: usize = 1_000;

/// Who is here, on this node.
pub(crate) struct Presences {
    store: Store,
    hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
    started: Instant,
    people: Mutex<People>,
}

struct People {
    presence: Presence<ConnectionId>,
    /// When people were last seen whom the store does not know of yet.
    seen: HashMap<UserId, Timestamp>,
    /// What was written last: whoever read the store just before finds them here.
    written: HashMap<UserId, Timestamp>,
}

impl People {
    fn last_seen(&self, user_id: &UserId) -> Option<Timestamp> {
        let seen = self.seen.get(user_id);
        seen.or_else(|| self.written.get(user_id)).copied()
    }
}

impl Presences {
    pub(crate) fn new(grace: Duration, store: Store, hub: Arc<Hub>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            hub,
            clock,
            started: Instant::now(),
            people: Mutex::new(People {
                presence: Presence::new(grace.as_millis() as u64),
                seen: HashMap::new(),
                written: HashMap::new(),
            }),
        }
    }

    pub(crate) fn connected(&self, connection: &Connection) {
        let presence = &mut self.people.lock().presence;
        presence.connect(connection.user_id(), connection.id());
    }

    /// `true` when it was the last device.
    pub(crate) fn disconnected(&self, connection: &Connection) -> bool {
        let (now_ms, at) = (self.now_ms(), self.clock.now());
        let presence = &mut self.people.lock().presence;
        presence.disconnect(connection.user_id(), connection.id(), now_ms, at)
    }

    pub(crate) fn rest(&self) -> bool {
        let people = self.people.lock();
        people.presence.is_quiet() && people.seen.is_empty()
    }

    /// Tells what is new. What cannot be told now, because the store is away, stays in `untold`.
    pub(crate) async fn tick(&self, untold: &mut HashMap<UserId, Presented>) {
        for news in self.news() {
            untold.insert(news.user_id.clone(), news);
        }
        if untold.is_empty() {
            return;
        }
        let mut loaded = Loaded::default();
        let told = self.tell(untold, &mut loaded).await;
        while !loaded.is_empty() {
            loaded.split_off(WRITES_AT_ONCE).flush();
            tokio::task::yield_now().await;
        }
        match told {
            Ok(()) => *untold = HashMap::new(),
            Err(error) => tracing::debug!(%error, "nobody can be told who is here"),
        }
    }

    fn news(&self) -> Vec<Presented> {
        let People { presence, seen, .. } = &mut *self.people.lock();
        presence.tick(self.now_ms(), NEWS_MAX, |user_id, at| {
            seen.insert(user_id.clone(), at);
        })
    }

    async fn tell(
        &self,
        untold: &HashMap<UserId, Presented>,
        loaded: &mut Loaded,
    ) -> Result<(), StoreError> {
        let people: Vec<UserId> = untold.keys().cloned().collect();
        let mut rooms = sight::rooms(&self.store, &people).await?;
        for news in untold.values() {
            let rooms = rooms.remove(&news.user_id).unwrap_or_default();
            let hearing = self.hearing(&news.user_id, &rooms).await?;
            if !hearing.is_empty() {
                self.hub.publish_to(&hearing, &frame(news.clone()), loaded);
            }
        }
        Ok(())
    }

    /// The connections that are to hear of somebody.
    async fn hearing(
        &self,
        user_id: &UserId,
        rooms: &[ConversationId],
    ) -> Result<Vec<Arc<Connection>>, StoreError> {
        let mut hearing = self.hub.others_in(user_id, rooms);
        let hears = |id| hearing.binary_search_by_key(&id, |it| it.id()).is_ok();
        let watchers: Vec<(UserId, ConnectionId)> = {
            let people = self.people.lock();
            let watchers = people.presence.watchers(user_id).iter();
            watchers.filter(|(_, id)| !hears(*id)).cloned().collect()
        };
        if watchers.is_empty() {
            return Ok(hearing);
        }
        let asking: BTreeSet<UserId> = watchers.iter().map(|(user, _)| user.clone()).collect();
        let asking: Vec<UserId> = asking.into_iter().collect();
        let allowed = sight::visible(&self.store, user_id, &asking).await?;
        let allowed = watchers.iter().filter(|(user, _)| allowed.contains(user));
        hearing.extend(allowed.filter_map(|(user, id)| self.hub.connection(user, *id)));
        Ok(hearing)
    }

    /// How these people are now, as far as the viewer may see it; given to `present` without a chance for
    /// anything newer to be told in between.
    async fn present(
        &self,
        viewer: &UserId,
        people: &[UserId],
        mut present: impl FnMut(Presented),
    ) -> Result<(), StoreError> {
        let visible = sight::visible(&self.store, viewer, people).await?;
        let stored = self.store.last_seen(&visible).await?;
        let held = self.people.lock();
        for user_id in visible {
            let status = held.presence.status(&user_id);
            let seen = || held.last_seen(&user_id).or(stored.get(&user_id).copied());
            present(Presented {
                last_seen_at: (status == PresenceStatus::Offline).then(seen).flatten(),
                status,
                user_id,
            });
        }
        Ok(())
    }

    /// Stores when people were last seen. What cannot be stored now is tried again.
    pub(crate) async fn keep_seen(&self) {
        let seen: Vec<_> = {
            let people = &mut *self.people.lock();
            people.written = std::mem::take(&mut people.seen);
            let seen = people.written.iter();
            seen.map(|(user_id, at)| (user_id.clone(), *at)).collect()
        };
        if seen.is_empty() {
            return;
        }
        if let Err(error) = self.store.keep_last_seen(&seen).await {
            tracing::warn!(%error, "when people were last seen could not be stored");
            let people = &mut *self.people.lock();
            for (user_id, at) in seen {
                people.seen.entry(user_id).or_insert(at);
            }
        }
    }

    /// The server stops: nobody is told, but it will be known when everybody was last seen.
    pub(crate) fn end(&self) {
        let people = &mut *self.people.lock();
        people
            .seen
            .extend(people.presence.everyone(self.clock.now()));
    }

    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}

fn frame(news: Presented) -> ServerFrame {
    let Presented {
        user_id,
        status,
        last_seen_at,
    } = news;
    ServerFrame::PresenceUpdate {
        user_id,
        status,
        last_seen_at,
    }
}

impl App {
    /// One person, and whether they are here where the actor may see it.
    pub async fn person(&self, actor: &Actor, id: &UserId) -> Result<Person, Refusal> {
        let summary = self.store.user_summary(id).await.map_err(refused)?;
        let mut person = Person {
            summary: summary.ok_or_else(|| Refusal::not_found("user"))?,
            status: None,
            last_seen_at: None,
        };
        let people = std::slice::from_ref(id);
        let presences = &self.ephemeral.presences;
        presences
            .present(&actor.user_id, people, |presented| {
                person.status = Some(presented.status);
                person.last_seen_at = presented.last_seen_at;
            })
            .await
            .map_err(refused)?;
        Ok(person)
    }

    /// A device of the actor's says whether it is in use.
    pub fn set_presence(&self, connection: &Connection, status: DeviceStatus) {
        let mut people = self.ephemeral.presences.people.lock();
        let presence = &mut people.presence;
        presence.set(connection.user_id(), connection.id(), status);
        drop(people);
        self.ephemeral.wake();
    }

    /// From here on a device hears of these people, and no longer of those whom it named before. To be
    /// called while it is connected; what is true now is told by [`App::tell_presence`].
    pub fn watch_presence(
        &self,
        connection: &Connection,
        people: Vec<UserId>,
    ) -> Result<Vec<UserId>, Refusal> {
        if people.len() > WATCHED_MAX {
            let message = format!("at most {WATCHED_MAX}");
            return Err(Refusal::field("userIds", message));
        }
        let people: BTreeSet<UserId> = people.into_iter().collect();
        let people: Vec<UserId> = people.into_iter().collect();
        let presence = &mut self.ephemeral.presences.people.lock().presence;
        presence.watch(connection.user_id(), connection.id(), people.clone());
        Ok(people)
    }

    /// Tells a device how these people are now, as far as its user may see it.
    pub async fn tell_presence(
        &self,
        connection: &Arc<Connection>,
        people: &[UserId],
    ) -> Result<(), Refusal> {
        let mut loaded = Loaded::default();
        let to = std::slice::from_ref(connection);
        let _turn = self.syncs.acquire().await;
        let presences = &self.ephemeral.presences;
        presences
            .present(connection.user_id(), people, |presented| {
                self.hub.publish_to(to, &frame(presented), &mut loaded);
            })
            .await
            .map_err(refused)?;
        write_out(loaded);
        Ok(())
    }
}
