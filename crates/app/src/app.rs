//! The application: its parts, its start and its stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use parlor_auth::{HostTokens, Keys, Passwords, Seal, Tokens};
use parlor_core::{Rate, Refusal};
use parlor_hub::{Connection, Hub, Loaded, Outbox};
use parlor_protocol::{CloseCode, Code, Timestamp};
use parlor_store::{Appender, AppenderConfig, Store, StoreError};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
};

use crate::{
    Clock, Lasting, admission::Admission, ephemeral::Ephemeral, limiter::Limiter,
    login_links::LoginLinks, publisher::Publisher, revoked::Revoked, tails::Tails,
};

/// How long ended sessions are kept: a used refresh token of theirs is still recognised.
const SESSIONS_REMEMBERED: Duration = Duration::from_hours(24 * 30);
/// How long public counters are good for: counting reads whole tables, and anyone may ask.
const STATS_KEPT: Duration = Duration::from_secs(5);

/// Syncs that read the store at once; more wait for their turn. A storm of resumes must leave
/// connections to those who are here already.
const SYNCS_MAX: usize = 16;
/// How long what is queued may take to be committed and announced when the server stops.
const STOPPING: Duration = Duration::from_secs(20);

/// How the application behaves.
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// How long an access token lives.
    pub access_token_lifetime: Duration,
    /// How long a session lives without a refresh.
    pub session_lifetime: Duration,
    /// Passwords hashed at once; each takes 19 MiB.
    pub password_hashes_max: usize,
    /// Sign-in attempts for one account.
    pub logins_per_account: Rate,
    /// Sign-in attempts and registrations from one address.
    pub logins_per_address: Rate,
    /// REST requests of one user.
    pub requests_per_user: Rate,
    /// Sockets of one user at once.
    pub sockets_per_user_max: usize,
    /// Sockets that may be joining their conversations at once; more handshakes are turned away.
    pub attaching_max: usize,
    /// Whether anyone may register.
    pub registration_open: bool,
    /// Checks the tokens of the app that has its own users, if there is one.
    pub host_tokens: Option<HostTokens>,
    /// Whether login links can be used.
    pub demo: bool,
    /// How long people count as here and as writing.
    pub lasting: Lasting,
}

impl Default for AppConfig {
    fn default() -> Self {
        Self {
            access_token_lifetime: Duration::from_hours(1),
            session_lifetime: Duration::from_hours(720),
            password_hashes_max: 2,
            logins_per_account: Rate {
                per_minute: 10,
                burst: 10,
            },
            logins_per_address: Rate {
                per_minute: 60,
                burst: 60,
            },
            requests_per_user: Rate {
                per_minute: 3000,
                burst: 300,
            },
            sockets_per_user_max: 100,
            attaching_max: 2_000,
            registration_open: true,
            host_tokens: None,
            demo: false,
            lasting: Lasting::default(),
        }
    }
}

/// The application. One for each server, shared by all transports.
pub struct App {
    pub(crate) config: AppConfig,
    pub(crate) store: Store,
    pub(crate) hub: Arc<Hub>,
    pub(crate) appender: Appender,
    pub(crate) ephemeral: Arc<Ephemeral>,
    pub(crate) passwords: Passwords,
    pub(crate) tokens: Tokens,
    pub(crate) admission: Admission,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) revoked: Revoked,
    pub(crate) login_links: LoginLinks,
    pub(crate) account_limiter: Limiter,
    pub(crate) address_limiter: Limiter,
    user_limiter: Limiter,
    started: Instant,
    counted: Mutex<Option<(Instant, Stats)>>,
    epoch: String,
    /// Signs sync cursors.
    pub(crate) cursors: Seal,
    /// The first tick that may not be announced yet.
    pub(crate) position: Arc<AtomicI64>,
    pub(crate) syncs: Semaphore,
    pub(crate) tails: Arc<Tails>,
    pub(crate) attaching: AtomicUsize,
    failed: watch::Receiver<bool>,
    draining: AtomicBool,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// Public counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Registered people.
    pub users: i64,
    /// Conversations.
    pub conversations: i64,
    /// Stored messages.
    pub messages: i64,
    /// Live connections on this node.
    pub connections: u64,
    /// Frames put into outboxes on this node since its start.
    pub delivered: u64,
}

impl App {
    /// Starts the application's tasks on an open store.
    pub async fn start(
        config: AppConfig,
        store: Store,
        keys: &Keys,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StoreError> {
        let now = clock.now();
        if store.is_from_elsewhere().await? {
            tracing::warn!("this database was filled on another server: a new epoch begins");
            store.renew_epoch(&parlor_auth::code()).await?;
        }
        let epoch = store.epoch(&parlor_auth::code()).await?;
        let revoked = Revoked::default();
        let since = Timestamp(now.0 - config.access_token_lifetime.as_millis() as i64);
        for id in store.revoked_since(since).await? {
            revoked.add(id, now, config.access_token_lifetime);
        }
        let ended_before = Timestamp(now.0 - SESSIONS_REMEMBERED.as_millis() as i64);
        store.forget_sessions(ended_before).await?;
        let hub = Arc::new(Hub::default());
        // Nobody writes yet: all that is there is known to whoever reads it from here on.
        let position = Arc::new(AtomicI64::new(store.position().await?.next));
        let (appender, committed, appending) =
            Appender::spawn(store.clone(), AppenderConfig::default());
        let (fail, failed) = watch::channel(false);
        let ephemeral = Ephemeral::new(config.lasting, store.clone(), &hub, clock.clone());
        let ephemeral = Arc::new(ephemeral);
        let passing = tokio::spawn(ephemeral.clone().run());
        let publisher = Publisher {
            store: store.clone(),
            hub: hub.clone(),
            ephemeral: ephemeral.clone(),
            position: position.clone(),
            failed: fail,
            undecided: Vec::new(),
            loaded: Loaded::default(),
        };
        let publishing = tokio::spawn(publisher.run(committed));
        let tails = Arc::<Tails>::default();
        let (admission, admitting) = Admission::spawn(store.clone(), clock.clone(), tails.clone());
        let passwords = Passwords::new(config.password_hashes_max)
            .map_err(|e| StoreError::Corrupt(e.to_string()))?;
        Ok(Arc::new(Self {
            tokens: Tokens::new(keys, config.access_token_lifetime.as_secs()),
            account_limiter: Limiter::new(config.logins_per_account),
            address_limiter: Limiter::new(config.logins_per_address),
            user_limiter: Limiter::new(config.requests_per_user),
            started: Instant::now(),
            counted: Mutex::default(),
            config,
            store,
            hub,
            appender,
            ephemeral,
            passwords,
            admission,
            clock,
            revoked,
            login_links: LoginLinks::default(),
            epoch,
            cursors: Seal::new(keys, "sync cursor"),
            position,
            syncs: Semaphore::new(SYNCS_MAX),
            tails,
            attaching: AtomicUsize::new(0),
            failed,
            draining: AtomicBool::new(false),
            tasks: Mutex::new(vec![admitting, appending, publishing, passing]),
        }))
    }

    /// Says that the server is about to stop: it is not ready for new work.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Tells all live connections to come back later. Whoever makes one after this looks whether the
    /// server drains.
    pub fn end_connections(&self) {
        self.hub.end_all(CloseCode::Restart);
    }

    /// Commits what is queued, publishes it, and closes the store.
    pub async fn stop(&self) {
        self.drain();
        self.admission.close();
        self.appender.close();
        self.ephemeral.close();
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for task in tasks {
            let stop = task.abort_handle();
            match tokio::time::timeout(STOPPING, task).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a task did not end well"),
                Err(_) => {
                    tracing::warn!("the store is away: stopping without it");
                    stop.abort();
                }
            }
        }
        self.store.close().await;
    }

    /// Whether requests can be served: the store answers and the server is not draining.
    pub async fn ready(&self) -> Result<(), Refusal> {
        if self.draining.load(Ordering::Acquire) {
            return Err(Refusal::new(Code::Unavailable, "the server is stopping"));
        }
        self.store.ping().await.map_err(refused)
    }

    /// Public counters, at most some seconds old.
    pub async fn stats(&self) -> Result<Stats, Refusal> {
        let kept = *self.counted.lock();
        if let Some((_, stats)) = kept.filter(|(counted, _)| counted.elapsed() < STATS_KEPT) {
            return Ok(stats);
        }
        let counts = self.hub.counts();
        let stats = Stats {
            users: self.store.user_count().await.map_err(refused)?,
            conversations: self.store.conversation_count().await.map_err(refused)?,
            messages: self.store.message_count().await.map_err(refused)?,
            connections: counts.connections,
            delivered: counts.delivered,
        };
        *self.counted.lock() = Some((Instant::now(), stats));
        Ok(stats)
    }

    /// Names the store's history.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Which engine stores everything.
    pub fn engine(&self) -> &'static str {
        self.store.engine()
    }

    /// Registers a live connection for an actor and lets it hear the actor's conversations.
    pub async fn attach(
        &self,
        actor: &parlor_core::Actor,
        cursor: Option<String>,
        outbox: &Arc<Outbox>,
    ) -> Result<Attached, Refusal> {
        let resumes = cursor.is_some();
        let cursor = match cursor {
            Some(cursor) => {
                self.check_cursor(&actor.user_id, &cursor)?;
                cursor
            }
            // Before it hears anything: what is announced while it joins lies behind this place.
            None => self.position_cursor(&actor.user_id),
        };
        let Some(connection) = self.hub.connect(
            actor.user_id.clone(),
            actor.session_id,
            outbox.clone(),
            self.config.sockets_per_user_max,
        ) else {
            return Err(Refusal::new(
                Code::RateLimited,
                "this user has too many sockets",
            ));
        };
        // Whoever waits for this may give up at an await below; nothing may be left behind then.
        let attaching = Attaching::new(&self.hub, &self.attaching, connection);
        // A session revoked after its token was checked and before this line is caught here; one
        // revoked later finds the connection in the hub.
        if actor.session_id.is_some_and(|id| self.revoked.contains(id)) {
            return Err(Refusal::new(Code::SessionRevoked, "this session was ended"));
        }
        let ids = {
            let _turn = self.syncs.acquire().await;
            self.store
                .conversation_ids(&actor.user_id)
                .await
                .map_err(refused)?
        };
        let connection = attaching.done();
        self.hub.join(&connection, &ids);
        self.ephemeral.connected(&connection);
        Ok(Attached {
            connection,
            cursor,
            resumes,
        })
    }

    /// Whether so many connections are being made that more must be turned away: what works goes first.
    pub fn is_crowded(&self) -> bool {
        self.attaching.load(Ordering::Acquire) >= self.config.attaching_max
    }

    /// Turns true when nothing can be written any more and only a new start helps.
    pub fn failed(&self) -> watch::Receiver<bool> {
        self.failed.clone()
    }

    /// Forgets a live connection.
    pub fn detach(&self, connection: &Arc<Connection>) {
        self.hub.disconnect(connection);
        self.ephemeral.disconnected(connection);
    }

    /// Live connections on this node now.
    pub fn live_connections(&self) -> u64 {
        self.hub.counts().connections
    }

    /// Takes one request from the actor's allowance.
    pub fn limit_user(&self, actor: &parlor_core::Actor) -> Result<(), Refusal> {
        self.user_limiter
            .take(actor.user_id.as_str(), self.ticks_ms())
            .map_err(Refusal::rate_limited)
    }

    /// Monotonic, for limits: a wall clock that is set back must lock nobody out.
    pub(crate) fn ticks_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A live connection and where it starts.
#[derive(Debug)]
pub struct Attached {
    /// The connection.
    pub connection: Arc<Connection>,
    /// Where it starts: the cursor that it resumes from, or this moment's.
    pub cursor: String,
    /// Whether what was missed since then is to be sent first.
    pub resumes: bool,
}

/// One of those who are coming in, as long as it lives.
pub(crate) struct Coming<'a>(&'a AtomicUsize);

impl<'a> Coming<'a> {
    pub(crate) fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A registered connection that is forgotten again unless it is done.
struct Attaching<'a> {
    hub: &'a Hub,
    _coming: Coming<'a>,
    connection: Option<Arc<Connection>>,
}

impl<'a> Attaching<'a> {
    fn new(hub: &'a Hub, count: &'a AtomicUsize, connection: Arc<Connection>) -> Self {
        Self {
            hub,
            _coming: Coming::new(count),
            connection: Some(connection),
        }
    }

    fn done(mut self) -> Arc<Connection> {
        self.connection.take().expect("taken once")
    }
}

impl Drop for Attaching<'_> {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            self.hub.disconnect(connection);
        }
    }
}

/// What the caller is told of a store's failure; the cause goes to the log, once.
pub(crate) fn refused(error: StoreError) -> Refusal {
    let refusal = error.refusal();
    if !matches!(error, StoreError::Refused(_)) {
        tracing::error!(%error, "the store failed");
    }
    refusal
}

#[cfg(test)]
mod tests {
    use parlor_hub::Line;

    use super::*;

    #[derive(Debug)]
    struct Nowhere;

    impl Line for Nowhere {
        fn try_write(&self, _: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
            unreachable!("nothing is said")
        }
    }

    /// A deadline drops the future of `attach` between registering and joining.
    #[test]
    fn an_attach_that_is_given_up_leaves_nothing_behind() {
        let hub = Hub::default();
        let count = AtomicUsize::new(0);
        let attaching = || {
            let ada = "ada".parse().expect("a valid id");
            let outbox = Arc::new(Outbox::new(Arc::new(Nowhere)));
            let connection = hub.connect(ada, None, outbox, 2).expect("a place");
            Attaching::new(&hub, &count, connection)
        };
        let given_up = attaching();
        assert_eq!(
            (hub.counts().connections, count.load(Ordering::Acquire)),
            (1, 1)
        );
        drop(given_up);
        assert_eq!(
            (hub.counts().connections, count.load(Ordering::Acquire)),
            (0, 0)
        );
        let _attached = attaching().done();
        assert_eq!(
            (hub.counts().connections, count.load(Ordering::Acquire)),
            (1, 0)
        );
    }
}
