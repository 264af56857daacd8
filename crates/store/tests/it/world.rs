//! A store with people and a conversation, for tests.

use std::sync::Mutex;

use parlor_core::{
    Refusal,
    append::{Change, Event, Item},
    conversation::decide_create,
};
use parlor_protocol::{
    ConversationId, ConversationKind, CreateConversation, MessageId, SessionId, Timestamp, UserId,
};
use parlor_store::{
    Announced, Appended, Appender, AppenderConfig, Database, NewUser, PendingAppend, Store,
};
use parlor_testkit::{Engine, TestStore};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::mpsc;
use uuid::Uuid;

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) appender: Appender,
    announced: Mutex<mpsc::Receiver<Announced>>,
    place: TestStore,
}

/// A conversation, and whether it was made just now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Created {
    pub(crate) id: ConversationId,
    pub(crate) is_new: bool,
}

pub(crate) fn user(name: &str) -> UserId {
    name.parse().expect("a valid id")
}

pub(crate) fn conversation(n: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(n))
}

pub(crate) fn session(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}

pub(crate) fn message(n: u128) -> MessageId {
    MessageId(Uuid::from_u128(n))
}

pub(crate) fn new_user(name: &str) -> NewUser {
    NewUser {
        id: user(name),
        handle: name.to_owned(),
        name: format!("{name} the person"),
        email: Some(format!("{name}@example.org")),
        bio: None,
        password_hash: Some("$hash".into()),
        created_at: Timestamp(1000),
    }
}

pub(crate) fn item(to: ConversationId, actor: &str, n: i64, change: Change) -> Item {
    Item {
        conversation_id: to,
        actor: user(actor),
        now: Timestamp(5000 + n),
        change,
    }
}

pub(crate) fn send(
    n: u128,
    to: ConversationId,
    from: &str,
    client_id: Option<&str>,
    content: &str,
) -> Item {
    let change = Change::Send {
        id: message(n),
        client_id: client_id.map(str::to_owned),
        content: content.to_owned(),
    };
    item(to, from, n as i64, change)
}

impl World {
    pub(crate) async fn new(engine: Engine) -> Self {
        let place = TestStore::new(engine).await;
        let store = place.open().await;
        let (appender, announced, _) = Appender::spawn(store.clone(), AppenderConfig::default());
        let world = Self {
            store,
            appender,
            announced: Mutex::new(announced),
            place,
        };
        for name in ["ada", "grace", "linus"] {
            world
                .store
                .create_user(&new_user(name), None)
                .await
                .expect("stored");
        }
        world
    }

    /// A second handle on the same place, as another process would have.
    pub(crate) async fn reopened(&self) -> Store {
        self.place.open().await
    }

    /// Another node's own connection to the same place, which is on PostgreSQL.
    pub(crate) async fn connection(&self) -> PgConnection {
        let Database::Postgres(url) = &self.place.config.database else {
            panic!("a file has no connections");
        };
        PgConnection::connect(url).await.expect("connected")
    }

    pub(crate) async fn direct(&self, n: u128, maker: &str, other: &str) -> Created {
        self.create(n, maker, &[other], None).await
    }

    pub(crate) async fn group(&self, n: u128, maker: &str, others: &[&str]) -> ConversationId {
        self.create(n, maker, others, Some(ConversationKind::Group))
            .await
            .id
    }

    pub(crate) async fn channel(&self, n: u128, maker: &str, others: &[&str]) -> ConversationId {
        self.create(n, maker, others, Some(ConversationKind::Channel))
            .await
            .id
    }

    async fn create(
        &self,
        n: u128,
        maker: &str,
        others: &[&str],
        kind: Option<ConversationKind>,
    ) -> Created {
        let body = CreateConversation {
            kind,
            member_ids: others.iter().map(|name| user(name)).collect(),
            title: kind.map(|_| format!("Talk {n}")),
            label: None,
            metadata: None,
        };
        let new = decide_create(&user(maker), body).expect("allowed");
        let made = item(conversation(n), maker, n as i64 - 3000, Change::Create(new));
        match self.does(made).await.expect("made") {
            Appended::Conversation { id, is_new } => Created { id, is_new },
            other => panic!("{other:?}"),
        }
    }

    /// One change, in a batch with what else waits.
    pub(crate) fn queues(&self, item: Item) -> PendingAppend {
        self.appender.enqueue(item).expect("queued")
    }

    /// One change by itself.
    pub(crate) async fn does(&self, item: Item) -> Result<Appended, Refusal> {
        self.ends(self.queues(item)).await
    }

    /// What a change has come to.
    pub(crate) async fn ends(&self, pending: PendingAppend) -> Result<Appended, Refusal> {
        let done = pending.committed().await;
        // Nobody publishes here: the events wait until they are asked for, and must not fill up.
        self.events();
        done
    }

    /// One change by itself, and what it announces.
    pub(crate) async fn announces(&self, item: Item) -> Vec<Event> {
        let pending = self.appender.enqueue(item).expect("queued");
        pending.committed().await.expect("done");
        self.events()
    }

    fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut announced = self.announced.lock().expect("no test panics here");
        while let Ok(Announced::Committed { events: more, .. }) = announced.try_recv() {
            events.extend(more);
        }
        events
    }
}
